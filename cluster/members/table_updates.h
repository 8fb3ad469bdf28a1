#ifndef LARDER_CLUSTER_MEMBERS_TABLE_UPDATES_H_
#define LARDER_CLUSTER_MEMBERS_TABLE_UPDATES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/members/member.h"
#include "cluster/registers/ballot.h"
#include "cluster/registers/shard_register.h"
#include "cluster/registers/voter_list.h"

namespace larder::cluster {

// What one table tells another: all that changed behind number `from`, up to `to`.
struct TableUpdates {
  struct Shard {
    ShardId shard{};
    ShardRegister value;
    Ballot ballot;
  };

  uint64_t instance = 0;  // of the table that says so
  uint64_t from = 0;
  uint64_t to = 0;
  bool has_more = false;  // there is more behind `to`
  std::vector<Member> members;
  std::vector<FailMark> fails;
  std::vector<Shard> shards;
  std::optional<VoterList> voters;

  bool empty() const {
    return members.empty() && fails.empty() && shards.empty() && !voters.has_value();
  }
};

// How far somebody has come with a table of another.
struct TableCursor {
  uint64_t instance = 0;
  uint64_t number = 0;
};

// About how much room it takes in a message.
size_t EncodedBytes(const Member& member);
size_t EncodedBytes(const ShardRegister& value);
size_t EncodedBytes(const VoterList& list);
inline constexpr size_t kFailMarkBytes = 24;
size_t EncodedBytes(const TableUpdates& updates);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_MEMBERS_TABLE_UPDATES_H_
