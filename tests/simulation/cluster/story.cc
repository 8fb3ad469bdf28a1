#include "tests/simulation/cluster/story.h"

namespace larder::simulation {

WorldOptions StoryOptions(uint32_t shards, uint32_t replicas, uint64_t seed) {
  WorldOptions options;
  options.shards = shards;
  options.replicas = replicas;
  options.config.node_timeout = Millis(1000);
  options.network = {Millis(5), Millis(5), 0, 0};
  options.seed = seed;
  options.has_data = true;
  options.data.checks_staleness = false;
  return options;
}

void BlockBoth(ClusterWorld* world, size_t one, size_t other) {
  world->Block(one, other);
  world->Block(other, one);
}

void Isolate(ClusterWorld* world, size_t node) {
  for (size_t other = 0; other < world->size(); ++other) {
    if (other != node) BlockBoth(world, node, other);
  }
}

bool WriteTo(ClusterWorld* world, size_t node, const std::string& key, size_t replicas) {
  ModelRecord record;
  record.slot = 1;
  record.key = key;
  record.value = std::string(3, 'v');
  return world->node(node).Write(record, replicas);
}

const cluster::VoterList& ListOf(const ClusterWorld& world, size_t node) {
  return world.process(node).node().core().table.voters();
}

void TakeOver(ClusterWorld* world, size_t node) {
  world->Command(node, cluster::TakeOverCommand{});
}

void Forget(ClusterWorld* world, size_t by, size_t node) {
  world->Command(by, cluster::ForgetCommand{world->process(node).id()});
}

bool BeginServed(ClusterWorld* world) {
  world->Start();
  if (!world->RunUntil([world] { return world->IsServed(); }, Millis(10000))) return false;
  world->Run(Millis(4000));
  return !world->violation().has_value();
}

bool IsServedWithin(ClusterWorld* world, cluster::ShardId shard, Millis most) {
  return world->RunUntil([world, shard] { return world->Acting(shard).has_value(); }, most);
}

}  // namespace larder::simulation
