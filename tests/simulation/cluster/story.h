#ifndef LARDER_TESTS_SIMULATION_CLUSTER_STORY_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_STORY_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/simulation/cluster/cluster_world.h"

// What stories of clusters are told with: what happens in them is not by chance.
namespace larder::simulation {

// Node timeout 1 s, 5 ms one way, real replication and writes.
WorldOptions StoryOptions(uint32_t shards, uint32_t replicas, uint64_t seed);
void BlockBoth(ClusterWorld* world, size_t one, size_t other);
// From all others, both ways.
void Isolate(ClusterWorld* world, size_t node);
// By a client of that node; to be acknowledged by so many replicas. False: refused.
bool WriteTo(ClusterWorld* world, size_t node, const std::string& key, size_t replicas);
// The newest that it knows.
const cluster::VoterList& ListOf(const ClusterWorld& world, size_t node);
// ---- An operator, at that node.
void TakeOver(ClusterWorld* world, size_t node);
void Forget(ClusterWorld* world, size_t by, size_t node);
// All shards are served, and the first copies are over. False: not within 14 s.
bool BeginServed(ClusterWorld* world);
// Somebody acts for the shard within `most`.
bool IsServedWithin(ClusterWorld* world, cluster::ShardId shard, Millis most);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_STORY_H_
