#ifndef LARDER_CLUSTER_MEMBERS_CLUSTER_TABLE_H_
#define LARDER_CLUSTER_MEMBERS_CLUSTER_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cluster/members/member.h"
#include "cluster/members/table_updates.h"
#include "cluster/registers/register_value.h"
#include "cluster/registers/shard_register.h"
#include "cluster/registers/voter_list.h"

namespace larder::cluster {

// All that a node knows of its cluster by hearsay: members, registers of shards that were chosen,
// the newest voter list; with a number for each change, so that it can be told to another what that
// one has not heard. Merging in any order, and twice, comes to the same. Not thread-safe.
class ClusterTable {
 public:
  // A register that was chosen, and under which ballot.
  struct Shard {
    ShardRegister value;
    Ballot ballot;
  };

  // `instance`: drawn at each start, so that nobody takes numbers of an earlier process for these.
  explicit ClusterTable(uint64_t instance) : instance_(instance) {}

  // ---- False: nothing new.
  bool Merge(const Member& member);
  bool Merge(const FailMark& mark);
  bool Merge(ShardId shard, const Shard& chosen);
  bool Merge(const VoterList& list);
  // All of them; how many were new.
  size_t Merge(const TableUpdates& updates);

  const std::map<NodeId, Member>& members() const { return members_; }
  const Member* Find(const NodeId& node) const;
  // Known, not forgotten.
  bool IsMember(const NodeId& node) const;
  // Not a member, or FAIL.
  bool IsFailed(const NodeId& node) const;
  const std::map<ShardId, Shard>& shards() const { return shards_; }
  const ShardRegister* FindShard(ShardId shard) const;
  const VoterList& voters() const { return voters_; }
  // Those whose records name the shard, but for forgotten ones.
  const std::set<NodeId>& MembersOf(ShardId shard) const;

  // ---- For others.
  uint64_t instance() const { return instance_; }
  uint64_t changes() const { return changes_; }  // the number of the last one
  // Equal where all is equal, and as good as never otherwise.
  uint64_t digest() const { return digest_; }
  // What changed behind `confirmed`, in order, of about `bytes_max` at most; at least one if there
  // is any.
  TableUpdates ChangedSince(uint64_t confirmed, size_t bytes_max) const;

 private:
  enum class Kind : uint8_t { kMember, kFail, kShard, kVoters };
  struct Changed {
    Kind kind = Kind::kMember;
    NodeId node;
    ShardId shard{};
  };
  // A mark does not take the place of the record, which others may have yet to be told.
  struct Numbers {
    uint64_t record = 0;
    uint64_t fail = 0;
  };

  void Note(const Changed& changed, uint64_t* last);
  void Add(const Changed& changed, TableUpdates* updates) const;

  const uint64_t instance_;
  uint64_t changes_ = 0;
  uint64_t digest_ = 0;                // of all entries, each with all that supersedes by
  std::map<uint64_t, Changed> order_;  // by number: what changed last then
  std::map<NodeId, Member> members_;
  std::map<NodeId, Numbers> member_numbers_;
  std::map<ShardId, std::set<NodeId>> members_of_;
  std::map<ShardId, Shard> shards_;
  std::map<ShardId, uint64_t> shard_numbers_;
  VoterList voters_;
  uint64_t voters_number_ = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_MEMBERS_CLUSTER_TABLE_H_
