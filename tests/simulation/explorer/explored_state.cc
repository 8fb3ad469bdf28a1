#include "tests/simulation/explorer/explored_state.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

using cluster::BootTime;
using cluster::ClusterInput;
using cluster::Millis;

namespace {

// Nothing that counts for who acts: pings, and answers that lend nothing.
bool IsQuiet(const ClusterInput& input) {
  const auto* const received = std::get_if<cluster::Received>(&input);
  if (received == nullptr) return false;
  const cluster::PeerMessage& message = received->envelope.message;
  if (const auto* ping = std::get_if<cluster::Ping>(&message)) {
    return ping->gossip.updates.shards.empty() && !ping->gossip.updates.voters.has_value();
  }
  if (const auto* pong = std::get_if<cluster::Pong>(&message)) {
    return !pong->grant.has_value() && pong->gossip.updates.shards.empty() &&
           !pong->gossip.updates.voters.has_value();
  }
  return false;
}

}  // namespace

ExploredState::ExploredState(LocalHistories* histories, std::vector<int64_t> clock_permille)
    : histories_(histories), clock_permille_(std::move(clock_permille)) {
  nodes_.resize(clock_permille_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].disk = std::make_shared<const cluster::DurableCluster>(FoundedDisk(i, nodes_.size()));
    Restart(i);
  }
}

BootTime ExploredState::NowAt(size_t node) const {
  const Millis begin(1000 * static_cast<int64_t>(node + 1));
  return BootTime(begin + kQuantum * time_ * clock_permille_[node] / 1000);
}

std::optional<size_t> ExploredState::NextReceiver() const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].inbox.empty()) return i;
  }
  return std::nullopt;
}

std::vector<Choice> ExploredState::Choices() const {
  std::vector<Choice> choices;
  const std::optional<size_t> next = NextReceiver();
  const auto release = [&](size_t node) {
    for (size_t held = 0; held < nodes_[node].held.size(); ++held) {
      choices.push_back({Choice::Kind::kRelease, node, held});
    }
  };
  if (next.has_value()) {
    const Node& node = nodes_[*next];
    choices.push_back({Choice::Kind::kDeliver, *next});
    if (!node.is_running || node.inbox.front().is_quiet) return choices;
    const bool is_save = node.inbox.front().input == nullptr;
    if (budget_.losses > 0 && !is_save) choices.push_back({Choice::Kind::kLose, *next});
    if (budget_.delays > 0) choices.push_back({Choice::Kind::kDelay, *next});
    if (budget_.crashes > 0) choices.push_back({Choice::Kind::kCrash, *next});
    release(*next);
    return choices;
  }
  // First what is told early: where a search is cut, that is of more use.
  for (const auto& [node, is_unheard] : to_force_) {
    if (!nodes_[node].is_running || time_ > force_until_) continue;
    choices.push_back({Choice::Kind::kForce, node});
  }
  choices.push_back({Choice::Kind::kTime});
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].is_running) {
      choices.push_back({Choice::Kind::kRestart, i});
      continue;
    }
    if (budget_.crashes > 0) choices.push_back({Choice::Kind::kCrash, i});
    release(i);
  }
  return choices;
}

void ExploredState::Take(const Choice& choice) {
  Node& node = nodes_[choice.node];
  switch (choice.kind) {
    case Choice::Kind::kTime:
      return Pass();
    case Choice::Kind::kCrash:
      --budget_.crashes;
      return Crash(choice.node);
    case Choice::Kind::kRestart:
      return Restart(choice.node);
    case Choice::Kind::kForce: {
      for (size_t other = 1; to_force_[choice.node] && other < nodes_.size(); ++other) {
        Block(other, 0);
      }
      to_force_.erase(choice.node);
      return Command(choice.node, cluster::FailoverCommand{cluster::ElectionKind::kForced});
    }
    case Choice::Kind::kRelease: {
      const Flight flight = node.held[choice.held];
      node.held.erase(node.held.begin() + static_cast<std::ptrdiff_t>(choice.held));
      return Arrive(choice.node, flight);
    }
    default:
      break;
  }
  const Flight flight = node.inbox.front();
  node.inbox.pop_front();
  if (choice.kind == Choice::Kind::kLose) {
    --budget_.losses;
  } else if (choice.kind == Choice::Kind::kDelay) {
    --budget_.delays;
    node.held.push_back(flight);
  } else {
    Arrive(choice.node, flight);
  }
}

