#include "cluster/members/table_updates.h"

namespace larder::cluster {
namespace {

constexpr size_t kNodeIdBytes = 18;  // with its tag and length
constexpr size_t kSmallNumberBytes = 4;
constexpr size_t kEpochBytes = kNodeIdBytes + 2 * kSmallNumberBytes + 2;

}  // namespace

size_t EncodedBytes(const Member& member) {
  return 2 + kNodeIdBytes + 3 * kSmallNumberBytes + 2 + member.endpoint.size() + 2 +
         member.bus_endpoint.size() + 2 + member.zone.size();
}

size_t EncodedBytes(const ShardRegister& value) {
  return 2 + kSmallNumberBytes + kEpochBytes + value.able.size() * kNodeIdBytes;
}

size_t EncodedBytes(const VoterList& list) {
  return 2 + kSmallNumberBytes + (list.voters.size() + list.before.size()) * kNodeIdBytes +
         list.permanent.size() * (kSmallNumberBytes + kNodeIdBytes) + kSmallNumberBytes;
}

size_t EncodedBytes(const TableUpdates& updates) {
  size_t bytes = 4 * kSmallNumberBytes;
  for (const Member& member : updates.members) bytes += EncodedBytes(member);
  bytes += updates.fails.size() * kFailMarkBytes;
  for (const TableUpdates::Shard& shard : updates.shards) {
    bytes += EncodedBytes(shard.value) + kNodeIdBytes + 2 * kSmallNumberBytes;
  }
  if (updates.voters.has_value()) bytes += EncodedBytes(*updates.voters);
  return bytes;
}

}  // namespace larder::cluster
