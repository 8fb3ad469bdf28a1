#ifndef LARDER_TESTS_BENCH_CHURN_H_
#define LARDER_TESTS_BENCH_CHURN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/load/random.h"
#include "storage/keyspace.h"
#include "tests/bench/bench_keys.h"

namespace larder::bench {

struct ChurnOptions {
  uint64_t memory_bytes = uint64_t{512} << 20;
  uint64_t operations = 2000000;  // at full budget, of the first phase; the others have their share
  size_t key_bytes = 16;
  storage::EvictionKind eviction = storage::EvictionKind::kS3Fifo;
  uint64_t seed = 1;
};

// What is there after a phase, and the most that was resident during it.
struct ChurnState {
  std::string phase;
  uint64_t budget_bytes = 0;
  uint64_t resident_bytes = 0;  // by which the process grew since before the keyspace
  uint64_t resident_bytes_max = 0;
  uint64_t counted_bytes = 0;  // what the keyspace says that it uses
  uint64_t held_bytes = 0;     // keys and values
  uint64_t entries = 0;
};

// Values of many sizes at full budget, over several times as many keys as fit, then the budget
// halved and back, then small values after which large ones come: what stays resident, and how much
// of it is keys and values.
class Churn {
 public:
  // INVALID_ARGUMENT names the flag that is out of range.
  static absl::StatusOr<std::vector<ChurnState>> Run(const ChurnOptions& options);

 private:
  using Sizes = std::pair<size_t, size_t>;  // of values, uniform in log scale

  explicit Churn(const ChurnOptions& options);

  absl::Status RunPhases();
  // Sets with 10 % deletes until the budget is full, then `operations` more.
  absl::Status FillAndChange(Sizes sizes, uint64_t operations);
  // Does as many operations as write the budget twice over.
  absl::Status Replace(Sizes sizes);
  absl::Status Operate(Sizes sizes, uint64_t operations);
  absl::Status SetLimit(uint64_t bytes);
  void Record(const std::string& phase);
  uint64_t HeldBytes() const;
  void WatchResident();

  const ChurnOptions options_;
  const uint64_t resident_before_;
  const std::string value_;
  load::Random random_;
  ScratchKey key_;
  storage::HybridClock clock_{1};
  std::unique_ptr<storage::Keyspace> keyspace_;
  storage::TimePoint now_;
  uint64_t operations_done_ = 0;
  uint64_t resident_max_ = 0;
  std::vector<ChurnState> states_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_CHURN_H_
