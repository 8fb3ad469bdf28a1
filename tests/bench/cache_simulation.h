#ifndef LARDER_TESTS_BENCH_CACHE_SIMULATION_H_
#define LARDER_TESTS_BENCH_CACHE_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/entry_store.h"
#include "storage/key_hasher.h"
#include "storage/random.h"
#include "tests/bench/access_trace.h"

namespace larder::bench {

struct CacheSimulationOptions {
  storage::EvictionKind eviction = storage::EvictionKind::kS3Fifo;
  uint64_t capacity = 0;      // entries, or bytes of objects
  bool counts_bytes = false;  // an object larger than the capacity is not stored
  uint32_t stripes = 1;       // power of two, up to storage::kSlots
  uint32_t samples = 10;      // of a policy that samples
  uint64_t seed = 1;
};

// A cache of objects without values: the real tables and policies of storage/, but a capacity in
// place of the budget. Each access is a read, and a write if it misses. The victim is chosen among
// the stripes as Keyspace does it. Not thread-safe.
class CacheSimulation {
 public:
  // INVALID_ARGUMENT names the flag that is out of range.
  static absl::StatusOr<uint64_t> CountMisses(const CacheSimulationOptions& options,
                                              const AccessTrace& trace);

 private:
  CacheSimulation(const CacheSimulationOptions& options, uint32_t objects);

  // True: a hit.
  bool Access(AccessTrace::Access access);
  bool HasRoomFor(uint32_t bytes) const;
  // False: nothing may be evicted.
  bool EvictOne();
  storage::EntryStore* ColdestStore();
  storage::EntryStore* RandomStore();

  const CacheSimulationOptions options_;
  const storage::KeyHasher hasher_{storage::HashSecret()};
  storage::EntryPools pools_;
  std::vector<std::unique_ptr<storage::EntryStore>> stores_;
  std::vector<uint32_t> stored_bytes_;  // of each object that is stored
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
  storage::TimePoint now_;
  storage::Random random_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_CACHE_SIMULATION_H_
