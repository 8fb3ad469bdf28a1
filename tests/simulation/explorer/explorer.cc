#include "tests/simulation/explorer/explorer.h"

#include <algorithm>
#include <cstdio>
#include <unordered_set>
#include <utility>

namespace larder::simulation {

namespace {

constexpr size_t kNodes = 3;
constexpr uint32_t kUntilServed = 60;  // quanta
constexpr uint32_t kLendingEnds = 12;

// One shard with three nodes, which all vote; 0 leads.
ExploredState BeginWorld(const std::string& world, LocalHistories* histories) {
  std::vector<int64_t> rates(kNodes, 1000);
  if (world == "forced_drift") rates = {900, 1100, 1100};
  ExploredState state(histories, rates);
  state.Run(kUntilServed);
  if (world == "crashed_unnoticed") state.set_has_evidence(false);
  if (world == "crashed" || world == "crashed_unnoticed") {
    state.set_budget({1, 0, 0});
    state.Take({Choice::Kind::kCrash, 0});
  } else if (world == "planned") {
    state.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kPlanned});
  } else if (world == "forced_late") {
    state.Block(0, 1);
    state.Block(1, 0);
    state.Run(kLendingEnds);
    state.MayForce(1, true, 3);
  } else if (world == "forced_between") {
    state.Block(0, 1);
    state.Block(1, 0);
    state.Run(kLendingEnds);
    state.MayForce(1, false, 3);
  } else if (world == "rivals") {
    state.MayForce(1, false, 20);
    state.MayForce(2, false, 20);
  } else if (world == "forced_drift") {
    state.MayForce(1, true, 20);
  } else if (world != "served") {
    if (world == "forced_aside") {
      // What node 1 has lent runs out; by what node 2 lends, 0 acts on.
      state.Block(0, 1);
      state.Block(1, 0);
      state.Run(kLendingEnds);
    }
    if (world != "forced") {
      state.Block(1, 0);
      state.Block(2, 0);
    }
    state.Command(1, cluster::FailoverCommand{cluster::ElectionKind::kForced});
  }
  return state;
}

struct Frame {
  ExploredState state;
  std::vector<Choice> choices;
  size_t next = 0;
};

}  // namespace

std::vector<std::string> ExplorerWorlds() {
  return {"served",       "planned",      "forced",           "forced_unheard",
          "forced_drift", "forced_aside", "forced_late",      "forced_between",
          "rivals",       "crashed",      "crashed_unnoticed"};
}

Exploration Explore(const ExplorerOptions& options) {
  Exploration found;
  cluster::ClusterConfig config;
  config.node_timeout = ExploredState::kQuantum * 20;
  LocalHistories histories(config, kNodes);
  ExploredState first = BeginWorld(options.world, &histories);
  first.set_budget(options.budget);
  const uint32_t until = first.time() + options.steps;
  std::unordered_set<uint64_t> seen;
  std::vector<Frame> path;
  const auto enter = [&](ExploredState state) {
    ++found.visited;
    if (!seen.insert(state.Hash()).second) return;
    found.depth = std::max<uint64_t>(found.depth, path.size());
    found.violation = state.violation();
    const std::optional<size_t> acting = state.Acting();
    if (acting.has_value()) found.acted.insert(*acting);
    std::vector<Choice> choices;
    if (state.time() < until) choices = state.Choices();
    path.push_back({std::move(state), std::move(choices)});
  };
  enter(std::move(first));
  while (!path.empty() && !found.violation.has_value()) {
    Frame& frame = path.back();
    if (frame.next == frame.choices.size()) {
      path.pop_back();
      continue;
    }
    if (seen.size() >= options.states_max) {
      found.is_whole = false;
      break;
    }
    ExploredState state = frame.state;
    state.Take(frame.choices[frame.next++]);
    enter(std::move(state));
  }
  if (found.violation.has_value()) {
    for (const Frame& frame : path) {
      if (frame.next == 0) continue;
      found.events.push_back(frame.state.Describe(frame.choices[frame.next - 1]));
    }
  }
  found.distinct = seen.size();
  found.histories = histories.size();
  found.steps_again = histories.steps_again();
  return found;
}

bool RunExplorer(const ExplorerOptions& options) {
  const Exploration found = Explore(options);
  for (const std::string& event : found.events) std::printf("%s\n", event.c_str());
  if (found.violation.has_value()) std::printf("VIOLATION: %s\n", found.violation->c_str());
  const auto print = [](const char* name, uint64_t count) {
    std::printf("%s %llu\n", name, static_cast<unsigned long long>(count));
  };
  print("visited", found.visited);
  print("distinct", found.distinct);
  print("depth", found.depth);
  print("histories", found.histories);
  print("steps_again", found.steps_again);
  for (const size_t node : found.acted) print("acted: node", node);
  std::printf("%s\n", found.violation.has_value() ? "ended at a violation"
                      : found.is_whole            ? "whole within its bounds"
                                                  : "cut by --states: not whole");
  return !found.violation.has_value();
}

}  // namespace larder::simulation
