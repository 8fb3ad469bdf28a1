#include "tests/simulation/cluster/cluster_simulation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::simulation {

using cluster::ShardId;

ClusterSimulation::ClusterSimulation(ClusterSimulationOptions options)
    : options_(std::move(options)), random_(options_.seed) {
  world_ = std::make_unique<ClusterWorld>(ChooseWorld());
  if (options_.trace) world_->set_trace(options_.trace);
}

WorldOptions ClusterSimulation::ChooseWorld() {
  WorldOptions world;
  do {
    world.shards = 1 + static_cast<uint32_t>(random_.Below(4));
    world.replicas = static_cast<uint32_t>(random_.Below(4));
  } while (world.shards * (1 + world.replicas) > 9);
  world.config.node_timeout = Millis(1000);
  world.seed = random_.Next();
  world.has_data = true;
  world.has_evidence = random_.Below(4) != 0;
  constexpr std::array<int64_t, 4> kDelays = {5, 5, 30, 120};
  world.network.delay_max = Millis(kDelays[random_.Below(kDelays.size())]);
  begins_with_faults_ = random_.Below(2) == 0;
  world.is_founded = random_.Below(3) != 0;
  if (random_.Below(4) == 0) {
    const size_t others = world.shards * world.replicas;
    world.founders = world.shards + random_.Below(others + 1);
  }
  if (random_.Below(2) == 0) world.begin_within = Millis(random_.Below(6000));
  world.data.chunk_bytes = 40 + random_.Below(100);
  world.data.batches_cut_percent = random_.Below(2) == 0 ? 0 : 10;
  world.data.checks_staleness = false;
  keeps_data_ = random_.Below(2) == 0;
  forgets_ = random_.Below(2) == 0;
  std::vector<int64_t> rates;
  const bool drifts = random_.Below(2) == 0;
  for (size_t node = 0; node < 16; ++node) {
    rates.push_back(drifts ? 900 + static_cast<int64_t>(random_.Below(201)) : 1000);
  }
  world.clock_permille = [rates](size_t node) { return rates[node]; };
  std::vector<Millis> delays;
  std::vector<bool> no_failover;
  for (size_t node = 0; node < 16; ++node) {
    delays.emplace_back(random_.Below(4) == 0 ? 1 + random_.Below(300) : 4);
    no_failover.push_back(random_.Below(8) == 0);
  }
  world.work_delay_max = [delays](size_t node) { return delays[node]; };
  world.no_failover = [no_failover](size_t node) { return no_failover[node]; };
  counts_.nodes = world.shards * (1 + world.replicas);
  return world;
}

void ClusterSimulation::Every(Millis at_most, std::function<void()> what) {
  const Millis wait(1 + random_.Below(static_cast<uint64_t>(at_most.count())));
  world_->events().After(wait, [this, at_most, what = std::move(what)] {
    if (!has_faults_) return;
    what();
    Every(at_most, what);
  });
}

// ---- Clients.

void ClusterSimulation::Write() {
  SimulatedNode& node = world_->node(AnyNode());
  ModelRecord record;
  record.slot = static_cast<uint32_t>(random_.Below(ModelKeyspace::kSlots));
  record.key = absl::StrCat("k", random_.Below(6));
  if (random_.Below(5) == 0) {
    record.kind = ModelRecord::Kind::kDelete;
  } else {
    // One after the other: arguments have no order that every compiler has.
    const size_t length = 1 + random_.Below(40);
    record.value = std::string(length, static_cast<char>('a' + random_.Below(26)));
  }
  const size_t replicas = random_.Below(world_->options().replicas + 1);
  node.Write(record, replicas) ? ++counts_.writes : ++counts_.refused;
}

// ---- Faults.

ShardId ClusterSimulation::AnyShard() {
  return ShardId(static_cast<uint32_t>(random_.Below(world_->options().shards)));
}

std::optional<size_t> ClusterSimulation::AnyOther(ShardId shard,
                                                  const std::optional<size_t>& than) {
  const std::vector<size_t>& nodes = world_->NodesOf(shard);
  if (!than.has_value() || nodes.size() < 2) return std::nullopt;
  size_t other = *than;
  while (other == *than) other = nodes[random_.Below(nodes.size())];
  return other;
}

size_t ClusterSimulation::Victim() {
  const std::optional<size_t> primary = world_->Acting(AnyShard());
  return primary.has_value() && random_.Below(3) == 0 ? *primary : AnyNode();
}

void ClusterSimulation::CrashSome() { Crash(Victim(), random_.Below(2) == 0 ? 300 : 8000); }

