#include "tests/simulation/cluster/cluster_scale.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace larder::simulation {
namespace {

using cluster::ShardId;

// Of those that ended: when each shard was served again, in the order of time.
std::vector<Millis> Recover(const std::set<uint32_t>& shards, Millis most, ClusterWorld* world) {
  std::vector<Millis> recovered;
  std::set<uint32_t> missing = shards;
  const Millis began = world->events().now();
  Millis looked{0};
  world->RunUntil(
      [&] {
        if (world->events().now() < looked) return missing.empty();
        looked = world->events().now() + Millis(5);
        std::erase_if(missing, [&](uint32_t shard) {
          if (!world->Acting(ShardId(shard)).has_value()) return false;
          recovered.push_back(world->events().now() - began);
          return true;
        });
        return missing.empty();
      },
      most);
  return recovered;
}

void PrintTraffic(const ClusterWorld& world, double seconds) {
  const auto nodes = static_cast<double>(world.size());
  const Datagrams::Count all = world.network().Sum();
  std::vector<uint64_t> by_node = world.network().bytes_by_sender();
  std::sort(by_node.begin(), by_node.end());
  absl::PrintF(
      "sent by a node, a second: %.1f messages, %.2f kB; the busiest %.2f kB; largest message "
      "%d B\n",
      static_cast<double>(all.messages) / nodes / seconds,
      static_cast<double>(all.bytes) / nodes / seconds / 1000,
      static_cast<double>(by_node.back()) / seconds / 1000, all.largest);
  for (const auto& [name, count] : world.network().counts()) {
    absl::PrintF("  %-20s %9.2f messages %9.1f B, at most %d B each\n", name,
                 static_cast<double>(count.messages) / nodes / seconds,
                 static_cast<double>(count.bytes) / nodes / seconds, count.largest);
  }
}

uint64_t StepNanoseconds(ClusterWorld* world) {
  uint64_t all = 0;
  for (size_t node = 0; node < world->size(); ++node) {
    all += world->process(node).step_nanoseconds();
  }
  return all;
}

}  // namespace

bool RunScale(const ScaleOptions& options) {
  WorldOptions world_options;
  world_options.shards = options.nodes / 2;
  world_options.replicas = 1;
  world_options.config.node_timeout = Millis(options.node_timeout_ms);
  world_options.network = {Millis(10), Millis(10), 0, 0};
  world_options.seed = options.seed;
  // So that they do not renew in step.
  world_options.begin_within = Millis(options.node_timeout_ms);
  ClusterWorld world(world_options);
  world.Start();
  if (!world.RunUntil([&] { return world.IsServed(); }, Millis(60000))) {
    absl::PrintF("not served: %s\n", world.violation().value_or(""));
    return false;
  }
  absl::PrintF("%d nodes, %d shards, node timeout %d ms: served after %d ms\n", options.nodes,
               world_options.shards, options.node_timeout_ms, world.events().now().count());
  world.Run(Millis(10000));
  std::fflush(stdout);

  world.network().ClearCounts();
  world.network().set_counts_bytes(true);
  const uint64_t stepped = StepNanoseconds(&world);
  world.Run(Millis(options.idle_s * 1000));
  const auto idle = static_cast<double>(options.idle_s);
  absl::PrintF("idle, %d s: processor %.2f ms a node-second\n", options.idle_s,
               static_cast<double>(StepNanoseconds(&world) - stepped) / 1e6 / idle /
                   static_cast<double>(options.nodes));
  PrintTraffic(world, idle);
  std::fflush(stdout);

  world.network().ClearCounts();
  storage::Random random(options.seed);
  // A majority of the voters lives: without it nothing fails over by itself, whatever the rest is.
  const cluster::VoterList voters = world.process(0).node().core().table.voters();
  size_t voters_killed = 0;
  std::set<uint32_t> shards;
  while (shards.size() < options.killed) {
    const auto shard = static_cast<uint32_t>(random.Below(world_options.shards));
    const auto primary = world.Acting(ShardId(shard));
    if (!primary.has_value() || shards.count(shard) != 0) continue;
    const bool is_voter = voters.Has(world.process(*primary).id());
    if (is_voter && voters_killed + voters.Majority() >= voters.voters.size()) continue;
    voters_killed += is_voter ? 1 : 0;
    shards.insert(shard);
  }
  const uint64_t lost = world.elections_lost();
  for (const uint32_t shard : shards) {
    const auto primary = world.Acting(ShardId(shard));
    if (primary.has_value()) world.Crash(*primary);
  }
  const std::vector<Millis> recovered = Recover(shards, Millis(60000), &world);
  if (recovered.size() != shards.size()) {
    absl::PrintF("%d of %d shards were not served again; %s\n", shards.size() - recovered.size(),
                 shards.size(), world.violation().value_or("no promise was broken"));
    return false;
  }
  absl::PrintF(
      "%d primaries ended at once, %d of them voters: served again after %d ms (median), %d ms "
      "(99 %%), %d ms (last); %d elections came to nothing; largest message %d B\n",
      options.killed, voters_killed, recovered[recovered.size() / 2].count(),
      recovered[recovered.size() * 99 / 100].count(), recovered.back().count(),
      world.elections_lost() - lost, world.network().Sum().largest);
  return !world.violation().has_value();
}

}  // namespace larder::simulation
