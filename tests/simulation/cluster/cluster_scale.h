#ifndef LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_SCALE_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_SCALE_H_

#include <cstdint>

namespace larder::simulation {

struct ScaleOptions {
  uint32_t nodes = 1000;  // half of them primaries, each with a replica
  uint32_t killed = 1;    // primaries, at once
  int64_t node_timeout_ms = 2000;
  uint64_t seed = 1;
  int64_t idle_s = 5;  // how long the idle bus is watched
};

// What the bus of a large cluster costs, and how long it takes to replace primaries that end at
// once, a minority of the voters among them; printed. False: a shard was not served again in time,
// or a promise was broken.
bool RunScale(const ScaleOptions& options);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_SCALE_H_