void ExploredState::Run(uint32_t quanta) {
  const uint32_t until = time_ + quanta;
  while (time_ < until && !violation_.has_value()) {
    const std::optional<size_t> next = NextReceiver();
    Take(next.has_value() ? Choice{Choice::Kind::kDeliver, *next} : Choice{});
  }
}

void ExploredState::Command(size_t node, ClusterInput command) {
  ++commands_;
  Step(node, commands_, std::make_shared<const ClusterInput>(std::move(command)));
}

bool ExploredState::MayAct(size_t node) const {
  const Node& one = nodes_[node];
  return one.is_running && one.local->may_act_until.has_value() &&
         NowAt(node) < *one.local->may_act_until;
}

std::optional<size_t> ExploredState::Acting() const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (MayAct(i)) return i;
  }
  return std::nullopt;
}

uint32_t ExploredState::FollowersOf(size_t node) const {
  uint32_t followers = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& other = nodes_[i];
    if (i == node || !other.is_running) continue;
    if (blocked_.count({node, i}) != 0 || blocked_.count({i, node}) != 0) continue;
    const cluster::DataPlan& plan = other.local->plan;
    if (plan.kind == cluster::DataPlan::Kind::kFollow && plan.primary == NodeIdOf(node) &&
        plan.fence <= plan.epoch) {
      followers |= uint32_t{1} << i;
    }
  }
  return followers;
}

void ExploredState::Arrive(size_t node, const Flight& flight) {
  Node& to = nodes_[node];
  if (!to.is_running) return;
  if (flight.ended.has_value() && nodes_[*flight.ended].is_running) return;
  if (flight.input != nullptr) return Step(node, flight.id, flight.input);
  to.disk = to.saving->save;
  to.disk_hash = MixHashes(to.saving->hash, 1);
  to.saved = to.saving->save_number;
  to.saving = nullptr;
  SendReady(node);
  SaveNext(node);
}

void ExploredState::Step(size_t node, uint64_t id, std::shared_ptr<const ClusterInput> input) {
  Node& one = nodes_[node];
  const uint32_t followers = one.local->leads.has_value() ? FollowersOf(node) : 0;
  one.local = histories_->Step(one.local, NowAt(node), id, std::move(input), followers);
  if (one.local->save != nullptr) one.to_save = one.local;
  for (size_t i = 0; i < one.local->said.size(); ++i) one.outbox.emplace_back(one.local, i);
  SaveNext(node);
  SendReady(node);
  Check(node);
}

void ExploredState::SaveNext(size_t node) {
  Node& one = nodes_[node];
  if (one.saving != nullptr || one.to_save == nullptr) return;
  one.saving = std::exchange(one.to_save, nullptr);
  one.inbox.push_back({MixHashes(one.saving->hash, 2), node, nullptr});
}

void ExploredState::SendReady(size_t node) {
  Node& one = nodes_[node];
  std::vector<std::pair<const Local*, size_t>> later;
  for (const auto& [local, index] : one.outbox) {
    const Local::Said& said = local->said[index];
    if (said.after_save > one.saved) {
      later.emplace_back(local, index);
    } else if (blocked_.count({node, said.to}) == 0) {
      nodes_[said.to].inbox.push_back({said.id, node, said.input, IsQuiet(*said.input)});
    }
  }
  one.outbox = std::move(later);
}

void ExploredState::Crash(size_t node) {
  Node& one = nodes_[node];
  one.is_running = false;
  one.saving = nullptr;
  one.to_save = nullptr;
  one.outbox.clear();
  one.inbox.clear();
  std::erase_if(one.held, [](const Flight& flight) { return flight.input == nullptr; });
  if (!has_evidence_) return;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (i == node || !nodes_[i].is_running) continue;
    if (blocked_.count({node, i}) != 0 || blocked_.count({i, node}) != 0) continue;
    Flight flight;
    flight.id = MixHashes(one.local->hash, 3);
    flight.from = node;
    flight.input = std::make_shared<const ClusterInput>(cluster::Unreachable{NodeIdOf(node)});
    flight.ended = node;
    nodes_[i].inbox.push_back(std::move(flight));
  }
}

