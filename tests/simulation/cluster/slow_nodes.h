#ifndef LARDER_TESTS_SIMULATION_CLUSTER_SLOW_NODES_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_SLOW_NODES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace larder::simulation {

struct SlowOptions {
  uint64_t minutes = 30;       // of simulated time
  int64_t delay_max_ms = 300;  // each node looks at each message and tick so much later, by chance
  int64_t stop_ms = 3000;      // once a minute a process does nothing for so long, and lives
  int64_t node_timeout_ms = 2000;
  uint64_t seed = 1;
};

struct SlowCounts {
  size_t stops = 0;
  size_t stops_of_primaries = 0;
  size_t replaced = 0;  // primaries that were stopped, and led no more some time after
  size_t fails = 0;     // tellings of FAIL, of nodes that were stopped
  // FAIL and elections where nobody was stopped who explains them, as lines of text.
  std::vector<std::string> unexpected;
  int64_t longest_unserved_ms = 0;  // of any shard, where nobody of it had been stopped
  int64_t unserved_permille = 0;    // of looks at a shard, once in 10 ms; likewise
  std::string violation;            // empty: none
};

// Three shards with a replica each, whose nodes are all slow.
SlowCounts RunSlowNodes(const SlowOptions& options);

// Prints them. False: something was unexpected, or a promise was broken.
bool PrintSlowNodes(const SlowOptions& options);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_SLOW_NODES_H_