void ClusterSimulation::Crash(size_t node, uint64_t away_max) {
  if (!has_faults_ || !world_->process(node).is_running()) return;
  const uint64_t chance = random_.Below(10);
  world_->data(node).set_loss(keeps_data_ || chance < 4 ? SimulatedNode::Loss::kNothing
                              : chance < 8              ? SimulatedNode::Loss::kTail
                                                        : SimulatedNode::Loss::kAll);
  world_->Crash(node);
  world_->events().After(Millis(random_.Below(away_max)), [this, node] {
    if (!world_->process(node).is_running()) world_->Restart(node);
  });
}

void ClusterSimulation::PauseSome() { Pause(Victim(), 5000); }

void ClusterSimulation::Pause(size_t node, uint64_t length_max) {
  ClusterProcess& process = world_->process(node);
  if (!has_faults_ || !process.is_running() || process.is_paused()) return;
  process.Pause();
  world_->events().After(Millis(random_.Below(length_max)),
                         [this, node] { world_->process(node).Resume(); });
}

void ClusterSimulation::BlockSome() {
  for (uint64_t i = 0; i <= random_.Below(6); ++i) {
    const size_t from = AnyNode();
    world_->Block(from, AnyNode());
  }
  world_->events().After(Millis(random_.Below(6000)), [this] { world_->Heal(); });
}

void ClusterSimulation::IsolateSome() {
  // A side of the nodes, of any size; both ways or one.
  std::set<size_t> side;
  for (uint64_t i = 0; i <= random_.Below(world_->size()); ++i) side.insert(AnyNode());
  const uint64_t ways = random_.Below(4);
  for (size_t node = 0; node < world_->size(); ++node) {
    if (side.count(node) != 0) continue;
    for (const size_t other : side) {
      if (ways != 1) world_->Block(node, other);
      if (ways != 2) world_->Block(other, node);
    }
  }
  world_->events().After(Millis(random_.Below(8000)), [this] { world_->Heal(); });
}

void ClusterSimulation::HangSomeDisk() {
  const size_t node = AnyNode();
  if (!world_->process(node).is_running()) return;
  world_->process(node).set_disk_hangs(true);
  const Millis noticed = world_->options().config.node_timeout / 2;
  const Millis length(random_.Below(4000));
  if (length > noticed) {
    world_->events().After(noticed, [this, node] { world_->process(node).set_is_well(false); });
  }
  world_->events().After(length, [this, node] {
    world_->process(node).set_disk_hangs(false);
    world_->process(node).set_is_well(true);
  });
}

void ClusterSimulation::SlowSome() {
  const size_t node = AnyNode();
  world_->process(node).set_step_delay_max(Millis(random_.Below(300)));
  world_->events().After(Millis(random_.Below(6000)),
                         [this, node] { world_->process(node).set_step_delay_max(Millis(0)); });
}

void ClusterSimulation::LoseMessages() {
  Datagrams::Options network = world_->options().network;
  network.lost_permille = static_cast<uint32_t>(random_.Below(300));
  network.doubled_permille = static_cast<uint32_t>(random_.Below(200));
  network.delay_max += Millis(random_.Below(200));
  world_->network().set_options(network);
  world_->events().After(Millis(random_.Below(6000)),
                         [this] { world_->network().set_options(world_->options().network); });
}

void ClusterSimulation::HandOverSome() {
  constexpr std::array<cluster::ElectionKind, 3> kKinds = {cluster::ElectionKind::kPlanned,
                                                           cluster::ElectionKind::kPlanned,
                                                           cluster::ElectionKind::kForced};
  world_->Command(AnyNode(), cluster::FailoverCommand{kKinds[random_.Below(kKinds.size())]});
}

// A replica lags; then its primary dies, and the others are away for a moment.
void ClusterSimulation::LoseThePrimaryOfALaggard() {
  const ShardId shard = AnyShard();
  const std::optional<size_t> primary = world_->Acting(shard);
  const std::optional<size_t> laggard = AnyOther(shard, primary);
  if (!laggard.has_value()) return;
  world_->Block(*primary, *laggard);
  world_->events().After(Millis(random_.Below(900)), [this, primary, laggard, shard] {
    Crash(*primary, 4000);
    for (const size_t node : world_->NodesOf(shard)) {
      if (node != *laggard && random_.Below(2) == 0) Pause(node, 900);
    }
  });
  world_->events().After(Millis(random_.Below(2000)), [this] { world_->Heal(); });
}

void ClusterSimulation::ForgetSome() {
  const size_t node = AnyNode();
  has_forgotten_ = true;
  world_->Command(AnyNode(), cluster::ForgetCommand{world_->process(node).id()});
  world_->events().After(Millis(random_.Below(8000)), [this, node] { MeetAgain(node); });
}

