#include "cluster/members/cluster_table.h"

#include <utility>

namespace larder::cluster {
namespace {

// SplitMix64's mixing (Steele, Lea, Flood, OOPSLA 2014).
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

uint64_t Mix(uint64_t hash, uint64_t value) { return Mix(hash + 0x9e3779b97f4a7c15ULL + value); }

// Of what decides which record supersedes another: two that are equal in that are the same.
uint64_t HashOf(const Member& member) {
  const uint64_t flags = (member.shard.has_value() ? 4 : 0) + (member.is_forgotten ? 2 : 0) +
                         (member.is_failed ? 1 : 0);
  return Mix(Mix(Mix(Mix(Mix(1, member.node.high), member.node.low), member.admissions),
                 member.generation),
             flags);
}

uint64_t HashOf(ShardId shard, const ClusterTable::Shard& chosen) {
  return Mix(
      Mix(Mix(Mix(2, static_cast<uint64_t>(shard)), chosen.ballot.number), chosen.ballot.node.high),
      chosen.ballot.node.low);
}

uint64_t HashOf(const VoterList& list) { return list.epoch == 0 ? 0 : Mix(3, list.epoch); }

}  // namespace

void ClusterTable::Note(const Changed& changed, uint64_t* last) {
  order_.erase(*last);
  *last = ++changes_;
  order_.emplace(changes_, changed);
}

bool ClusterTable::Merge(const Member& member) {
  const auto [at, is_new] = members_.try_emplace(member.node, member);
  if (!is_new && !member.Supersedes(at->second)) return false;
  if (!is_new) digest_ ^= HashOf(at->second);
  digest_ ^= HashOf(member);
  if (at->second.shard.has_value()) members_of_[*at->second.shard].erase(member.node);
  at->second = member;
  if (member.shard.has_value() && !member.is_forgotten) {
    members_of_[*member.shard].insert(member.node);
  }
  Numbers& numbers = member_numbers_[member.node];
  order_.erase(std::exchange(numbers.fail, 0));
  Note({.kind = Kind::kMember, .node = member.node}, &numbers.record);
  return true;
}

bool ClusterTable::Merge(const FailMark& mark) {
  const auto at = members_.find(mark.node);
  if (at == members_.end()) return false;
  Member& member = at->second;
  if (member.is_forgotten || member.is_failed || member.admissions != mark.admissions ||
      member.generation != mark.generation) {
    return false;
  }
  digest_ ^= HashOf(member);
  member.is_failed = true;
  digest_ ^= HashOf(member);
  Note({.kind = Kind::kFail, .node = mark.node}, &member_numbers_[mark.node].fail);
  return true;
}

bool ClusterTable::Merge(ShardId shard, const Shard& chosen) {
  const auto [at, is_new] = shards_.try_emplace(shard, chosen);
  // What is chosen later has a higher ballot; also where a TAKEOVER has set aside what others of
  // the shard have agreed on.
  if (!is_new && chosen.ballot <= at->second.ballot) return false;
  if (!is_new) digest_ ^= HashOf(shard, at->second);
  digest_ ^= HashOf(shard, chosen);
  at->second = chosen;
  Note({.kind = Kind::kShard, .shard = shard}, &shard_numbers_[shard]);
  return true;
}

bool ClusterTable::Merge(const VoterList& list) {
  if (list.epoch <= voters_.epoch) return false;
  digest_ ^= HashOf(voters_) ^ HashOf(list);
  voters_ = list;
  Note({.kind = Kind::kVoters}, &voters_number_);
  return true;
}

size_t ClusterTable::Merge(const TableUpdates& updates) {
  size_t merged = 0;
  for (const Member& member : updates.members) merged += Merge(member) ? 1 : 0;
  for (const FailMark& mark : updates.fails) merged += Merge(mark) ? 1 : 0;
  for (const TableUpdates::Shard& shard : updates.shards) {
    merged += Merge(shard.shard, {shard.value, shard.ballot}) ? 1 : 0;
  }
  if (updates.voters.has_value()) merged += Merge(*updates.voters) ? 1 : 0;
  return merged;
}

const Member* ClusterTable::Find(const NodeId& node) const {
  const auto at = members_.find(node);
  return at == members_.end() ? nullptr : &at->second;
}

bool ClusterTable::IsMember(const NodeId& node) const {
  const Member* const member = Find(node);
  return member != nullptr && !member->is_forgotten;
}

bool ClusterTable::IsFailed(const NodeId& node) const {
  const Member* const member = Find(node);
  return member == nullptr || member->is_forgotten || member->is_failed;
}

const ShardRegister* ClusterTable::FindShard(ShardId shard) const {
  const auto at = shards_.find(shard);
  return at == shards_.end() ? nullptr : &at->second.value;
}

const std::set<NodeId>& ClusterTable::MembersOf(ShardId shard) const {
  static const std::set<NodeId> kNobody;
  const auto at = members_of_.find(shard);
  return at == members_of_.end() ? kNobody : at->second;
}

void ClusterTable::Add(const Changed& changed, TableUpdates* updates) const {
  switch (changed.kind) {
    case Kind::kMember:
      updates->members.push_back(members_.at(changed.node));
      return;
    case Kind::kFail: {
      const Member& member = members_.at(changed.node);
      updates->fails.push_back({member.node, member.admissions, member.generation});
      return;
    }
    case Kind::kShard: {
      const Shard& shard = shards_.at(changed.shard);
      updates->shards.push_back({changed.shard, shard.value, shard.ballot});
      return;
    }
    case Kind::kVoters:
      updates->voters = voters_;
      return;
  }
}

TableUpdates ClusterTable::ChangedSince(uint64_t confirmed, size_t bytes_max) const {
  TableUpdates updates;
  updates.instance = instance_;
  updates.from = confirmed;
  updates.to = confirmed;
  size_t bytes = 0;
  for (auto at = order_.upper_bound(confirmed); at != order_.end(); ++at) {
    const Changed& changed = at->second;
    switch (changed.kind) {
      case Kind::kMember:
        bytes += EncodedBytes(members_.at(changed.node));
        break;
      case Kind::kFail:
        bytes += kFailMarkBytes;
        break;
      case Kind::kShard:
        bytes += EncodedBytes(shards_.at(changed.shard).value) + 26;
        break;
      case Kind::kVoters:
        bytes += EncodedBytes(voters_);
        break;
    }
    if (bytes > bytes_max && !updates.empty()) {
      updates.has_more = true;
      return updates;
    }
    updates.to = at->first;
    Add(changed, &updates);
  }
  updates.to = changes_;
  return updates;
}

}  // namespace larder::cluster
