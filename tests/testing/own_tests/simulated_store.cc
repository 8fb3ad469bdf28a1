#include "tests/testing/own_tests/simulated_store.h"

#include <algorithm>

#include "tests/testing/history/written_value.h"

namespace larder::history {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1000 * kMillisecond;
constexpr uint32_t kFinalClient = 1000;

}  // namespace

SimulatedStore::SimulatedStore(const Options& options)
    : options_(options),
      random_(options.seed),
      numbers_(options.clients),
      written_(options.clients),
      entries_(options.keys),
      past_(options.keys),
      seen_versions_(options.keys) {
  for (int key = 0; key < options.keys; ++key) {
    history_.keys.push_back("key" + std::to_string(key));
    past_[key].emplace_back(kAlways, Entry{});
  }
  history_.nodes = {"primary", "replica"};
}

History SimulatedStore::Run() {
  history_.operations.reserve(options_.operations + 4 * options_.keys);
  for (int client = 0; client < options_.clients; ++client) Begin(client);
  int losses = 0;
  while (!steps_.empty()) {
    const Step step = steps_.top();
    steps_.pop();
    now_ = step.time;
    const auto begun = static_cast<int>(history_.operations.size());
    if (losses < options_.losses &&
        begun > (losses + 1) * options_.operations / (options_.losses + 1)) {
      ++losses;
      Lose();
    }
    if (options_.evicts && Chance(0.02)) Put(Below(options_.keys), {});
    if (step.is_effect) {
      current_ = step.operation;
      Effect(history_.operations[step.operation]);
    } else if (begun < options_.operations) {
      Begin(history_.operations[step.operation].id.client);
    }
  }
  FinalReads();
  return std::move(history_);
}

void SimulatedStore::Begin(uint32_t client) {
  const auto number = static_cast<uint32_t>(history_.operations.size());
  Operation operation;
  operation.id = {client, ++numbers_[client]};
  operation.key = Below(options_.keys);
  operation.begin = now_ + Below(kMillisecond);
  Choose(operation);
  const int64_t effect = operation.begin + Below(2 * kMillisecond);
  const int64_t end = effect + Below(2 * kMillisecond);
  operation.end = end;
  operation.outcome = Outcome::kOk;
  int64_t effect_at = effect;
  if (Chance(options_.unknown)) {
    operation.outcome = Outcome::kUnknown;
    operation.end = kNever;
    if (Chance(0.3)) effect_at = effect + Below(60 * kMillisecond);
  } else if (Chance(0.02)) {
    operation.outcome = Outcome::kNotApplied;
  }
  const bool has_effect =
      operation.outcome == Outcome::kOk || (operation.outcome == Outcome::kUnknown && Chance(0.6));
  history_.operations.push_back(operation);
  if (has_effect) steps_.push({effect_at, number, true});
  steps_.push({std::max(end, effect + 1), number, false});
}

void SimulatedStore::Choose(Operation& operation) {
  const int64_t dice = Below(100);
  if (dice < 40) {
    operation.kind = OperationKind::kGet;
    if (options_.is_replicated && Chance(0.4)) {
      operation.node = 1;
      operation.max_staleness_ms = Below(30);
      const auto& written = written_[operation.id.client];
      if (written && Chance(0.5)) {
        operation.min_position = written->first;
        if (Chance(0.5)) operation.key = written->second;
      }
    }
    return;
  }
  if (dice < 48) {
    operation.kind = OperationKind::kDelete;
    return;
  }
  switch (operation.key % 3) {
    case 0:
      return ChooseForRegister(operation, dice);
    case 1:
      operation.kind = dice < 56 ? OperationKind::kSet : OperationKind::kAppend;
      return;
    default:
      operation.kind = OperationKind::kIncrement;
      operation.delta = 1 + Below(3);
  }
}

void SimulatedStore::ChooseForRegister(Operation& operation, int64_t dice) {
  operation.kind = OperationKind::kSet;
  if (dice < 56) {
    operation.kind = OperationKind::kLease;
  } else if (dice < 62) {
    operation.kind = OperationKind::kTouch;
    operation.ttl_ms = Below(300);
  } else if (dice < 66) {
    operation.condition = SetCondition::kIfAbsent;
  } else if (dice < 72) {
    operation.condition = SetCondition::kIfVersion;
    operation.condition_version = std::max<uint64_t>(seen_versions_[operation.key], 1);
  } else if (dice < 78 && leases_.contains(operation.key)) {
    operation.condition = SetCondition::kLease;
    operation.lease = leases_[operation.key];
  } else if (dice < 84) {
    operation.ttl_ms = 1 + Below(200);
  } else if (dice < 90) {
    operation.ack = AckLevel::kReplicas;
    operation.replicas = 1 + Below(2);
  }
}

SimulatedStore::Entry SimulatedStore::Live(uint32_t key) const { return At(key, now_); }

SimulatedStore::Entry SimulatedStore::At(uint32_t key, int64_t time) const {
  const auto after = std::upper_bound(
      past_[key].begin(), past_[key].end(), time,
      [](int64_t wanted, const std::pair<int64_t, Entry>& one) { return wanted < one.first; });
  const Entry& entry = (after - 1)->second;
  return entry.expires_at <= time ? Entry{} : entry;
}

void SimulatedStore::Put(uint32_t key, Entry entry) {
  log_.push_back({key, entries_[key], epoch_, current_});
  entries_[key] = entry;
  past_[key].emplace_back(now_, std::move(entry));
  leases_.erase(key);
}

