#include "tests/simulation/cluster/cluster_runs.h"

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/simulation/cluster/cluster_simulation.h"

namespace larder::simulation {
namespace {

constexpr uint64_t kProgressEvery = 100;
constexpr size_t kTraceLines = 60;

void Add(const ClusterSimulationCounts& more, ClusterSimulationCounts* all) {
  all->nodes += more.nodes;
  all->writes += more.writes;
  all->acknowledged += more.acknowledged;
  all->faults += more.faults;
  all->elections += more.elections;
  all->elections_lost += more.elections_lost;
  all->fails += more.fails;
  all->lists += more.lists;
  all->take_overs += more.take_overs;
  all->simulated += more.simulated;
}

// The end of what happened in the run of this seed.
std::deque<std::string> TraceOf(uint64_t seed) {
  std::deque<std::string> lines;
  ClusterSimulationOptions options;
  options.seed = seed;
  options.trace = [&lines](const std::string& line) {
    if (lines.size() == kTraceLines) lines.pop_front();
    lines.push_back(line);
  };
  ClusterSimulation(options).Run();
  return lines;
}

}  // namespace

uint64_t RunClusters(const SeedRange& seeds) {
  ClusterSimulationCounts all;
  uint64_t broken = 0;
  const bool shows_progress = isatty(STDERR_FILENO) != 0 && !seeds.trace;
  for (uint64_t i = 0; i < seeds.count; ++i) {
    ClusterSimulationOptions options;
    options.seed = seeds.first + i;
    if (seeds.trace) {
      options.trace = [](const std::string& line) { absl::PrintF("%s\n", line); };
    }
    ClusterSimulation simulation(options);
    const std::optional<std::string> violation = simulation.Run();
    Add(simulation.Counts(), &all);
    if (violation.has_value()) {
      ++broken;
      if (!seeds.trace && broken <= 3) {
        for (const std::string& line : TraceOf(options.seed)) absl::PrintF("    %s\n", line);
      }
      absl::PrintF("seed %d (%s): %s\n", options.seed, simulation.Describe(), *violation);
      std::fflush(stdout);
    }
    if (shows_progress && (i + 1) % kProgressEvery == 0) {
      absl::FPrintF(stderr, "\r%d of %d seeds, %d broke a promise", i + 1, seeds.count, broken);
    }
  }
  if (shows_progress && seeds.count >= kProgressEvery) std::fputs("\n", stderr);
  absl::PrintF(
      "%d seeds from %d, %d broke a promise; %.1f simulated hours, %d nodes, %d faults, %d "
      "elections "
      "(%d came to nothing), %d times FAIL, %d voter lists, %d TAKEOVERs, %d writes, %d "
      "acknowledged by "
      "replicas\n",
      seeds.count, seeds.first, broken, static_cast<double>(all.simulated.count()) / 3600000.0,
      all.nodes, all.faults, all.elections, all.elections_lost, all.fails, all.lists,
      all.take_overs, all.writes, all.acknowledged);
  return broken;
}

}  // namespace larder::simulation
