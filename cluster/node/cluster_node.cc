#include "cluster/node/cluster_node.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cluster/registers/protocol_fault.h"

namespace larder::cluster {
namespace {

// What a forgotten node is heard for: that the voters, of whom it may be one, can go on to a list
// without it.
bool IsOfSuccession(const PeerMessage& message) {
  const auto is_successor = [](const auto* one) {
    return one != nullptr && one->key.kind == RegisterKey::Kind::kSuccessor;
  };
  return is_successor(std::get_if<Promise>(&message)) ||
         is_successor(std::get_if<Accepted>(&message)) ||
         is_successor(std::get_if<Refused>(&message)) ||
         std::holds_alternative<VoterState>(message);
}

}  // namespace

ClusterNode::ClusterNode(ClusterConfig config, const DurableCluster& recovered, uint64_t seed,
                         BootTime now)
    : core_(std::move(config), recovered, seed, now),
      voter_(&core_),
      heartbeats_(&core_, &voter_, &authority_),
      fail_voting_(&core_),
      election_(&core_),
      endorser_(&core_),
      hand_over_(&core_, &endorser_),
      able_(&core_),
      list_succession_(&core_),
      list_adoption_(&core_, voter_.grants()),
      founding_(&core_),
      slot_map_pull_(&core_),
      take_over_(&core_, &election_) {}

ClusterEffects ClusterNode::Step(BootTime now, absl::Span<const ClusterInput> inputs) {
  const Millis since = now - core_.now;
  // What was sent to it meanwhile comes now, or has yet to be read.
  if (since > core_.config.pause()) core_.detector.OnPause(since);
  core_.now = now;
  for (const ClusterInput& input : inputs) Take(input);
  LearnAsVoter();
  SeekOthers();
  if (!core_.cluster.is_set()) {
    founding_.Tick();
  } else if (!core_.self().is_forgotten) {
    ChooseShard();
    heartbeats_.Tick();
    fail_voting_.Tick(heartbeats_.VotersHeard());
    slot_map_pull_.Tick(heartbeats_.WhoHasNewerSlotMap());
    endorser_.Tick();
    take_over_.Tick();
    election_.Tick();
    hand_over_.Tick();
    list_succession_.Tick();
    list_adoption_.Tick();
  }
  Plan();
  able_.Tick(may_act_until_.has_value() && now < *may_act_until_);
  ClusterEffects effects;
  Publish(&effects);
  core_.Flush(&effects);
  return effects;
}

void ClusterNode::Take(const ClusterInput& input) {
  if (const auto* received = std::get_if<Received>(&input)) {
    Receive(received->envelope);
  } else if (const auto* unreachable = std::get_if<Unreachable>(&input)) {
    core_.detector.OnRefused(unreachable->node);
  } else if (const auto* status = std::get_if<DataStatus>(&input)) {
    core_.data = *status;
  } else if (const auto* meet = std::get_if<MeetCommand>(&input)) {
    OnCommand(*meet);
  } else if (const auto* forget = std::get_if<ForgetCommand>(&input)) {
    OnCommand(*forget);
  } else if (const auto* take_over = std::get_if<TakeOverCommand>(&input)) {
    OnCommand(*take_over);
  } else {
    OnCommand(std::get<FailoverCommand>(input));
  }
}

// ---- Messages.

void ClusterNode::Receive(const Envelope& envelope) {
  if (const auto* join = std::get_if<Join>(&envelope.message)) return OnJoin(envelope, *join);
  if (const auto* answer = std::get_if<JoinAnswer>(&envelope.message)) {
    return OnJoinAnswer(envelope, *answer);
  }
  if (!core_.cluster.is_set()) return ReceiveUnfounded(envelope.from, envelope.message);
  // Of a founding that is over here: it is to hear how it ended when it asks again.
  if (!envelope.cluster.is_set()) return;
  if (envelope.cluster != core_.cluster) {
    core_.Tell(ClusterEvent::Kind::kOtherCluster, envelope.from);
    return;
  }
  const Member* const member = core_.table.Find(envelope.from);
  if (member != nullptr && member->is_forgotten && !IsOfSuccession(envelope.message)) {
    if (std::holds_alternative<Ping>(envelope.message)) TellForgotten(*member);
    return;
  }
  Dispatch(envelope.from, envelope.message);
}

void ClusterNode::ReceiveUnfounded(const NodeId& from, const PeerMessage& message) {
  if (const auto* prepare = std::get_if<Prepare>(&message)) {
    if (prepare->key.kind == RegisterKey::Kind::kFounding) founding_.OnPrepare(from, *prepare);
  } else if (const auto* accept = std::get_if<Accept>(&message)) {
    if (accept->key.kind == RegisterKey::Kind::kFounding) founding_.OnAccept(from, *accept);
  } else if (const auto* promise = std::get_if<Promise>(&message)) {
    founding_.OnPromise(from, *promise);
  } else if (const auto* accepted = std::get_if<Accepted>(&message)) {
    founding_.OnAccepted(from, *accepted);
  } else if (const auto* refused = std::get_if<Refused>(&message)) {
    founding_.OnRefused(from, *refused);
  } else if (const auto* chosen = std::get_if<Chosen>(&message)) {
    OnChosen(*chosen);
  }
}

void ClusterNode::Dispatch(const NodeId& from, const PeerMessage& message) {
  if (const auto* ping = std::get_if<Ping>(&message)) {
    if (ping->gossip.data.has_value()) election_.NoteSibling(from, *ping->gossip.data);
    return heartbeats_.OnPing(from, *ping);
  }
  if (const auto* pong = std::get_if<Pong>(&message)) {
    if (pong->gossip.data.has_value()) election_.NoteSibling(from, *pong->gossip.data);
    return heartbeats_.OnPong(from, *pong);
  }
  if (const auto* suspect = std::get_if<Suspect>(&message)) {
    return fail_voting_.OnSuspect(from, *suspect);
  }
  if (const auto* failed = std::get_if<Failed>(&message)) {
    return fail_voting_.OnFailed(from, *failed);
  }
  if (const auto* prepare = std::get_if<Prepare>(&message)) {
    return voter_.OnPrepare(from, *prepare);
  }
  if (const auto* accept = std::get_if<Accept>(&message)) return voter_.OnAccept(from, *accept);
  if (const auto* promise = std::get_if<Promise>(&message)) {
    election_.OnPromise(from, *promise);
    able_.OnPromise(from, *promise);
    return list_succession_.OnPromise(from, *promise);
  }
  if (const auto* accepted = std::get_if<Accepted>(&message)) {
    election_.OnAccepted(from, *accepted);
    able_.OnAccepted(from, *accepted);
    return list_succession_.OnAccepted(from, *accepted);
  }
  if (const auto* refused = std::get_if<Refused>(&message)) {
    election_.OnRefused(from, *refused);
    able_.OnRefused(from, *refused);
    return list_succession_.OnRefused(from, *refused);
  }
  if (const auto* chosen = std::get_if<Chosen>(&message)) return OnChosen(*chosen);
  if (const auto* endorse = std::get_if<Endorse>(&message)) {
    return endorser_.OnEndorse(from, *endorse);
  }
  if (const auto* endorsed = std::get_if<Endorsed>(&message)) {
    return election_.OnEndorsed(from, *endorsed);
  }
  if (const auto* not_endorsed = std::get_if<NotEndorsed>(&message)) {
    return election_.OnNotEndorsed(from, *not_endorsed);
  }
  if (const auto* stand = std::get_if<Stand>(&message)) {
    // Another's failed election is no operator's word.
    const bool may_stand = !core_.self().no_failover || stand->kind != ElectionKind::kFailed;
    if (core_.shard() == stand->shard && !core_.IsPrimary() && may_stand) {
      election_.StandNow(stand->kind, stand->ballot);
    }
    return;
  }
  if (const auto* hand_over = std::get_if<HandOver>(&message)) {
    if (core_.shard() == hand_over->shard) hand_over_.Begin(from);
    return;
  }
  if (const auto* request = std::get_if<VoterStateRequest>(&message)) {
    return list_adoption_.OnRequest(from, *request);
  }
  if (const auto* state = std::get_if<VoterState>(&message)) {
    return list_adoption_.OnState(from, *state);
  }
  if (const auto* request = std::get_if<SlotMapRequest>(&message)) {
    return slot_map_pull_.OnRequest(from, *request);
  }
  if (const auto* page = std::get_if<SlotMapPage>(&message)) {
    return slot_map_pull_.OnPage(from, *page);
  }
}

void ClusterNode::OnChosen(const Chosen& message) {
  if (const auto* founding = std::get_if<std::shared_ptr<const Founding>>(&message.value)) {
    if (*founding != nullptr && (*founding)->Has(core_.node)) {
      founding_.Adopt(**founding, message.ballot);
    }
    return;
  }
  if (const auto* list = std::get_if<VoterList>(&message.value)) {
    if (core_.table.Merge(*list)) core_.MustSave();
    return;
  }
  const auto* const value = std::get_if<ShardRegister>(&message.value);
  if (value == nullptr) return;
  if (core_.table.Merge(message.key.shard(), {*value, message.ballot})) {
    core_.MustSave();
    core_.Tell(ClusterEvent::Kind::kPrimaryChanged, value->primary(), value->epoch.ToText());
  }
}

void ClusterNode::LearnAsVoter() {
  if (!core_.table.voters().Has(core_.node) || learned_ == core_.table.changes()) return;
  learned_ = core_.table.changes();
  for (const auto& [shard, chosen] : core_.table.shards()) {
    const RegisterKey key = RegisterKey::OfShard(shard);
    if (core_.acceptor.At(key).accepted < chosen.ballot) {
      voter_.OnChosen(key, chosen.ballot, chosen.value);
    }
  }
}

// ---- Joining.

void ClusterNode::OnJoin(const Envelope& envelope, const Join& message) {
  if (message.member.node == core_.node || message.member.node != envelope.from) return;
  if (!core_.cluster.is_set()) {
    // Somebody of a cluster introduces himself: this node would like to be let in.
    if (!envelope.cluster.is_set()) founding_.NoteSeeker(message.member);
    if (envelope.cluster.is_set() || message.wants_to_join) {
      core_.SendToEndpoint(
          message.member.bus_endpoint,
          Join{core_.self(), envelope.cluster.is_set(), core_.table.voters().epoch});
    }
    return;
  }
  if (envelope.cluster.is_set() && envelope.cluster != core_.cluster) {
    core_.Tell(ClusterEvent::Kind::kOtherCluster, envelope.from);
    return;
  }
  const bool is_readmitted = Readmit(message.member, message.list_epoch);
  const Member* const known = core_.table.Find(envelope.from);
  if (known != nullptr && known->is_forgotten) return TellForgotten(message.member);
  const bool is_new = known == nullptr || is_readmitted;
  Member member = message.member;
  // A founder that has not heard yet does not know its shard.
  if (known != nullptr && !member.shard.has_value()) member.shard = known->shard;
  core_.Learn(member);
  const Founding* const founding = founding_.Known();
  if (!envelope.cluster.is_set() && founding != nullptr && founding->cluster == core_.cluster &&
      founding->Has(envelope.from)) {
    // It was one of the founders, and has not heard.
    const RegisterState& state = core_.acceptor.At(RegisterKey::OfFounding());
    core_.Send(envelope.from, Chosen{RegisterKey::OfFounding(), state.accepted, state.value});
    return;
  }
  if (is_new) {
    core_.MustSave();
    core_.Tell(ClusterEvent::Kind::kMemberNew, envelope.from);
  }
  Answer(envelope.from);
}

void ClusterNode::Answer(const NodeId& to) {
  JoinAnswer answer;
  answer.voters = core_.table.voters();
  for (const NodeId& voter : answer.voters.voters) {
    const Member* const one = core_.table.Find(voter);
    if (one != nullptr) answer.members.push_back(*one);
  }
  // That it was let in again it does not know itself.
  answer.members.push_back(*core_.table.Find(to));
  answer.members.push_back(core_.self());
  core_.Send(to, std::move(answer));
}

void ClusterNode::TellForgotten(const Member& member) {
  core_.SendToEndpoint(member.bus_endpoint, JoinAnswer{{}, {*core_.table.Find(member.node)}});
}

bool ClusterNode::Readmit(const Member& member, uint64_t list_epoch) {
  if (meet_.erase(member.bus_endpoint) == 0) return false;
  const Member* const known = core_.table.Find(member.node);
  if (known == nullptr || !known->is_forgotten) return false;
  if (TakeOver::CountOf(list_epoch) > TakeOver::CountOf(core_.table.voters().epoch)) {
    // It would set aside what was agreed on here: it is another cluster by now.
    core_.Tell(ClusterEvent::Kind::kOtherCluster, member.node, "it took over while forgotten");
    return false;
  }
  Member readmitted = member;
  readmitted.admissions = known->admissions + 1;
  readmitted.generation = std::max(known->generation, member.generation);
  readmitted.is_forgotten = false;
  readmitted.is_failed = false;
  core_.table.Merge(readmitted);
  core_.MustSave();
  return true;
}

void ClusterNode::OnJoinAnswer(const Envelope& envelope, const JoinAnswer& message) {
  if (!envelope.cluster.is_set()) return;
  if (core_.cluster.is_set() && core_.cluster != envelope.cluster) return;
  const Member* const known = core_.table.Find(envelope.from);
  if (!message.members.empty() && message.members.back().node == envelope.from) {
    if (Readmit(message.members.back(), message.voters.epoch)) {
      core_.Tell(ClusterEvent::Kind::kMemberNew, envelope.from);
      return Answer(envelope.from);
    }
  }
  if (known != nullptr && known->is_forgotten) return;
  if (!core_.cluster.is_set()) {
    core_.cluster = envelope.cluster;
    core_.MustSave();
    core_.Tell(ClusterEvent::Kind::kJoined, core_.node);
  }
  for (const Member& member : message.members) core_.Learn(member);
  if (core_.table.Merge(message.voters)) core_.MustSave();
}

void ClusterNode::SeekOthers() {
  if (core_.now < seek_at_) return;
  seek_at_ = core_.now + core_.config.ping_interval();
  const bool is_alone =
      !core_.cluster.is_set() || heartbeats_.VotersHeard() < core_.table.voters().Majority();
  std::erase_if(meet_, [this](const auto& entry) { return core_.now >= entry.second; });
  std::vector<std::string> endpoints;
  for (const auto& [endpoint, until] : meet_) endpoints.push_back(endpoint);
  if (is_alone && !core_.self().is_forgotten) {
    endpoints.insert(endpoints.end(), core_.config.seeds.begin(), core_.config.seeds.end());
  }
  for (const std::string& endpoint : endpoints) {
    if (endpoint == core_.config.bus_endpoint) continue;
    core_.SendToEndpoint(endpoint, Join{core_.self(), true, core_.table.voters().epoch});
  }
}

void ClusterNode::ChooseShard() {
  if (core_.shard().has_value() || !heartbeats_.is_in_sync() || core_.table.shards().empty()) {
    return;
  }
  // Others that have joined lately are to be known by now: each takes a place of its own.
  if (!choose_at_.has_value()) choose_at_ = core_.now + core_.config.node_timeout;
  if (core_.now < *choose_at_) return;
  std::map<ShardId, size_t> counts;
  for (const auto& [shard, chosen] : core_.table.shards()) {
    counts[shard] = core_.table.MembersOf(shard).size();
  }
  for (const auto& [node, member] : core_.table.members()) {
    if (member.is_forgotten || member.shard.has_value()) continue;
    // The shard with the fewest nodes is the next one's.
    const auto fewest = std::min_element(
        counts.begin(), counts.end(),
        [](const auto& one, const auto& other) { return one.second < other.second; });
    ++fewest->second;
    if (node != core_.node) continue;
    Member changed = core_.self();
    changed.shard = fewest->first;
    core_.ChangeSelf(std::move(changed));
    core_.Tell(ClusterEvent::Kind::kMemberChanged, core_.node);
    return;
  }
}

// ---- What follows.

void ClusterNode::Plan() {
  DataPlan plan;
  plan.fence = std::max({endorser_.fence(), election_.epoch(), core_.plan.fence});
  const ShardRegister* const own = core_.OwnRegister();
  if (own != nullptr && !core_.self().is_forgotten) {
    plan.primary = own->primary();
    plan.epoch = own->epoch;
    if (plan.fence > core_.plan.fence) fenced_at_ = core_.now;
    // Who is bound to a candidate gives it time to win; if it has not, the primary is to hear of
    // the fence.
    const bool is_bound =
        plan.fence > own->epoch && core_.now - fenced_at_ < core_.config.node_timeout;
    if (own->primary() != core_.node) {
      if (!is_bound) plan.kind = DataPlan::Kind::kFollow;
    } else if (own->epoch == election_.won() && plan.fence <= own->epoch) {
      plan.kind = DataPlan::Kind::kLead;
    }
  }
  plan.holds_writes = hand_over_.holds_writes();
  core_.plan = plan;
  may_act_until_.reset();
  const bool is_open = plan.kind == DataPlan::Kind::kLead && core_.data.leads == plan.epoch &&
                       core_.data.fence <= plan.epoch && core_.data.is_well;
  if (is_open) {
    VoterList list = core_.table.voters().Of(*core_.shard());
    if (HasFault(ProtocolFault::kGossipedMajority)) {
      std::erase_if(list.voters, [this](const NodeId& node) { return core_.table.IsFailed(node); });
    }
    may_act_until_ = authority_.Until(list, plan.epoch, core_.slot_map->version());
  }
  if (may_act_until_.has_value() && core_.now < *may_act_until_) core_.acted_at = core_.now;
  if (is_open && std::exchange(asked_for_, plan.epoch) != plan.epoch) heartbeats_.HurryToVoters();
}

void ClusterNode::Publish(ClusterEffects* effects) {
  effects->plan = core_.plan;
  effects->may_act_until = may_act_until_;
  if (published_ == core_.table.changes() && published_map_ == core_.slot_map.get()) return;
  published_ = core_.table.changes();
  published_map_ = core_.slot_map.get();
  auto topology = std::make_shared<Topology>();
  topology->version = ++topology_version_;
  topology->slots = core_.slot_map;
  topology->own_shard = core_.shard();
  for (const auto& [shard, chosen] : core_.table.shards()) {
    topology->shards[shard].epoch = chosen.value.epoch;
  }
  for (const auto& [node, member] : core_.table.members()) {
    if (member.is_forgotten || !member.shard.has_value()) continue;
    Topology::Shard& shard = topology->shards[*member.shard];
    Topology::Node entry{node, member.endpoint, member.bus_endpoint, member.zone, member.is_failed};
    if (shard.epoch.node == node) {
      shard.primary = std::move(entry);
    } else {
      shard.replicas.push_back(std::move(entry));
    }
  }
  effects->topology = std::move(topology);
}

}  // namespace larder::cluster
