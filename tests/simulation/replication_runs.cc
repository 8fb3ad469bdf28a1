#include "tests/simulation/replication_runs.h"

#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/simulation/simulation.h"

namespace larder::simulation {
namespace {

void Add(const SimulationCounts& more, SimulationCounts* all) {
  all->writes += more.writes;
  all->held += more.held;
  all->acknowledged += more.acknowledged;
  all->crashes += more.crashes;
  all->promotions += more.promotions;
  all->continued += more.continued;
  all->copies += more.copies;
  all->copies_resumed += more.copies_resumed;
  all->copies_installed += more.copies_installed;
  all->messages += more.messages;
}

}  // namespace

uint64_t RunReplication(uint64_t first, uint64_t count, bool trace, PlantedFault fault) {
  SimulationCounts all;
  uint64_t broken = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.fault = fault;
    if (trace) options.trace = [](const std::string& line) { absl::PrintF("%s\n", line); };
    Simulation simulation(options);
    const std::optional<std::string> violation = simulation.Run();
    Add(simulation.Counts(), &all);
    if (!violation.has_value()) continue;
    ++broken;
    absl::PrintF("seed %d: %s\n", seed, *violation);
    std::fflush(stdout);
  }
  absl::PrintF(
      "%d seeds from %d, %d broke a promise; %d writes, %d held, %d acknowledged by replicas, %d "
      "crashes, %d promotions, %d continued, %d copies begun, %d gone on with, %d installed, %d "
      "messages\n",
      count, first, broken, all.writes, all.held, all.acknowledged, all.crashes, all.promotions,
      all.continued, all.copies, all.copies_resumed, all.copies_installed, all.messages);
  return broken;
}

}  // namespace larder::simulation
