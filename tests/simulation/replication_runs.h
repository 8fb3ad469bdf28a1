#ifndef LARDER_TESTS_SIMULATION_REPLICATION_RUNS_H_
#define LARDER_TESTS_SIMULATION_REPLICATION_RUNS_H_

#include <cstdint>

#include "tests/simulation/planted_fault.h"

namespace larder::simulation {

// Runs single shards under an operator, and prints as RunClusters does. How many broke a promise.
uint64_t RunReplication(uint64_t first, uint64_t count, bool trace, PlantedFault fault);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_REPLICATION_RUNS_H_