void ClusterSimulation::MeetAgain(size_t node) {
  for (size_t other = 0; other < world_->size(); ++other) {
    if (other == node || !world_->process(other).is_running()) continue;
    const cluster::NodeCore& core = world_->process(other).node().core();
    const cluster::Member* const member = core.table.Find(world_->process(node).id());
    if (member == nullptr || !member->is_forgotten) continue;
    world_->Command(other,
                    cluster::MeetCommand{world_->process(node).options().config.bus_endpoint});
    return;
  }
}

// So many voters end at once that no majority is left; an operator tells a replica to take over.
// The others return when it leads, and know nothing of it.
void ClusterSimulation::TakeOverSome() {
  const size_t survivor = AnyNode();
  if (!world_->process(survivor).is_running()) return;
  const cluster::VoterList list = world_->process(survivor).node().core().table.voters();
  size_t left = list.voters.size();
  for (const cluster::NodeId& voter : list.voters) {
    const size_t node = world_->IndexOf(voter);
    if (node == survivor || left < list.Majority()) continue;
    Crash(node, 12000);
    --left;
  }
  world_->events().After(Millis(1500 + random_.Below(2000)), [this, survivor] {
    if (!has_faults_ || !world_->process(survivor).is_running()) return;
    ++counts_.take_overs;
    world_->Command(survivor, cluster::TakeOverCommand{});
  });
}

// Somebody takes over by force while the primary acts, and voters begin anew.
void ClusterSimulation::ForceBesideRestarts() {
  const ShardId shard = AnyShard();
  const std::optional<size_t> primary = world_->Acting(shard);
  const std::optional<size_t> successor = AnyOther(shard, primary);
  if (!successor.has_value()) return;
  // What it is lent by then is all that it will have; or what it hears is old.
  const bool is_slow = random_.Below(2) == 0;
  for (size_t node = 0; node < world_->size(); ++node) {
    if (node == *primary || random_.Below(4) == 0) continue;
    is_slow ? world_->network().Slow(node, *primary, Millis(random_.Below(500)))
            : world_->Block(node, *primary);
    if (is_slow && random_.Below(2) == 0) {
      world_->network().Slow(*successor, node, Millis(random_.Below(400)));
    }
  }
  world_->Command(*successor, cluster::FailoverCommand{cluster::ElectionKind::kForced});
  const bool has_restarts = random_.Below(2) == 0;
  for (size_t node = 0; node < world_->size(); ++node) {
    if (!has_restarts || node == *primary || node == *successor || random_.Below(2) == 0) continue;
    world_->events().After(Millis(random_.Below(300)), [this, node] { Crash(node, 40); });
  }
  world_->events().After(Millis(300 + random_.Below(2000)), [this] { world_->Heal(); });
}

void ClusterSimulation::Fault() {
  ++counts_.faults;
  switch (random_.Below(15)) {
    case 0:
    case 1:
      return CrashSome();
    case 2:
      return PauseSome();
    case 3:
      return BlockSome();
    case 4:
      return IsolateSome();
    case 5:
      return HangSomeDisk();
    case 6:
      return SlowSome();
    case 7:
      return LoseMessages();
    case 8:
    case 9:
      return LoseThePrimaryOfALaggard();
    case 10:
    case 11:
      return ForceBesideRestarts();
    case 12:
    case 13:
      // Who takes over while it is forgotten does not come back: that has stories of its own.
      return forgets_ ? ForgetSome() : TakeOverSome();
    default:
      return HandOverSome();
  }
}

void ClusterSimulation::EndFaults() {
  has_faults_ = false;
  world_->Heal();
  world_->network().set_options(world_->options().network);
  for (size_t node = 0; node < world_->size(); ++node) {
    ClusterProcess& process = world_->process(node);
    process.set_step_delay_max(Millis(0));
    process.set_disk_hangs(false);
    process.set_is_well(true);
    process.Resume();
    if (!process.is_running()) world_->Restart(node);
  }
  for (Millis when{0}; when < options_.quiet; when += Millis(3000)) {
    world_->events().After(when, [this] {
      for (size_t node = 0; node < world_->size(); ++node) MeetAgain(node);
    });
  }
}