void ExploredState::Restart(size_t node) {
  Node& one = nodes_[node];
  const uint64_t ended = one.local == nullptr ? 0 : one.local->hash;
  const cluster::Epoch fence = one.local == nullptr ? cluster::Epoch() : one.local->fence;
  one.local =
      histories_->Begin(node, one.disk, MixHashes(one.disk_hash, ended), fence, NowAt(node));
  one.saved = 0;
  one.is_running = true;
}

void ExploredState::Pass() {
  ++time_;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].is_running) Step(i, 0, nullptr);
  }
}

void ExploredState::Check(size_t node) {
  if (!MayAct(node) || violation_.has_value()) return;
  const cluster::Epoch epoch = nodes_[node].local->plan.epoch;
  if (epoch < highest_) {
    violation_ =
        absl::StrCat("node ", node, " acts under ", epoch.ToText(), " after ", highest_.ToText());
  }
  highest_ = std::max(highest_, epoch);
  for (size_t other = 0; other < nodes_.size(); ++other) {
    if (other == node || !MayAct(other)) continue;
    violation_ = absl::StrCat("nodes ", std::min(node, other), " and ", std::max(node, other),
                              " act at once");
  }
}

uint64_t ExploredState::Hash() const {
  uint64_t hash = MixHashes(time_, budget_.crashes);
  hash = MixHashes(MixHashes(hash, budget_.losses), budget_.delays);
  // Epochs of one term differ in who drew them, one of few.
  hash = MixHashes(MixHashes(hash, highest_.term), highest_.incarnation);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (highest_.node == NodeIdOf(i)) hash = MixHashes(hash, i);
  }
  for (const auto& [node, is_unheard] : to_force_) hash = MixHashes(hash, node + 5);
  for (const Node& node : nodes_) {
    hash = MixHashes(MixHashes(hash, node.local->hash), node.is_running ? 1 : 2);
    hash = MixHashes(MixHashes(hash, node.disk_hash), node.saved);
    hash = MixHashes(hash, node.saving == nullptr ? 0 : node.saving->hash);
    hash = MixHashes(hash, node.to_save == nullptr ? 0 : node.to_save->hash);
    for (const auto& [local, index] : node.outbox) hash = MixHashes(hash, local->said[index].id);
    hash = MixHashes(hash, node.inbox.size());
    for (const Flight& flight : node.inbox) hash = MixHashes(hash, flight.id);
    // What is held has no order.
    uint64_t held = 0;
    for (const Flight& flight : node.held) held += MixHashes(flight.id, 4);
    hash = MixHashes(hash, held);
  }
  return hash;
}

std::string ExploredState::TextOf(const Flight& flight) {
  if (flight.input == nullptr) return "its save";
  const auto* const received = std::get_if<cluster::Received>(flight.input.get());
  if (received == nullptr) return absl::StrCat("that node ", flight.from, " has ended");
  return absl::StrCat(cluster::PeerMessageName(received->envelope.message), " of node ",
                      flight.from);
}

std::string ExploredState::Describe(const Choice& choice) const {
  constexpr std::array<const char*, 8> kWords = {"gets",
                                                 "loses",
                                                 "gets later",
                                                 "gets now",
                                                 "crashes",
                                                 "starts again",
                                                 "is to take over by force",
                                                 "time passes"};
  const auto at = absl::StrCat((kQuantum * time_).count(), " ms: ");
  const char* const word = kWords[static_cast<size_t>(choice.kind)];
  if (choice.kind == Choice::Kind::kTime) return absl::StrCat(at, word);
  const std::string who = absl::StrCat(at, "node ", choice.node, " ", word);
  if (choice.kind == Choice::Kind::kCrash || choice.kind == Choice::Kind::kRestart ||
      choice.kind == Choice::Kind::kForce) {
    return who;
  }
  const Node& node = nodes_[choice.node];
  return absl::StrCat(
      who, " ",
      TextOf(choice.kind == Choice::Kind::kRelease ? node.held[choice.held] : node.inbox.front()));
}

}  // namespace larder::simulation
