#include "cluster/node/node_core.h"

#include <algorithm>
#include <utility>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
uint64_t NextRandom(uint64_t* state) {
  uint64_t value = *state += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

constexpr uint64_t kAfterSave = UINT64_MAX;

}  // namespace

NodeCore::NodeCore(ClusterConfig settings, const DurableCluster& recovered, uint64_t seed,
                   BootTime started)
    : config(std::move(settings)),
      node(recovered.self.node),
      now(started),
      cluster(recovered.cluster),
      table(NextRandom(&seed)),
      detector(config.node_timeout),
      slot_map(recovered.slot_map != nullptr ? recovered.slot_map : std::make_shared<SlotMap>()),
      acceptor(recovered.registers),
      acts_under(recovered.acts_under),
      random_(seed) {
  for (Member member : recovered.members) {
    // What was held for dead then may live now: that is for the voters to find anew.
    member.is_failed = false;
    if (member.node != node) table.Merge(member);
  }
  for (const auto& [shard, chosen] : recovered.shards) table.Merge(shard, chosen);
  table.Merge(recovered.voters);
  self_ = recovered.self;
  Member self = self_;
  self.endpoint = config.endpoint;
  self.bus_endpoint = config.bus_endpoint;
  self.zone = config.zone;
  self.no_failover = config.no_failover;
  ChangeSelf(self);
  began_with_ = self_.generation;
}

Envelope NodeCore::Wrap(PeerMessage message) const { return {cluster, node, std::move(message)}; }

void NodeCore::Send(const NodeId& to, PeerMessage message) {
  const bool is_early = HasFault(ProtocolFault::kUnsavedVote);
  sends_.push_back({to, {}, Wrap(std::move(message)), is_early ? 1 : kAfterSave});
}

void NodeCore::SendAtOnce(const NodeId& to, PeerMessage message) {
  // What it is to be known by is in the first one.
  sends_.push_back({to, {}, Wrap(std::move(message)), 1});
}

void NodeCore::SendToEndpoint(const std::string& endpoint, PeerMessage message) {
  sends_.push_back({NodeId(), endpoint, Wrap(std::move(message)), kAfterSave});
}

const ShardRegister* NodeCore::OwnRegister() const {
  const std::optional<ShardId> own = shard();
  return own.has_value() ? table.FindShard(*own) : nullptr;
}

bool NodeCore::IsGone(const NodeId& about) const {
  const Member* const member = table.Find(about);
  if (member == nullptr) return false;
  return member->is_forgotten || (member->is_failed && !detector.IsWell(about, now));
}

Ballot NodeCore::NextBallot(const RegisterKey& key) {
  Ballot& highest = ballots_[key];
  highest = std::max(highest, acceptor.At(key).promised);
  if (key.kind == RegisterKey::Kind::kShard) {
    const auto known = table.shards().find(key.shard());
    if (known != table.shards().end()) highest = std::max(highest, known->second.ballot);
  }
  highest.number = std::max(highest.number, table.voters().floor);
  const uint64_t generation = HasFault(ProtocolFault::kSameBallotTwice) ? 0 : began_with_;
  return highest = highest.Next(node, generation);
}

void NodeCore::NoteBallot(const RegisterKey& key, const Ballot& ballot) {
  Ballot& highest = ballots_[key];
  highest = std::max(highest, ballot);
}

bool NodeCore::IsPrimary() const {
  const ShardRegister* const own = OwnRegister();
  return own != nullptr && own->primary() == node;
}

bool NodeCore::ActsAsVoter() const {
  const VoterList& list = table.voters();
  if (list.epoch == 0 || list.epoch != acts_under || !list.Has(node)) return false;
  // Of permanent authority every holder is asked before another list acts, and stops when it knows
  // that one; so nobody's absence takes it from another.
  return !list.permanent.empty() || HasFault(ProtocolFault::kOldListActs) ||
         !acceptor.At(RegisterKey::OfSuccessor(list.epoch)).accepted.is_set();
}

void NodeCore::ChangeSelf(Member changed) {
  changed.generation = self_.generation + 1;
  changed.is_failed = false;
  self_ = std::move(changed);
  table.Merge(self_);
  MustSave();
}

void NodeCore::Learn(const Member& member) {
  if (member.node != node) {
    table.Merge(member);
    return;
  }
  const bool is_known = member.generation < self_.generation && !member.is_forgotten &&
                        member.admissions <= self_.admissions;
  Member same = self_;
  same.is_failed = member.is_failed;
  if (is_known || member == same) {
    if (!is_known) table.Merge(member);
    return;
  }
  // An earlier process said so, and this one did not know; or an operator did; or its founding.
  if (!self_.shard.has_value()) self_.shard = member.shard;
  self_.admissions = std::max(self_.admissions, member.admissions);
  self_.is_forgotten = self_.admissions == member.admissions && member.is_forgotten;
  self_.generation = std::max(self_.generation, member.generation);
  ChangeSelf(self_);
}

void NodeCore::Learn(const TableUpdates& updates) {
  for (const Member& member : updates.members) Learn(member);
  TableUpdates others = updates;
  others.members.clear();
  if (table.Merge(others) != 0 && (!others.shards.empty() || others.voters.has_value())) MustSave();
}

void NodeCore::Tell(ClusterEvent::Kind kind, const NodeId& about, std::string detail) {
  const Member* const member = table.Find(about);
  events.push_back(
      {kind, about, member == nullptr ? std::nullopt : member->shard, std::move(detail)});
}

uint64_t NodeCore::RandomWord() { return NextRandom(&random_); }

uint64_t NodeCore::Random(uint64_t below) { return below == 0 ? 0 : RandomWord() % below; }

DurableCluster NodeCore::Durable() const {
  DurableCluster durable;
  durable.cluster = cluster;
  durable.self = self();
  durable.registers = acceptor.states();
  durable.acts_under = acts_under;
  for (const auto& [id, member] : table.members()) durable.members.push_back(member);
  durable.shards = table.shards();
  durable.voters = table.voters();
  durable.slot_map = slot_map;
  return durable;
}

void NodeCore::Flush(ClusterEffects* effects) {
  if (must_save_) {
    must_save_ = false;
    effects->save = std::make_shared<const DurableCluster>(Durable());
    effects->save_number = ++saves_;
  }
  for (Sending& sending : sends_) {
    if (sending.after_save == kAfterSave) sending.after_save = saves_;
    if (sending.to.is_set() && sending.endpoint.empty()) {
      const Member* const member = table.Find(sending.to);
      if (member != nullptr) sending.endpoint = member->bus_endpoint;
    }
  }
  effects->sends = std::move(sends_);
  sends_.clear();
  effects->events = std::move(events);
  events.clear();
}

}  // namespace larder::cluster