std::optional<std::string> ClusterSimulation::Unrest() {
  for (uint32_t shard = 0; shard < world_->options().shards; ++shard) {
    const std::optional<size_t> primary = world_->Acting(ShardId(shard));
    if (!primary.has_value()) return absl::StrCat("nobody acts for shard ", shard);
    SimulatedNode& leader = world_->node(*primary);
    if (!leader.is_open()) return absl::StrCat("node ", *primary, " takes no writes");
    // Who joins while others cannot be heard may take a place that is taken.
    const bool are_even = world_->founders() == world_->size() && !has_forgotten_;
    if (are_even && world_->NodesOf(ShardId(shard)).size() != 1 + world_->options().replicas) {
      return absl::StrCat("shard ", shard, " has not all its nodes");
    }
    for (const size_t node : world_->NodesOf(ShardId(shard))) {
      const cluster::NodeCore& core = world_->process(node).node().core();
      const cluster::ShardRegister* const own = core.OwnRegister();
      if (own == nullptr || own->primary() != leader.id()) {
        return absl::StrCat("node ", node, " does not know that node ", *primary, " leads");
      }
      if (node == *primary) continue;
      SimulatedNode& replica = world_->node(node);
      if (!replica.is_following()) {
        const cluster::SinkReport report = replica.sink().Report();
        if (report.refused == cluster::Refuse::Reason::kRestartedEmpty) continue;
        return absl::StrCat("node ", node, " does not follow node ", *primary, ": ",
                            cluster::SinkTroubleText(report.trouble).data(), " ", report.detail);
      }
      if (replica.keyspace().digest() != leader.keyspace().digest()) {
        return absl::StrCat("node ", node, " has not what node ", *primary, " has");
      }
      const auto& able = world_->process(*primary).node().core().OwnRegister()->able;
      if (std::find(able.begin(), able.end(), replica.id()) == able.end()) {
        return absl::StrCat("node ", node, " is not able");
      }
    }
  }
  for (size_t node = 0; node < world_->size(); ++node) {
    const cluster::NodeCore& core = world_->process(node).node().core();
    if (!core.shard().has_value()) return absl::StrCat("node ", node, " is of no shard");
    for (const auto& [id, member] : core.table.members()) {
      if (member.is_forgotten) {
        return absl::StrCat("node ", node, " has forgotten node ", world_->IndexOf(id));
      }
      if (member.is_failed) {
        return absl::StrCat("node ", node, " holds node ", world_->IndexOf(id), " for FAIL");
      }
    }
    if (core.cluster != world_->process(0).node().core().cluster) {
      return absl::StrCat("node ", node, " is of another cluster than node 0");
    }
    const cluster::VoterList& list = core.table.voters();
    if (list.epoch != world_->newest_list()) return absl::StrCat("node ", node, " has an old list");
    const cluster::VoterList wanted = cluster::ListSuccession::Wanted(core.table);
    if (list.voters != wanted.voters || list.permanent != wanted.permanent) {
      return absl::StrCat("the voters are not whom they should be, at node ", node);
    }
    if (list.Has(core.node) && !core.ActsAsVoter()) {
      return absl::StrCat("node ", node, " does not act as a voter");
    }
    for (const auto& [shard, chosen] : core.table.shards()) {
      const size_t primary = world_->IndexOf(chosen.value.primary());
      if (world_->Acting(shard) != primary) {
        return absl::StrCat("node ", node, " has node ", primary, " for the primary of ",
                            static_cast<uint32_t>(shard));
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> ClusterSimulation::Run() {
  world_->Start();
  if (!begins_with_faults_) world_->RunUntil([this] { return world_->IsServed(); }, Millis(10000));
  Every(Millis(40), [this] { Write(); });
  Every(Millis(2000), [this] { Fault(); });
  world_->Run(options_.chaos);
  EndFaults();
  if (!world_->violation().has_value()) {
    std::optional<std::string> unrest = "it was never looked at";
    Millis asked{0};
    const bool is_quiet = world_->RunUntil(
        [this, &unrest, &asked] {
          // Not at each event: it looks at everything.
          if (!unrest.has_value()) return true;
          if (world_->events().now() < asked) return false;
          asked = world_->events().now() + Millis(50);
          unrest = Unrest();
          return !unrest.has_value();
        },
        options_.quiet);
    if (!is_quiet && !world_->violation().has_value()) {
      world_->Violate(absl::StrCat("not quiet: ", unrest.value_or("")));
    }
  }
  counts_.simulated = world_->events().now();
  return world_->violation();
}

std::string ClusterSimulation::Describe() const {
  const WorldOptions& world = world_->options();
  return absl::StrCat(world.is_founded ? "" : "to be founded, ", world.shards, " shards with ",
                      world.replicas, " replicas, at most ", world.network.delay_max.count(),
                      " ms one way, ", world.has_evidence ? "" : "no ",
                      "evidence of ends, crashes ", keeps_data_ ? "keep" : "lose", " data");
}

ClusterSimulationCounts ClusterSimulation::Counts() const {
  ClusterSimulationCounts counts = counts_;
  counts.elections = world_->elections();
  counts.elections_lost = world_->elections_lost();
  counts.fails = world_->fails();
  counts.lists = world_->lists();
  counts.acknowledged = world_->acknowledged();
  return counts;
}

}  // namespace larder::simulation
