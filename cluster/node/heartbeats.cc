#include "cluster/node/heartbeats.h"

#include <algorithm>
#include <iterator>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {

void Heartbeats::ChooseTargets() {
  if (chosen_at_ == core_->table.changes()) return;
  chosen_at_ = core_->table.changes();
  const VoterList& list = core_->table.voters();
  targets_ = {list.voters.begin(), list.voters.end()};
  if (core_->shard().has_value()) {
    const std::set<NodeId>& siblings = core_->table.MembersOf(*core_->shard());
    targets_.insert(siblings.begin(), siblings.end());
  }
  std::erase_if(targets_, [this](const NodeId& node) { return !core_->table.IsMember(node); });
  std::erase_if(peers_, [this](const auto& entry) {
    const Member* const member = core_->table.Find(entry.first);
    return member != nullptr && member->is_forgotten;
  });
  // A voter asks itself for grants like any other; else there is nothing to say to oneself.
  const bool is_voter = list.Has(core_->node);
  if (!is_voter) targets_.erase(core_->node);
  // All ping the voters, so these see who is silent.
  for (const auto& [node, member] : core_->table.members()) {
    if (node == core_->node) continue;
    if ((is_voter && !member.is_forgotten) || targets_.count(node) != 0) {
      core_->detector.Watch(node, core_->now);
    } else {
      core_->detector.Unwatch(node);
    }
  }
}

std::optional<GrantRequest> Heartbeats::Request() const {
  if (core_->plan.kind != DataPlan::Kind::kLead || core_->data.leads != core_->plan.epoch ||
      !core_->data.is_well) {
    return std::nullopt;
  }
  return GrantRequest{*core_->shard(), core_->plan.epoch};
}

void Heartbeats::Tick() {
  const bool leads = Request().has_value();
  ChooseTargets();
  for (const NodeId& node : targets_) {
    Peer& peer = peers_[node];
    if (core_->now < peer.next_ping) continue;
    const bool renews = leads && core_->table.voters().Has(node);
    peer.next_ping =
        core_->now + (renews ? core_->config.renewal_interval() : core_->config.ping_interval());
    SendPing(node, &peer);
  }
  if (core_->now >= next_random_ && !core_->table.members().empty()) {
    next_random_ = core_->now + core_->config.ping_interval();
    auto any = core_->table.members().begin();
    std::advance(any, core_->Random(core_->table.members().size()));
    if (any->first != core_->node && !any->second.is_forgotten) {
      SendPing(any->first, &peers_[any->first]);
    }
  }
}

void Heartbeats::HurryToVoters() {
  for (const NodeId& voter : core_->table.voters().voters) peers_[voter].next_ping = core_->now;
}

Gossip Heartbeats::MakeGossip(const NodeId& to, Peer* peer) const {
  Gossip gossip;
  gossip.is_well = core_->data.is_well;
  gossip.list_epoch = core_->table.voters().epoch;
  gossip.is_voting = core_->ActsAsVoter();
  gossip.slot_map_version = core_->slot_map->version();
  gossip.digest = core_->table.digest();
  gossip.has = {core_->table.instance(), core_->table.changes()};
  gossip.seen = peer->seen;
  // The others hear of changes by the voters, if those can be reached.
  const bool is_told = targets_.count(to) != 0 || core_->table.voters().Has(core_->node) ||
                       VotersHeard() < core_->table.voters().Majority();
  if (is_told) {
    gossip.updates = core_->table.ChangedSince(peer->confirmed, core_->config.message_bytes_max);
  }
  const Member* const member = core_->table.Find(to);
  if (member != nullptr && core_->shard().has_value() && member->shard == core_->shard()) {
    gossip.data = DataSummary{*core_->shard(), core_->data.position, core_->data.fence};
  }
  return gossip;
}

void Heartbeats::SendPing(const NodeId& to, Peer* peer) {
  Ping ping;
  ping.number = ++peer->number;
  ping.heard = peer->heard;
  if (to != core_->node) ping.gossip = MakeGossip(to, peer);
  if (core_->table.voters().Has(to)) ping.request = Request();
  if (peer->pings.size() == kOpenMax) peer->pings.pop_front();
  peer->pings.emplace_back(ping.number, core_->now);
  core_->SendAtOnce(to, std::move(ping));
}

