#include "tests/simulation/simulation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::simulation {

using cluster::Position;

namespace {

constexpr size_t kKeys = 40;
constexpr size_t kEntriesMax = 30;  // above it, some are evicted
constexpr Millis kLookAgain{50};

NodeOptions OptionsOf(const SimulationOptions& options, storage::Random* random) {
  NodeOptions node;
  node.ring = 30 + random->Below(300);
  node.hold_lag = 10 + random->Below(node.ring / 3 + 1);
  node.chunk_bytes = 20 + random->Below(200);
  node.work_delay_max = Millis(random->Below(20));
  node.copies_failed_percent = random->Below(4) == 0 ? 10 : 0;
  node.chunks_displacing_percent = random->Below(3) == 0 ? 50 : 0;
  node.batches_cut_percent = random->Below(4) == 0 ? 5 : 0;
  node.log_goes_off = random->Below(3) == 0;
  node.fault = options.fault;
  // Drawn beside all else, so that what a seed is known for stays, and from another seed, so that
  // it has nothing to do with what is drawn first there.
  storage::Random pace(storage::Random::Mix(options.seed ^ 0x70616365));
  if (pace.Below(2) == 0) node.copy_bytes_per_second = 2000 + pace.Below(30'000);
  return node;
}

}  // namespace

Simulation::Simulation(SimulationOptions options)
    : options_(std::move(options)), random_(options_.seed) {
  is_careful_ = random_.Below(2) == 0;
  keeps_data_ = random_.Below(2) == 0;
  world_.violation = [this](const std::string& what) { Violate(what); };
  world_.trace = options_.trace;
  network_ = std::make_unique<SimulatedNetwork>(&world_.events, random_.Next());
  network_->set_delay_max(Millis(1 + random_.Below(40)));
  world_.network = network_.get();
  const size_t nodes = 2 + random_.Below(3);
  leader_when_gone_.assign(nodes, 0);
  NodeOptions node_options = OptionsOf(options_, &random_);
  for (size_t index = 0; index < nodes; ++index) {
    // Minutes apart, so that versions do not rise over a promotion.
    node_options.checks_staleness = is_careful_;
    node_options.clock_ahead = Millis(random_.Below(600000));
    nodes_.push_back(
        std::make_unique<SimulatedNode>(index, nodes, node_options, &world_, random_.Next()));
    network_->AddNode(nodes_.back().get());
  }
}

void Simulation::Violate(const std::string& what) {
  if (!violation_.has_value()) {
    violation_ = absl::StrCat("at ", world_.events.now().count(), " ms: ", what);
  }
}

void Simulation::Every(Millis at_most, std::function<void()> what) {
  const Millis wait(1 + random_.Below(static_cast<uint64_t>(at_most.count()) * 2));
  world_.events.After(wait, [this, at_most, what = std::move(what)] {
    what();
    Every(at_most, what);
  });
}

std::optional<std::string> Simulation::Run() {
  for (const auto& node : nodes_) node->Start();
  StartClients();
  StartFaults();
  StartOperator();
  world_.events.RunUntil(options_.chaos, [this] { return IsOver(); });
  if (IsOver()) return violation_;
  EndFaults();
  const Millis end = world_.events.now() + options_.quiet;
  world_.events.RunUntil(end, [this] { return IsOver() || IsQuiet(); });
  if (!IsOver() && !IsQuiet()) {
    Violate(absl::StrCat("no agreement although faults ended: ",
                         Disagreement().value_or("not known why")));
  }
  return violation_;
}

SimulationCounts Simulation::Counts() const {
  SimulationCounts counts = counts_;
  counts.acknowledged = world_.truth.acknowledged();
  counts.messages = network_->delivered();
  for (const auto& node : nodes_) {
    if (!node->is_running()) continue;
    const cluster::SinkReport report = node->sink().Report();
    counts.continued += report.continued;
    counts.copies += report.copies_begun;
    counts.copies_resumed += report.copies_resumed;
    counts.copies_installed += report.copies_installed;
  }
  return counts;
}

void Simulation::NoteCounts(size_t index) {
  if (!nodes_[index]->is_running()) return;
  const cluster::SinkReport report = nodes_[index]->sink().Report();
  counts_.continued += report.continued;
  counts_.copies += report.copies_begun;
  counts_.copies_resumed += report.copies_resumed;
  counts_.copies_installed += report.copies_installed;
}

// ---- Clients.

void Simulation::StartClients() {
  const uint64_t busy = 2 + random_.Below(20);
  Every(Millis(busy), [this] { WriteSomewhere(); });
  Every(Millis(200), [this] {
    if (has_writes_) Any().Expire();
  });
}

ModelRecord Simulation::AnyRecord(const SimulatedNode& node) {
  ModelRecord record;
  record.key = absl::StrCat("k", random_.Below(kKeys));
  record.slot = ModelKeyspace::SlotOf(record.key);
  const ModelKeyspace::Entry* const old = node.keyspace().Find(record.key);
  const uint64_t kind = random_.Below(40);
  if (kind == 0) {
    record.kind = ModelRecord::Kind::kFlushSlot;
    record.key = std::string(1, '-');
  } else if (kind < 8) {
    record.kind = ModelRecord::Kind::kDelete;
  } else if (node.keyspace().size() > kEntriesMax) {
    record.kind = old == nullptr ? ModelRecord::Kind::kDelete : ModelRecord::Kind::kEvict;
  } else if (kind < 16 && old != nullptr) {  // an increment or append, as its result
    record.value = absl::StrCat(old->value.substr(0, 24), "+");
    record.expires_at = old->expires_at;
  } else {
    // In a statement of its own: the order of arguments is the compiler's.
    const auto letter = static_cast<char>('a' + random_.Below(26));
    record.value = std::string(random_.Below(40), letter);
    const auto now = node.WallNow().time_since_epoch().count();
    if (random_.Below(3) == 0) record.expires_at = now + static_cast<int64_t>(random_.Below(3000));
  }
  return record;
}

void Simulation::WriteSomewhere() {
  if (!has_writes_) return;
  SimulatedNode& node = Any();
  if (!node.is_open()) return;
  const uint64_t replicas = random_.Below(3);
  if (node.Write(AnyRecord(node), replicas)) {
    ++counts_.writes;
  } else {
    ++counts_.held;
  }
}

// ---- Faults.

void Simulation::StartFaults() {
  const uint64_t rough = 300 + random_.Below(3000);
  const auto in_chaos = [this](auto fault) {
    return [this, fault] {
      if (has_faults_) (this->*fault)();
    };
  };
  Every(Millis(rough), [this] {
    if (has_faults_) network_->CutSome();
  });
  Every(Millis(20), in_chaos(&Simulation::CutACopy));
  Every(Millis(rough * 2), in_chaos(&Simulation::CrashSome));
  Every(Millis(rough * 2), in_chaos(&Simulation::PauseSome));
  Every(Millis(rough * 2), in_chaos(&Simulation::BlockSome));
  Every(Millis(rough * 2), in_chaos(&Simulation::BreakSomeDisk));
}

void Simulation::CrashSome() {
  SimulatedNode& node = Any();
  if (!node.is_running()) return;
  SimulatedNode::Loss loss = SimulatedNode::Loss::kNothing;
  if (!keeps_data_) {
    loss = random_.Below(2) == 0 ? SimulatedNode::Loss::kTail : SimulatedNode::Loss::kAll;
  }
  NoteCounts(node.index());
  if (!node.is_paused()) leader_when_gone_[node.index()] = leader_;
  node.Crash(loss);
  ++counts_.crashes;
  RestartLater(node.index());
}

void Simulation::RestartLater(size_t index) {
  const Millis wait(10 + random_.Below(2000));
  world_.events.After(wait, [this, index] { Restart(index); });
}

void Simulation::Restart(size_t index) {
  SimulatedNode& node = *nodes_[index];
  if (node.is_running()) return;
  // The operator starts what it has replaced as a replica of what leads now.
  if (is_careful_ && index != leader_ && leader_when_gone_[index] != leader_) {
    node.StartFollowing(leader_);
  } else {
    node.Start();
  }
}

void Simulation::Resume(size_t index) {
  SimulatedNode& node = *nodes_[index];
  if (!node.is_paused()) return;
  node.Resume();
  // Before it does anything else: it was replaced, or what it follows.
  if (is_careful_ && index != leader_ && leader_when_gone_[index] != leader_) {
    node.Follow(leader_);
  }
}

void Simulation::PauseSome() {
  SimulatedNode& node = Any();
  if (!node.is_running() || node.is_paused()) return;
  node.Pause();
  const size_t index = node.index();
  leader_when_gone_[index] = leader_;
  world_.events.After(Millis(10 + random_.Below(4000)), [this, index] { Resume(index); });
}

void Simulation::BlockSome() {
  const size_t from = Any().index();
  const size_t to = Any().index();
  if (from == to) return;
  network_->Block(from, to);
  if (random_.Below(2) == 0) network_->Block(to, from);
  world_.events.After(Millis(10 + random_.Below(5000)), [this] { network_->Heal(); });
}

void Simulation::BreakSomeDisk() {
  SimulatedNode& node = Any();
  node.set_disk_fails(true);
  world_.events.After(Millis(10 + random_.Below(3000)), [&node] { node.set_disk_fails(false); });
}

// A copy is short beside all else that happens: without this it would rarely be cut, or given up.
void Simulation::CutACopy() {
  SimulatedNode& node = Any();
  if (!node.is_running() || !node.sink().is_copying() || random_.Below(4) != 0) return;
  if (!is_careful_ && !node.is_paused() && random_.Below(4) == 0) {
    node.Promote({}, {});
    ++counts_.promotions;
    return;
  }
  network_->CutUpstreamOf(node.index());
}

void Simulation::EndFaults() {
  has_faults_ = false;
  has_writes_ = false;
  network_->Heal();
  for (size_t index = 0; index < nodes_.size(); ++index) {
    Resume(index);
    Restart(index);
    nodes_[index]->set_disk_fails(false);
  }
  // When what was started has settled, the operator puts the shard in order.
  world_.events.After(Millis(3000), [this] { FailOver(); });
  world_.events.After(Millis(12000), [this] { FailOver(); });
}

bool Simulation::IsQuiet() const { return !Disagreement().has_value(); }

std::optional<std::string> Simulation::Disagreement() const {
  const SimulatedNode* leader = nullptr;
  for (const auto& node : nodes_) {
    if (!node->is_open()) continue;
    if (leader != nullptr) {
      return absl::StrCat("nodes ", leader->index(), " and ", node->index(), " both lead");
    }
    leader = node.get();
  }
  if (leader == nullptr) return "nobody leads";
  for (const auto& node : nodes_) {
    if (node.get() == leader) continue;
    if (!node->is_running()) return absl::StrCat("node ", node->index(), " does not run");
    const cluster::SinkReport report = node->sink().Report();
    if (!report.is_following) {
      return absl::StrCat("node ", node->index(),
                          " does not follow: ", cluster::SinkTroubleText(report.trouble).data(),
                          ", ", report.detail);
    }
    if (node->position() != leader->position()) {
      return absl::StrCat("node ", node->index(), " is at another position than its primary");
    }
    if (node->keyspace().digest() != leader->keyspace().digest()) {
      return absl::StrCat("node ", node->index(), " has other data than its primary");
    }
  }
  return std::nullopt;
}

// ---- The operator.

void Simulation::StartOperator() {
  if (is_careful_) {
    Every(kLookAgain, [this] {
      if (has_faults_) OperateWithCare();
    });
    Every(Millis(3000), [this] {
      if (has_faults_) BuildChain();
    });
  } else {
    world_.truth.PromiseNothing();
    Every(Millis(1500), [this] {
      if (has_faults_) OperateAnyhow();
    });
  }
}

void Simulation::OperateWithCare() {
  for (const auto& node : nodes_) {
    if (node->is_running() && !node->is_paused()) {
      highest_ = std::max(highest_, node->state().fence());
    }
  }
  // A primary that handed over after a restart has told the operator.
  for (const auto& node : nodes_) {
    if (node->leads()) {
      if (node->index() != leader_ && !node->is_paused()) {
        leader_ = node->index();
        leader_down_since_.reset();
      }
    }
  }
  const SimulatedNode& leader = *nodes_[leader_];
  if (leader.is_running() && !leader.is_paused()) {
    leader_down_since_.reset();
    return;
  }
  if (!leader_down_since_.has_value()) leader_down_since_ = world_.events.now();
  if (world_.events.now() - *leader_down_since_ > Millis(600)) FailOver();
}

void Simulation::OperateAnyhow() {
  SimulatedNode& node = Any();
  if (!node.is_running() || node.is_paused()) return;
  const size_t other = Any().index();
  if (random_.Below(2) == 0 || other == node.index()) {
    node.Promote({}, {});
    ++counts_.promotions;
  } else {
    node.Follow(other);
  }
}

void Simulation::BuildChain() {
  SimulatedNode& node = Any();
  const size_t other = Any().index();
  if (!node.is_running() || node.is_paused() || node.index() == leader_ || node.leads()) return;
  // A primary that has restarted and not opened its log is no follower.
  if (!node.follows().has_value() || other == node.index()) return;
  const std::optional<size_t> above = nodes_[other]->follows();
  if (above.has_value() && *above != leader_) return;
  node.Follow(other);
}

std::set<size_t> Simulation::Unreachable() const {
  std::set<size_t> unreachable;
  for (const auto& node : nodes_) {
    if (!node->is_running() || node->is_paused()) unreachable.insert(node->index());
  }
  return unreachable;
}

std::optional<size_t> Simulation::Best() const {
  std::optional<size_t> best;
  for (const auto& node : nodes_) {
    if (!node->is_running() || node->is_paused()) continue;
    if (!best.has_value() || node->position() > nodes_[*best]->position()) best = node->index();
  }
  return best;
}

void Simulation::FailOver() {
  std::optional<size_t> best = Best();
  // Whoever leads alone may stay.
  std::vector<size_t> leading;
  for (const auto& node : nodes_) {
    if (node->is_open()) leading.push_back(node->index());
  }
  if (!has_faults_ && leading.size() == 1) best = leading.front();
  if (!best.has_value()) return;
  leader_ = *best;
  leader_down_since_.reset();
  if (leading.size() != 1 || leading.front() != *best) {
    nodes_[*best]->Promote(Unreachable(), highest_);
    // It draws one above this, and may be gone before the operator sees it.
    highest_ = std::max(highest_, nodes_[*best]->state().fence()).NextTerm({});
    ++counts_.promotions;
  }
  for (const auto& node : nodes_) {
    if (node->index() == *best || !node->is_running() || node->is_paused()) continue;
    const bool is_well = !node->leads() && node->is_following();
    if (has_faults_ || !is_well || node->follows() != *best) node->Follow(*best);
  }
}

}  // namespace larder::simulation
