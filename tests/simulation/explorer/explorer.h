#ifndef LARDER_TESTS_SIMULATION_EXPLORER_EXPLORER_H_
#define LARDER_TESTS_SIMULATION_EXPLORER_EXPLORER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/explorer/explored_state.h"

namespace larder::simulation {

struct ExplorerOptions {
  std::string world = "forced";
  Budget budget;
  uint32_t steps = 12;           // of ExploredState::kQuantum, after the world has begun
  uint64_t states_max = 300000;  // distinct ones
};

struct Exploration {
  uint64_t visited = 0;      // states come to, again too
  uint64_t distinct = 0;     // of them
  uint64_t depth = 0;        // the greatest: events since the world began
  bool is_whole = true;      // false: it was cut by `states_max`
  uint64_t histories = 0;    // of single processes
  std::set<size_t> acted;    // who acted for the shard in some state
  uint64_t steps_again = 0;  // of machines, to make them again
  std::optional<std::string> violation;
  std::vector<std::string> events;  // that led to it
};

// Their names, for people.
std::vector<std::string> ExplorerWorlds();
// All orders of events that its bounds allow, depth first, until a promise is broken. REQUIRES: the
// world is one of ExplorerWorlds().
Exploration Explore(const ExplorerOptions& options);
// Prints it. False: a promise was broken.
bool RunExplorer(const ExplorerOptions& options);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_EXPLORER_EXPLORER_H_
