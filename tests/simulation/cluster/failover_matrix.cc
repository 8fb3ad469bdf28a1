#include "tests/simulation/cluster/failover_matrix.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace larder::simulation {
namespace {

using cluster::ShardId;

constexpr ShardId kShard{0};

void BlockAll(ClusterWorld* world, size_t node, bool to, bool from) {
  for (size_t other = 0; other < world->size(); ++other) {
    if (other == node) continue;
    if (to) world->Block(other, node);
    if (from) world->Block(node, other);
  }
}

// Whoever looks after disk and data plane has seen nothing of them for half a node timeout.
void BecomeUnwell(ClusterWorld* world, size_t node) {
  world->events().After(world->options().config.node_timeout / 2,
                        [world, node] { world->process(node).set_is_well(false); });
}

struct Row {
  std::string_view name;
  std::function<void(ClusterWorld*, size_t)> lose;
};

std::vector<Row> Rows() {
  return {
      {"crash, connections refused", [](ClusterWorld* world, size_t node) { world->Crash(node); }},
      {"host silent", [](ClusterWorld* world, size_t node) { BlockAll(world, node, true, true); }},
      {"only receives",
       [](ClusterWorld* world, size_t node) { BlockAll(world, node, false, true); }},
      {"only sends", [](ClusterWorld* world, size_t node) { BlockAll(world, node, true, false); }},
      {"process stopped", [](ClusterWorld* world, size_t node) { world->process(node).Pause(); }},
      {"data plane hangs", BecomeUnwell},
      {"disk hangs",
       [](ClusterWorld* world, size_t node) {
         world->process(node).set_disk_hangs(true);
         BecomeUnwell(world, node);
       }},
  };
}

// From the fault until another acts. Absent: nobody does.
std::optional<Millis> Measure(const Row& row, const MatrixOptions& options, uint64_t seed) {
  WorldOptions world_options;
  world_options.shards = 3;
  world_options.replicas = 1;
  world_options.config.node_timeout = Millis(options.node_timeout_ms);
  world_options.network = {Millis(options.delay_ms), Millis(options.delay_ms), 0, 0};
  world_options.seed = seed;
  ClusterWorld world(world_options);
  world.Start();
  if (!world.RunUntil([&world] { return world.IsServed(); }, Millis(20000))) return std::nullopt;
  storage::Random random(seed);
  world.Run(Millis(3000 + random.Below(1000)));
  const std::optional<size_t> primary = world.Acting(kShard);
  if (!primary.has_value()) return std::nullopt;
  const Millis began = world.events().now();
  row.lose(&world, *primary);
  const auto is_replaced = [&world, primary] {
    const std::optional<size_t> acting = world.Acting(kShard);
    return acting.has_value() && acting != primary;
  };
  if (!world.RunUntil(is_replaced, Millis(options.node_timeout_ms * 20))) return std::nullopt;
  return world.events().now() - began;
}

}  // namespace

bool RunFailoverMatrix(const MatrixOptions& options) {
  absl::PrintF(
      "node timeout %d ms, %d ms one way, %d runs a row; until another takes writes, ms\n\n",
      options.node_timeout_ms, options.delay_ms, options.runs);
  absl::PrintF("| lost by | median | 99 %% | most |\n|---|---|---|---|\n");
  bool all_replaced = true;
  for (const Row& row : Rows()) {
    std::vector<Millis> times;
    for (uint64_t run = 0; run < options.runs; ++run) {
      const auto time = Measure(row, options, options.first_seed + run);
      if (time.has_value()) times.push_back(*time);
    }
    std::sort(times.begin(), times.end());
    if (times.size() < options.runs) {
      absl::PrintF("%s: not replaced in %d runs\n", std::string(row.name),
                   options.runs - times.size());
      all_replaced = false;
      if (times.empty()) continue;
    }
    absl::PrintF("| %s | %d | %d | %d |\n", std::string(row.name), times[times.size() / 2].count(),
                 times[times.size() * 99 / 100].count(), times.back().count());
    std::fflush(stdout);
  }
  return all_replaced;
}

}  // namespace larder::simulation
