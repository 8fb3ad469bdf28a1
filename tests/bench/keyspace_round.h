#ifndef LARDER_TESTS_BENCH_KEYSPACE_ROUND_H_
#define LARDER_TESTS_BENCH_KEYSPACE_ROUND_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/load/random.h"
#include "storage/keyspace.h"
#include "tests/bench/bench_keys.h"

namespace larder::bench {

struct KeyspaceRoundOptions {
  uint64_t keys = 1000000;        // 1..10^9
  uint64_t operations = 1000000;  // of each kind
  size_t key_bytes = 16;
  size_t value_bytes = 100;
  storage::EvictionKind eviction = storage::EvictionKind::kS3Fifo;
  std::optional<uint64_t> memory_bytes;  // absent: what the keys fill
  uint64_t seed = 1;
};

struct Timing {
  std::string operation;
  std::string distribution;  // of the keys: "zipf", "uniform", "each once"
  int threads = 1;
  double cpu_nanos = 0;  // processor time of all threads, per operation
};

// Fills one keyspace and times each kind of operation on it, by 1 and by 2 threads. Every operation
// must do what its kind says (a hit, a miss, an eviction), else the round fails.
class KeyspaceRound {
 public:
  // INVALID_ARGUMENT: the options do not fit together.
  static absl::StatusOr<std::vector<Timing>> Run(const KeyspaceRoundOptions& options);

 private:
  // Does the operations [begin, end) of sequence_; returns how many went wrong.
  using Phase = std::function<uint64_t(size_t begin, size_t end)>;

  explicit KeyspaceRound(const KeyspaceRoundOptions& options);

  absl::Status Fill();
  absl::Status TimeReadsAndOverwrites(const std::string& distribution, int threads);
  absl::Status TimeDeletes(int threads);
  absl::Status TimeNewKeys(int threads);
  // Lets the budget be just full: from here on, each new key evicts another.
  absl::Status FillUp();

  void Pick(const std::string& distribution, uint64_t first_number);
  absl::Status Time(const std::string& operation, const std::string& distribution, int threads,
                    const Phase& phase);
  uint64_t Get(size_t begin, size_t end, storage::GetOutcome expected);
  uint64_t Set(size_t begin, size_t end);
  uint64_t Delete(size_t begin, size_t end);
  storage::TimePoint NowOf(size_t operation) const;

  const KeyspaceRoundOptions options_;
  const std::string value_;
  load::Random random_;
  storage::HybridClock clock_{1};
  std::unique_ptr<storage::Keyspace> keyspace_;
  KeySequence sequence_;
  storage::TimePoint now_;
  uint64_t next_new_number_;
  std::vector<Timing> timings_;
};

// INVALID_ARGUMENT names the flag that is out of range.
absl::Status CheckOptions(const KeyspaceRoundOptions& options);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_KEYSPACE_ROUND_H_
