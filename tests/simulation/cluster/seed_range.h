#ifndef LARDER_TESTS_SIMULATION_CLUSTER_SEED_RANGE_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_SEED_RANGE_H_

#include <cstdint>

namespace larder::simulation {

// Which runs, and how much of them is shown.
struct SeedRange {
  uint64_t first = 1;
  uint64_t count = 100;
  bool trace = false;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_SEED_RANGE_H_
