#include "tests/simulation/cluster/cluster_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/cluster/still_data.h"

namespace larder::simulation {

using cluster::ClusterEvent;
using cluster::DurableCluster;
using cluster::Epoch;
using cluster::NodeId;
using cluster::ShardId;

namespace {

NodeId IdOf(size_t index) { return NodeIdOf(index); }
std::string EndpointOf(size_t index) { return absl::StrCat("10.0.0.", index, ":17600"); }

}  // namespace

ClusterWorld::ClusterWorld(WorldOptions options) : options_(std::move(options)) {
  storage::Random random(options_.seed);
  network_ = std::make_unique<Datagrams>(&world_.events, options_.network, random.Next(),
                                         [this](size_t to, const cluster::Envelope& envelope) {
                                           processes_[to]->Receive(cluster::Received{envelope});
                                         });
  streams_ = std::make_unique<SimulatedNetwork>(&world_.events, random.Next());
  world_.network = streams_.get();
  world_.violation = [this](const std::string& what) { Violate(what); };
  const size_t members = options_.shards * (1 + options_.replicas);
  const size_t nodes = members + options_.newcomers;
  for (size_t node = 0; node < nodes; ++node) {
    by_id_.emplace(IdOf(node), node);
    by_endpoint_.emplace(EndpointOf(node), node);
  }
  for (size_t node = 0; node < nodes; ++node) {
    const uint64_t data_seed = random.Next();
    data_.push_back(options_.has_data ? ReplicatedDataOf(node, data_seed) : StillDataOf(node));
    ProcessOptions process;
    process.config = options_.config;
    process.config.endpoint = absl::StrCat("10.0.0.", node, ":7600");
    process.config.bus_endpoint = EndpointOf(node);
    process.clock_begin = Millis(1000 * (node + 1));
    cluster::DurableCluster disk;
    if (node >= members) {
      disk.self.node = IdOf(node);
      process.config.shards = options_.shards;
      process.config.replicas = options_.replicas;
    } else if (options_.is_founded && node < founders()) {
      disk = Founded(node);
    } else {
      disk.self.node = IdOf(node);
      process.config.shards = options_.shards;
      process.config.replicas = options_.replicas;
      if (options_.seeds) {
        for (const size_t seed : options_.seeds(node)) {
          process.config.seeds.push_back(EndpointOf(seed));
        }
      } else {
        for (const auto& [endpoint, index] : by_endpoint_) process.config.seeds.push_back(endpoint);
      }
    }
    if (options_.clock_permille) process.clock_permille = options_.clock_permille(node);
    if (options_.no_failover) process.config.no_failover = options_.no_failover(node);
    processes_.push_back(std::make_unique<ClusterProcess>(
        process, disk, random.Next(), &world_.events, data_.back().get(),
        [this, node](const cluster::Sending& sending) { Deliver(node, sending); },
        [this, node](const cluster::ClusterEffects& effects) { Check(node, effects); }));
  }
}

std::unique_ptr<DataSide> ClusterWorld::StillDataOf(size_t node) {
  return std::make_unique<StillData>([this, node] {
    std::vector<NodeId> followers;
    const auto shard = processes_[node]->node().core().shard();
    if (!shard.has_value()) return followers;
    for (const size_t other : nodes_of_[*shard]) {
      const ClusterProcess& process = *processes_[other];
      if (other == node || !process.is_running() || process.is_paused()) continue;
      if (network_->IsBlocked(node, other) || network_->IsBlocked(other, node)) continue;
      const auto& plan = static_cast<const StillData&>(*data_[other]).plan();
      const bool follows = plan.kind == cluster::DataPlan::Kind::kFollow &&
                           plan.primary == IdOf(node) && plan.fence <= plan.epoch;
      if (follows && process.node().core().shard() == shard) followers.push_back(IdOf(other));
    }
    return followers;
  });
}

std::unique_ptr<DataSide> ClusterWorld::ReplicatedDataOf(size_t node, uint64_t seed) {
  NodeOptions data = options_.data;
  data.may_act = [this, node] { return processes_[node]->MayAct(); };
  if (options_.clock_permille) data.clock_permille = options_.clock_permille(node);
  if (options_.work_delay_max) data.work_delay_max = options_.work_delay_max(node);
  const size_t nodes = options_.shards * (1 + options_.replicas) + options_.newcomers;
  nodes_.push_back(std::make_unique<SimulatedNode>(node, nodes, data, &world_, seed));
  streams_->AddNode(nodes_.back().get());
  return std::make_unique<ReplicatedData>(nodes_.back().get(),
                                          [this, node] { return IsSetAside(node); });
}

void ClusterWorld::Violate(const std::string& what) {
  if (!violation_.has_value()) violation_ = absl::StrCat(Now().count(), " ms: ", what);
}

// As every node has it when the first of all decisions is durable.
DurableCluster ClusterWorld::Founded(size_t node) const {
  const size_t nodes = founders();
  DurableCluster durable;
  durable.cluster = {7, 7};
  for (size_t i = 0; i < nodes; ++i) {
    cluster::Member member;
    member.node = IdOf(i);
    member.generation = 1;
    member.endpoint = absl::StrCat("10.0.0.", i, ":7600");
    member.bus_endpoint = EndpointOf(i);
    member.shard = ShardId(static_cast<uint32_t>(i % options_.shards));
    if (i == node) durable.self = member;
    durable.members.push_back(member);
  }
  cluster::Founding founding;
  founding.shards = options_.shards;
  for (size_t i = 0; i < nodes; ++i) founding.founders.push_back({IdOf(i), "", "", ""});
  durable.voters = founding.FirstVoters();
  const bool is_voter = durable.voters.Has(IdOf(node));
  if (is_voter) durable.acts_under = 1;
  for (uint32_t i = 0; i < options_.shards; ++i) {
    cluster::ShardRegister value;
    value.version = 1;
    value.epoch = {1, 0, IdOf(i)};
    const cluster::Ballot ballot = cluster::Ballot().Next(IdOf(i), 1);
    durable.shards[ShardId(i)] = {value, ballot};
    if (is_voter) {
      durable.registers[cluster::RegisterKey::OfShard(ShardId(i))] = {ballot, ballot, value};
    }
  }
  durable.slot_map =
      std::make_shared<const cluster::SlotMap>(cluster::SlotMap::Even(1, options_.shards));
  return durable;
}

void ClusterWorld::Start() {
  shard_of_.resize(processes_.size());
  storage::Random random(options_.seed);
  for (size_t node = 0; node < processes_.size(); ++node) {
    const Millis wait(random.Below(static_cast<uint64_t>(options_.begin_within.count()) + 1));
    if (wait.count() == 0) {
      Restart(node);
    } else {
      world_.events.After(wait, [this, node] {
        if (!processes_[node]->is_running()) Restart(node);
      });
    }
  }
}

void ClusterWorld::NoteShard(size_t node) {
  const auto shard = processes_[node]->node().core().shard();
  if (shard == shard_of_[node]) return;
  if (shard_of_[node].has_value()) std::erase(nodes_of_[*shard_of_[node]], node);
  shard_of_[node] = shard;
  if (!shard.has_value()) return;
  nodes_of_[*shard].push_back(node);
  if (options_.has_data) nodes_[node]->set_truth(&truths_[*shard]);
}

void ClusterWorld::Run(Millis length) {
  world_.events.RunUntil(Now() + length, [this] { return violation_.has_value(); });
}

bool ClusterWorld::RunUntil(const std::function<bool()>& done, Millis most) {
  world_.events.RunUntil(Now() + most, [this, &done] { return violation_.has_value() || done(); });
  return !violation_.has_value() && done();
}

size_t ClusterWorld::IndexOf(const NodeId& node) const {
  const auto at = by_id_.find(node);
  return at == by_id_.end() ? SIZE_MAX : at->second;
}

void ClusterWorld::CheckSaid(const cluster::Envelope& envelope) {
  constexpr size_t kMessageBytesMax = 2048;
  const char* const name = cluster::PeerMessageName(envelope.message);
  if (cluster::EncodedBytes(envelope) > kMessageBytesMax) {
    Violate(absl::StrCat("a message of ", cluster::EncodedBytes(envelope), " bytes: ", name));
  }
  const auto* const accept = std::get_if<cluster::Accept>(&envelope.message);
  if (accept == nullptr) return;
  const auto* const value = std::get_if<cluster::ShardRegister>(&accept->value);
  if (value == nullptr) return;
  const auto [at, is_new] = proposed_.try_emplace({accept->key, accept->ballot}, *value);
  if (!is_new && !(at->second == *value)) {
    Violate(absl::StrCat("two values under one ballot: ", at->second.epoch.ToText(), " and ",
                         value->epoch.ToText()));
  }
}

void ClusterWorld::Deliver(size_t from, const cluster::Sending& sending) {
  CheckSaid(sending.envelope);
  size_t to = SIZE_MAX;
  const auto at = by_endpoint_.find(sending.endpoint);
  if (at != by_endpoint_.end()) to = at->second;
  if (to == SIZE_MAX) return;
  if (sending.to.is_set() && IndexOf(sending.to) != to) return;
  if (options_.has_evidence && !processes_[to]->is_running() && sending.to.is_set() &&
      !network_->IsBlocked(from, to) && !network_->IsBlocked(to, from)) {
    world_.events.After(options_.network.delay_min * 2, [this, from, to] {
      if (!processes_[to]->is_running()) {
        processes_[from]->Receive(cluster::Unreachable{IdOf(to)});
      }
    });
    return;
  }
  network_->Send(from, to, sending.envelope);
}

void ClusterWorld::Crash(size_t node) {
  processes_[node]->Crash();
  if (!options_.has_evidence) return;
  // Connections of those that had one are reset, and not made again.
  for (size_t other = 0; other < processes_.size(); ++other) {
    if (other == node || !processes_[other]->is_running()) continue;
    if (network_->IsBlocked(node, other) || network_->IsBlocked(other, node)) continue;
    if (!processes_[other]->node().core().detector.IsWatched(IdOf(node))) continue;
    const Millis round_trip = options_.network.delay_max * 3;
    world_.events.After(round_trip, [this, other, node] {
      if (!processes_[node]->is_running()) {
        processes_[other]->Receive(cluster::Unreachable{IdOf(node)});
      }
    });
  }
}

void ClusterWorld::Block(size_t from, size_t to) {
  network_->Block(from, to);
  streams_->Block(from, to);
}

void ClusterWorld::Heal() {
  network_->Heal();
  streams_->Heal();
}

void ClusterWorld::Restart(size_t node) {
  processes_[node]->Start();
  NoteShard(node);
}

void ClusterWorld::Readdress(size_t node, const std::string& host, std::vector<std::string> seeds) {
  by_endpoint_.erase(processes_[node]->options().config.bus_endpoint);
  const std::string bus_endpoint = absl::StrCat(host, ":17600");
  by_endpoint_.emplace(bus_endpoint, node);
  processes_[node]->set_addresses(absl::StrCat(host, ":7600"), bus_endpoint, std::move(seeds));
}

void ClusterWorld::Command(size_t node, cluster::ClusterInput command) {
  processes_[node]->Receive(std::move(command));
}

void ClusterWorld::Check(size_t node, const cluster::ClusterEffects& effects) {
  NoteShard(node);
  const cluster::VoterList& list = processes_[node]->disk().voters;
  if (list.epoch != 0) lists_.insert(list.epoch);
  if (list.floor > floor_) {
    floor_ = list.floor;
    for (auto& [shard, truth] : truths_) truth.SetAside(floor_);
  }
  for (const ClusterEvent& event : effects.events) {
    if (event.kind == ClusterEvent::Kind::kElectionStarted) ++elections_;
    if (event.kind == ClusterEvent::Kind::kElectionLost) ++elections_lost_;
    if (event.kind == ClusterEvent::Kind::kFailed) ++fails_;
    const bool is_of_register = event.kind == ClusterEvent::Kind::kAbleChanged ||
                                event.kind == ClusterEvent::Kind::kPrimaryChanged;
    if (is_of_register) NoteAble(node);
    if (on_event_) on_event_(node, event);
    if (world_.trace) {
      world_.trace(absl::StrCat(Now().count(), " ms node ", node, ": ",
                                cluster::ClusterEventName(event.kind).data(), " node ",
                                IndexOf(event.node), " ", event.detail));
    }
  }
  if (!processes_[node]->MayAct()) return;
  const cluster::NodeCore& core = processes_[node]->node().core();
  if (IsSetAside(node)) return;
  const ShardId shard = *core.shard();
  const Epoch epoch = core.plan.epoch;
  Epoch& highest = epochs_[shard];
  if (epoch < highest) {
    Violate(absl::StrCat("node ", node, " acts for shard ", static_cast<uint32_t>(shard), " under ",
                         epoch.ToText(), " after ", highest.ToText()));
  }
  highest = std::max(highest, epoch);
  for (const size_t other : nodes_of_[shard]) {
    if (other == node || !processes_[other]->MayAct()) continue;
    if (IsSetAside(other)) continue;
    Violate(absl::StrCat("nodes ", node, " and ", other, " act for shard ",
                         static_cast<uint32_t>(shard)));
  }
}

void ClusterWorld::NoteAble(size_t primary) {
  const cluster::NodeCore& core = processes_[primary]->node().core();
  const cluster::ShardRegister* const own = core.OwnRegister();
  if (own == nullptr || own->primary() != core.node) return;
  std::set<NodeId> able(own->able.begin(), own->able.end());
  able.insert(core.node);
  std::set<NodeId>& before = able_[*core.shard()];
  for (const NodeId& node : before) {
    const cluster::Member& member = *core.table.Find(node);
    // It may have been let in again meanwhile.
    const bool was_forgotten = member.is_forgotten || member.admissions != 0;
    if (able.count(node) == 0 && was_forgotten) {
      truths_[*core.shard()].OnDataLost(IndexOf(node), Now());
    }
  }
  before = std::move(able);
}

bool ClusterWorld::IsSetAside(size_t node) const {
  return processes_[node]->node().core().table.voters().floor < floor_;
}

std::optional<size_t> ClusterWorld::Acting(ShardId shard) const {
  const auto nodes = nodes_of_.find(shard);
  if (nodes == nodes_of_.end()) return std::nullopt;
  for (const size_t node : nodes->second) {
    if (processes_[node]->MayAct()) return node;
  }
  return std::nullopt;
}

uint64_t ClusterWorld::acknowledged() const {
  uint64_t acknowledged = 0;
  for (const auto& [shard, truth] : truths_) acknowledged += truth.acknowledged();
  return acknowledged;
}

bool ClusterWorld::IsServed() const {
  for (uint32_t shard = 0; shard < options_.shards; ++shard) {
    if (!Acting(ShardId(shard)).has_value()) return false;
  }
  return true;
}

}  // namespace larder::simulation
