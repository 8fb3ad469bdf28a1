#ifndef LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_RUNS_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_RUNS_H_

#include <cstdint>

#include "tests/simulation/cluster/seed_range.h"

namespace larder::simulation {

// Runs clusters, prints how far it is and what was broken, with the end of what happened before
// it, and at last one line. How many broke a promise.
uint64_t RunClusters(const SeedRange& seeds);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_RUNS_H_