void Heartbeats::Take(const NodeId& from, const Gossip& gossip, bool is_answer, Peer* peer) {
  core_->detector.OnCondition(from, gossip.is_well || HasFault(ProtocolFault::kHungIsWell));
  peer->slot_map_version = gossip.slot_map_version;
  peer->acts_under = gossip.is_voting ? gossip.list_epoch : 0;
  // What it has of this process's table; of an earlier one's it has nothing.
  peer->confirmed = gossip.seen.instance == core_->table.instance() ? gossip.seen.number : 0;
  const TableUpdates& updates = gossip.updates;
  if (gossip.digest == core_->table.digest()) {
    // Nothing to tell each other.
    peer->confirmed = core_->table.changes();
    peer->seen = gossip.has;
    is_in_sync_ = true;
    return;
  }
  if (updates.instance == 0) return;
  if (peer->seen.instance != updates.instance) peer->seen = {updates.instance, 0};
  core_->Learn(updates);
  if (updates.from > peer->seen.number) return;  // something between is missing
  peer->seen.number = std::max(peer->seen.number, updates.to);
  if (updates.has_more) {
    // Its answer to that brings the rest.
    if (is_answer) peer->next_ping = core_->now;
  } else {
    is_in_sync_ = true;
  }
}

void Heartbeats::OnPing(const NodeId& from, const Ping& message) {
  Peer& peer = peers_[from];
  Pong pong;
  pong.number = message.number;
  if (from != core_->node) {
    // Numbers of an earlier process of the peer may lie before these.
    const auto answered =
        std::find_if(peer.pongs.rbegin(), peer.pongs.rend(),
                     [&message](const auto& sent) { return sent.first == message.heard; });
    std::optional<BootTime> heard_of;
    if (answered != peer.pongs.rend()) {
      heard_of = answered->second;
      peer.pongs.erase(peer.pongs.begin(), answered.base());
    }
    core_->detector.OnHeard(from, heard_of, core_->now);
    Take(from, message.gossip, false, &peer);
    pong.gossip = MakeGossip(from, &peer);
    if (peer.pongs.size() == kOpenMax) peer.pongs.pop_front();
    peer.pongs.emplace_back(message.number, core_->now);
  }
  if (message.request.has_value()) pong.grant = voter_->OnRequest(from, *message.request);
  core_->SendAtOnce(from, std::move(pong));
}

void Heartbeats::OnPong(const NodeId& from, const Pong& message) {
  Peer& peer = peers_[from];
  std::optional<BootTime> sent;
  for (const auto& [number, at] : peer.pings) {
    if (number == message.number) sent = at;
  }
  if (!sent.has_value()) return;  // of an earlier process, or doubled
  while (!peer.pings.empty() && peer.pings.front().first <= message.number) peer.pings.pop_front();
  peer.heard = std::max(peer.heard, message.number);
  if (message.grant.has_value()) {
    authority_->OnGrant(from, *message.grant,
                        HasFault(ProtocolFault::kLeaseFromAnswer) ? core_->now : *sent);
  }
  if (from == core_->node) return;
  core_->detector.OnHeard(from, sent, core_->now);
  Take(from, message.gossip, true, &peer);
}

size_t Heartbeats::VotersHeard() const {
  size_t heard = 0;
  for (const NodeId& voter : core_->table.voters().voters) {
    if (voter == core_->node || core_->detector.IsWell(voter, core_->now)) ++heard;
  }
  return heard;
}

size_t Heartbeats::VotersActing(const VoterList& list) const {
  size_t acting = 0;
  for (const NodeId& voter : list.voters) {
    if (voter == core_->node) {
      if (core_->ActsAsVoter()) ++acting;
      continue;
    }
    const auto peer = peers_.find(voter);
    const bool acts = peer != peers_.end() && peer->second.acts_under == list.epoch;
    if (acts && core_->detector.IsWell(voter, core_->now)) ++acting;
  }
  return acting;
}

std::optional<NodeId> Heartbeats::WhoHasNewerSlotMap() const {
  for (const auto& [node, peer] : peers_) {
    const bool is_newer = peer.slot_map_version > core_->slot_map->version();
    if (is_newer && core_->detector.IsWell(node, core_->now)) return node;
  }
  return std::nullopt;
}

}  // namespace larder::cluster
