// larder_simulate: runs of clusters in simulated time, decided by their seeds.
//   larder_simulate --seeds=2000
//   larder_simulate --seed=17 --trace
//   larder_simulate scale --nodes=1000 --killed=5
//   larder_simulate failover --runs=1000
//   larder_simulate slow --minutes=30
//   larder_simulate explore --world=forced --losses=1
//   larder_simulate replication --seeds=5000
//   larder_simulate replication --seeds=500 --fault=ack_before_apply
// Exit codes: 0 no promise was broken, 1 one was, 2 wrong usage.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/simulation/cluster/cluster_runs.h"
#include "tests/simulation/cluster/cluster_scale.h"
#include "tests/simulation/cluster/failover_matrix.h"
#include "tests/simulation/cluster/slow_nodes.h"
#include "tests/simulation/explorer/explorer.h"
#include "tests/simulation/replication_runs.h"

namespace {

using larder::simulation::PlantedFault;
using larder::simulation::SeedRange;

constexpr int kWrongUsage = 2;

void AddSeeds(CLI::App* app, SeedRange* seeds, std::optional<uint64_t>* one) {
  app->add_option("--seeds", seeds->count, "how many runs")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40));
  app->add_option("--first_seed", seeds->first, "the seed of the first one");
  app->add_option("--seed", *one, "this run alone");
  app->add_flag("--trace", seeds->trace, "print all that happens");
}

// Where the program's source stands, so that a seed can be run again.
std::string Commit() {
  std::string commit;
  std::FILE* const git =
      popen("git -C " LARDER_SOURCE_DIR " describe --always --dirty 2>/dev/null", "r");
  if (git == nullptr) return commit;
  for (int c = std::fgetc(git); c != EOF && c != '\n'; c = std::fgetc(git)) {
    commit += static_cast<char>(c);
  }
  pclose(git);
  return commit;
}

std::string FaultNames() {
  std::string names;
  for (const auto& named : larder::simulation::kPlantedFaults) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", std::string(named.name));
  }
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs clusters in simulated time; each run is decided by its seed.");
  SeedRange seeds;
  std::optional<uint64_t> one;
  AddSeeds(&app, &seeds, &one);
  CLI::App* const replication =
      app.add_subcommand("replication", "single shards, whose primary an operator chooses");
  AddSeeds(replication, &seeds, &one);
  std::string fault_name;
  replication->add_option("--fault", fault_name, "a mistake to be found: " + FaultNames());
  larder::simulation::ScaleOptions scale;
  CLI::App* const scales =
      app.add_subcommand("scale", "what a large cluster costs, and how fast it replaces primaries");
  scales->add_option("--nodes", scale.nodes, "half of them primaries")->check(CLI::Range(6, 20000));
  scales->add_option("--killed", scale.killed, "how many primaries end at once")
      ->check(CLI::Range(1, 10000));
  scales->add_option("--node_timeout_ms", scale.node_timeout_ms, "node timeout")
      ->check(CLI::Range(100, 60000));
  scales->add_option("--first_seed", scale.seed, "decides the run");
  larder::simulation::MatrixOptions matrix;
  CLI::App* const failover =
      app.add_subcommand("failover", "how long slots are not served, by how a primary was lost");
  failover->add_option("--runs", matrix.runs, "of each row")->check(CLI::Range(1, 100000));
  failover->add_option("--node_timeout_ms", matrix.node_timeout_ms, "node timeout")
      ->check(CLI::Range(100, 60000));
  failover->add_option("--delay_ms", matrix.delay_ms, "one way")->check(CLI::Range(1, 1000));
  failover->add_option("--first_seed", matrix.first_seed, "decides the runs");
  larder::simulation::SlowOptions slow;
  CLI::App* const slows =
      app.add_subcommand("slow", "all nodes are slow, and one a minute stops without being dead");
  slows->add_option("--minutes", slow.minutes, "of simulated time")->check(CLI::Range(1, 10000));
  slows->add_option("--delay_max_ms", slow.delay_max_ms, "how late they look at what comes")
      ->check(CLI::Range(0, 10000));
  slows->add_option("--stop_ms", slow.stop_ms, "how long a process is stopped")
      ->check(CLI::Range(0, 20000));
  slows->add_option("--node_timeout_ms", slow.node_timeout_ms, "node timeout")
      ->check(CLI::Range(100, 60000));
  slows->add_option("--first_seed", slow.seed, "decides the run");
  larder::simulation::ExplorerOptions exploration;
  CLI::App* const explore =
      app.add_subcommand("explore", "all orders of events in a small world, within bounds");
  explore->add_option("--world", exploration.world, "how it begins")
      ->check(CLI::IsMember(larder::simulation::ExplorerWorlds()));
  explore->add_option("--crashes", exploration.budget.crashes, "at most");
  explore->add_option("--losses", exploration.budget.losses, "of messages, at most");
  explore->add_option("--delays", exploration.budget.delays, "of messages and saves, at most");
  explore->add_option("--steps", exploration.steps, "of 50 ms, by a node timeout of 1 s");
  explore->add_option("--states", exploration.states_max, "where the search is cut");
  app.require_subcommand(0, 1);
  PlantedFault fault = PlantedFault::kNone;
  try {
    app.parse(argc, argv);
    if (!fault_name.empty()) {
      const auto found = larder::simulation::PlantedFaultByName(fault_name);
      if (!found.has_value()) {
        throw CLI::ValidationError("--fault", "'" + fault_name + "' is none of " + FaultNames());
      }
      fault = *found;
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kWrongUsage;
  }
  if (failover->parsed()) return larder::simulation::RunFailoverMatrix(matrix) ? 0 : 1;
  if (slows->parsed()) return larder::simulation::PrintSlowNodes(slow) ? 0 : 1;
  if (explore->parsed()) return larder::simulation::RunExplorer(exploration) ? 0 : 1;
  if (scales->parsed()) {
    if (scale.killed * 4 > scale.nodes) {
      std::fputs("--killed: more than half of the primaries: nothing would be left to vote\n",
                 stderr);
      return kWrongUsage;
    }
    return larder::simulation::RunScale(scale) ? 0 : 1;
  }
  if (one.has_value()) seeds = {*one, 1, seeds.trace};
  const bool is_whole = !replication->parsed();
  const uint64_t broken =
      is_whole ? larder::simulation::RunClusters(seeds)
               : larder::simulation::RunReplication(seeds.first, seeds.count, seeds.trace, fault);
  if (broken != 0) absl::PrintF("commit %s\n", Commit());
  return broken == 0 ? 0 : 1;
}
