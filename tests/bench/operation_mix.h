#ifndef LARDER_TESTS_BENCH_OPERATION_MIX_H_
#define LARDER_TESTS_BENCH_OPERATION_MIX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/load/random.h"
#include "storage/keyspace.h"
#include "tests/bench/bench_keys.h"
#include "tests/bench/buffer_sink.h"

namespace larder::bench {

enum class MixedKind {
  kGet,
  kSet,
  kDelete,
  kTouch,
  kLease,
  kIncrement,
  kAppend,
  kExpire,
  kShrink,
  kPrepare,
};
inline constexpr std::array<std::string_view, 10> kMixedKindNames = {
    "get", "set", "delete", "touch", "lease", "increment", "append", "expire", "shrink", "prepare"};

struct OperationMixOptions {
  uint64_t memory_bytes = uint64_t{512} << 20;
  size_t key_bytes = 16;
  storage::EvictionKind eviction = storage::EvictionKind::kS3Fifo;
  uint64_t seed = 1;
};

// A stream of operations on a keyspace at full budget: 60 % gets, 25 % sets of values of 10..4096
// bytes uniform in log scale, 5 % deletes, 5 % touches with a ttl, 5 % leases, increments and
// appends; over four times as many keys as fit. A lease that is granted is followed by the set that
// ends it. Time is simulated: 1 ms passes with 1000 operations, and Expire, Shrink and
// PrepareMemory come every 100 ms, the first two again and again while there is more to do. Not
// thread-safe.
class OperationMix {
 public:
  // INVALID_ARGUMENT names the flag that is out of range.
  static absl::StatusOr<std::unique_ptr<OperationMix>> Create(const OperationMixOptions& options);

  // Sets keys until the budget is full.
  absl::Status Fill();

  // Chooses the next operation with its key and value.
  MixedKind Prepare();
  // Does it: what is to be timed. False: it failed, which none should.
  bool Run();

  uint64_t key_number() const { return key_number_; }
  size_t value_bytes() const { return value_bytes_; }  // that are written
  storage::KeyspaceStats stats() const { return keyspace_->Stats(); }

 private:
  explicit OperationMix(const OperationMixOptions& options);

  // The next of the operations that housekeeping has to do, if any.
  bool PrepareHousekeeping();
  MixedKind ChooseKind();
  bool RunLease();
  bool RunSet();
  bool RunIncrement();
  bool RunAppend();
  std::string_view Value() const { return std::string_view(value_).substr(0, value_bytes_); }

  const OperationMixOptions options_;
  const uint64_t keys_;
  const std::string value_;
  load::Random random_;
  ScratchKey scratch_key_;
  BufferSink sink_;
  storage::HybridClock clock_{1};
  std::unique_ptr<storage::Keyspace> keyspace_;
  storage::TimePoint now_;
  uint64_t operations_ = 0;

  // The operation at hand.
  MixedKind kind_ = MixedKind::kGet;
  uint64_t key_number_ = 0;
  storage::KeyRef key_;
  size_t value_bytes_ = 0;
  storage::TimePoint expires_at_ = storage::kNever;
  storage::LeaseToken token_;  // of a lease that was just granted, else {0}
  bool expires_due_ = false;
  bool shrinks_due_ = false;
  bool preparation_due_ = false;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_OPERATION_MIX_H_