void SimulatedStore::Effect(Operation& operation) {
  switch (operation.kind) {
    case OperationKind::kGet:
    case OperationKind::kLease:
      Read(operation);
      break;
    case OperationKind::kSet:
      SetEffect(operation);
      break;
    case OperationKind::kAppend: {
      const Entry entry = Live(operation.key);
      Write(operation,
            entry.state.empty() ? ToText(operation.id) : entry.state + "," + ToText(operation.id));
      break;
    }
    case OperationKind::kIncrement:
      IncrementEffect(operation);
      break;
    case OperationKind::kDelete:
      operation.done = !Live(operation.key).state.empty();
      if (operation.done) Put(operation.key, {});
      break;
    case OperationKind::kTouch: {
      Entry entry = Live(operation.key);
      operation.done = !entry.state.empty();
      if (!operation.done) break;
      operation.version = entry.version;
      entry.expires_at = operation.ttl_ms == 0 ? kNever : now_ + operation.ttl_ms * kMillisecond;
      Put(operation.key, entry);
    }
  }
  if (operation.outcome == Outcome::kOk) return;
  // The client has not heard of it.
  operation.done = operation.is_created = false;
  operation.state.clear();
  operation.version = 0;
  operation.position = {};
}

void SimulatedStore::Read(Operation& operation) {
  int64_t time = now_;
  if (operation.max_staleness_ms >= 0) {
    time -= Below(operation.max_staleness_ms * kMillisecond + 1);
    if (operation.min_position.is_known()) {
      time = std::max(
          time, position_times_[{operation.min_position.epoch, operation.min_position.sequence}]);
    }
  }
  const Entry entry = At(operation.key, time);
  operation.done = !entry.state.empty();
  operation.state = entry.state;
  operation.version = entry.version;
  if (operation.done) seen_versions_[operation.key] = entry.version;
  if (operation.kind == OperationKind::kLease && !operation.done &&
      operation.outcome == Outcome::kOk) {
    operation.is_granted = leases_.emplace(operation.key, operation.id).second;
  }
}

void SimulatedStore::Write(Operation& operation, std::string state) {
  Entry entry{std::move(state), ++version_, kNever};
  const Entry before = Live(operation.key);
  if (operation.ttl_ms != 0) entry.expires_at = now_ + operation.ttl_ms * kMillisecond;
  if (operation.kind != OperationKind::kSet && !before.state.empty()) {
    entry.expires_at = before.expires_at;
  }
  operation.done = true;
  operation.version = entry.version;
  Put(operation.key, std::move(entry));
  if (operation.ack == AckLevel::kReplicas) kept_ = log_.size();
  if (!options_.is_replicated) return;
  operation.position = {0, epoch_, log_.size()};
  position_times_[{epoch_, log_.size()}] = now_;
  if (operation.outcome == Outcome::kOk && operation.end - now_ < kMillisecond) {
    written_[operation.id.client] = {operation.position, operation.key};
  }
}

void SimulatedStore::SetEffect(Operation& operation) {
  const Entry entry = Live(operation.key);
  const auto lease = leases_.find(operation.key);
  const bool is_good = operation.condition == SetCondition::kIfAbsent ? entry.state.empty()
                       : operation.condition == SetCondition::kIfVersion
                           ? entry.version == operation.condition_version
                       : operation.condition == SetCondition::kLease
                           ? lease != leases_.end() && lease->second == operation.lease
                           : true;
  if (is_good) return Write(operation, ToText(operation.id));
  operation.version = entry.version;
}

void SimulatedStore::IncrementEffect(Operation& operation) {
  const std::string before = Live(operation.key).state;
  operation.is_created = before.empty();
  const size_t plus = before.find('+');
  operation.state = operation.is_created
                        ? "#" + ToText(operation.id) + "+0"
                        : before.substr(0, plus + 1) +
                              std::to_string(std::stoll(before.substr(plus + 1)) + operation.delta);
  Write(operation, operation.state);
}

void SimulatedStore::Lose() {
  LossEvent event;
  event.name = "loss" + std::to_string(history_.events.size());
  event.begin = now_ - Below(5 * kMillisecond);
  event.end = now_ + Below(5 * kMillisecond);
  event.new_epoch = ++epoch_;
  size_t keep = kept_ + Below(static_cast<int64_t>(log_.size() - kept_) + 1);
  // As a rule little is lost.
  if (Chance(0.7)) keep = std::max(keep, log_.size() - std::min<size_t>(log_.size(), 20));
  if (Chance(0.2)) {
    event.loses = LossEvent::Loses::kEverything;
    keep = kept_ = 0;
  } else {
    event.loses = LossEvent::Loses::kSuffix;
    if (options_.is_replicated && keep > 0 && Chance(0.5)) {
      event.kept = {0, log_[keep - 1].epoch, keep};
    }
  }
  while (log_.size() > keep) {
    const Mutation& last = log_.back();
    entries_[last.key] = last.before;
    past_[last.key].emplace_back(now_, last.before);
    lost_.push_back(last.operation);
    log_.pop_back();
  }
  leases_.clear();
  history_.events.push_back(event);
}

void SimulatedStore::FinalReads() {
  now_ += 100 * kSecond;
  for (int node = 0; node < 2; ++node) {
    for (int key = 0; key < options_.keys; ++key) {
      Operation read;
      read.id = {kFinalClient, static_cast<uint32_t>(history_.operations.size())};
      read.key = key;
      read.node = node;
      read.is_final = true;
      read.outcome = Outcome::kOk;
      read.begin = now_;
      Effect(read);
      read.end = ++now_;
      history_.operations.push_back(read);
    }
  }
}

}  // namespace larder::history
