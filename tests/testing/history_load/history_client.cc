#include "tests/testing/history_load/history_client.h"

#include <ctime>

#include "tests/testing/history/written_value.h"
#include "tests/testing/history_load/call_outcome.h"

namespace larder::history {
namespace {

int64_t Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

constexpr absl::Duration kLeaseHold = absl::Seconds(5);
constexpr int64_t kTtlMsMin = 50;
constexpr int64_t kTtlMsRange = 2000;
constexpr size_t kAppendedBytes = 40;

LogPosition From(const std::optional<Position>& position) {
  if (!position) return {};
  // A shard has fewer restarts than this in a term.
  constexpr uint64_t kIncarnations = uint64_t{1} << 20;
  return {position->shard, position->epoch.term * kIncarnations + position->epoch.incarnation,
          position->sequence};
}

}  // namespace

HistoryClient::HistoryClient(const LoadOptions& options, uint32_t number,
                             const std::vector<std::unique_ptr<Client>>& nodes,
                             HistoryWriter& writer)
    : options_(options),
      nodes_(nodes),
      writer_(writer),
      random_(load::Mix(options.seed + 1) + number),
      id_{number, 0} {}

bool HistoryClient::DoOne() {
  key_number_ = random_.Below(options_.keys);
  key_ = options_.key_prefix + std::to_string(key_number_);
  node_ = nodes_[random_.Below(nodes_.size())].get();
  const double dice = random_.Fraction();
  if (dice < 0.4) return Get();
  if (dice < 0.46) return Delete();
  if (key_number_ % 3 == 2) return Increment();
  if (key_number_ % 3 == 1) return dice < 0.54 ? Set() : Append();
  return DoRegister();
}

bool HistoryClient::DoRegister() {
  const double dice = random_.Fraction();
  if (dice < 0.1) return Touch();
  if (dice < 0.2) return Lease();
  return SetRegister();
}

Operation HistoryClient::Begin(OperationKind kind) {
  Operation operation;
  ++id_.number;
  operation.id = id_;
  operation.kind = kind;
  return operation;
}

bool HistoryClient::End(Operation& operation, const absl::Status& status) {
  operation.end = Now();
  operation.outcome = OutcomeOf(status);
  if (!status.ok()) {
    ++failed_;
    last_failure_ = status;
  }
  if (operation.outcome == Outcome::kUnknown) operation.end = kNever;
  // A read that failed says nothing.
  if (operation.is_mutation() || status.ok()) {
    writer_.Completed(operation, key_, node_->address());
  }
  ++done_;
  return status.ok();
}

bool HistoryClient::Get() {
  Operation operation = Begin(OperationKind::kGet);
  GetOptions options;
  if (options_.max_staleness >= absl::ZeroDuration() && Chance(options_.stale_share)) {
    options.max_staleness = options_.max_staleness;
    operation.max_staleness_ms = absl::ToInt64Milliseconds(options_.max_staleness);
    if (written_ && Chance(0.5)) options.min_position = written_;
    operation.min_position = From(options.min_position);
  }
  operation.begin = Now();
  const absl::StatusOr<GetResult> result = node_->Get(key_, options);
  if (result.ok()) {
    operation.done = result->found;
    operation.is_stale = result->stale;
    operation.version = result->version;
    if (result->found) operation.state = DescribeValue(result->value);
    if (result->found && !result->stale) versions_[key_number_] = result->version;
  }
  return End(operation, result.status());
}

bool HistoryClient::Lease() {
  Operation operation = Begin(OperationKind::kLease);
  operation.begin = Now();
  const absl::StatusOr<LeaseResult> result = node_->Lease(key_, {.hold_for = kLeaseHold});
  if (result.ok()) {
    operation.done = result->state == LeaseResult::State::kHit;
    operation.is_granted = result->state == LeaseResult::State::kGranted;
    // With a token comes the value that lives only when it is granted early.
    if (result->value && (operation.done || result->early)) {
      operation.state = DescribeValue(result->value->value);
      operation.version = result->value->version;
    }
    if (operation.is_granted) grants_[key_number_] = {operation.id, result->token};
  }
  return End(operation, result.status());
}

bool HistoryClient::SetRegister() {
  Operation operation = Begin(OperationKind::kSet);
  SetOptions options;
  const auto grant = grants_.find(key_number_);
  const auto version = versions_.find(key_number_);
  const double dice = random_.Fraction();
  if (grant != grants_.end()) {
    operation.condition = SetCondition::kLease;
    operation.lease = grant->second.operation;
    options.condition = Condition::LeaseToken(grant->second.token);
    grants_.erase(grant);
  } else if (dice < 0.1) {
    operation.condition = SetCondition::kIfAbsent;
    options.condition = Condition::IfAbsent();
  } else if (dice < 0.2) {
    operation.condition = SetCondition::kIfPresent;
    options.condition = Condition::IfPresent();
  } else if (dice < 0.3 && version != versions_.end()) {
    operation.condition = SetCondition::kIfVersion;
    operation.condition_version = version->second;
    options.condition = Condition::IfVersion(version->second);
  }
  if (Chance(0.3)) {
    operation.ttl_ms = kTtlMsMin + static_cast<int64_t>(random_.Below(kTtlMsRange));
    options.ttl = absl::Milliseconds(operation.ttl_ms);
  }
  return Send(operation, std::move(options));
}

bool HistoryClient::Set() {
  Operation operation = Begin(OperationKind::kSet);
  return Send(operation, {});
}

bool HistoryClient::Send(Operation& operation, SetOptions options) {
  if (options_.replicas > 0 && Chance(options_.replicas_share)) {
    operation.ack = AckLevel::kReplicas;
    operation.replicas = options_.replicas;
    options.ack = {Ack::Level::kReplicas, options_.replicas};
  }
  const std::string value = MakePiece(operation.id, random_.Below(2 * options_.value_bytes + 1));
  operation.begin = Now();
  writer_.Invoked(operation, key_);
  const absl::StatusOr<SetResult> result = node_->Set(key_, value, options);
  if (result.ok()) {
    operation.done = result->stored;
    operation.version = result->version;
    operation.position = From(result->position);
    if (result->position) written_ = result->position;
  }
  return End(operation, result.status());
}

bool HistoryClient::Delete() {
  Operation operation = Begin(OperationKind::kDelete);
  DeleteOptions options;
  if (Chance(0.2)) options.serve_stale_for = absl::Milliseconds(1 + random_.Below(500));
  const auto version = versions_.find(key_number_);
  if (version != versions_.end() && Chance(0.2)) {
    options.if_version = version->second;
    operation.condition_version = version->second;
  }
  operation.begin = Now();
  writer_.Invoked(operation, key_);
  const absl::StatusOr<DeleteResult> result = node_->Delete(key_, options);
  if (result.ok()) {
    operation.done = result->deleted;
    operation.version = result->current_version;
  }
  return End(operation, result.status());
}

bool HistoryClient::Touch() {
  Operation operation = Begin(OperationKind::kTouch);
  TouchOptions options;
  if (Chance(0.7)) {
    operation.ttl_ms = kTtlMsMin + static_cast<int64_t>(random_.Below(kTtlMsRange));
    options.ttl = absl::Milliseconds(operation.ttl_ms);
  }
  operation.begin = Now();
  writer_.Invoked(operation, key_);
  const absl::StatusOr<TouchResult> result = node_->Touch(key_, options);
  if (result.ok()) {
    operation.done = result->found;
    operation.version = result->version;
  }
  return End(operation, result.status());
}

bool HistoryClient::Append() {
  Operation operation = Begin(OperationKind::kAppend);
  operation.begin = Now();
  writer_.Invoked(operation, key_);
  const absl::StatusOr<AppendResult> result =
      node_->Append(key_, MakePiece(operation.id, random_.Below(kAppendedBytes)));
  if (result.ok()) {
    operation.done = result->stored;
    operation.version = result->version;
  }
  return End(operation, result.status());
}

bool HistoryClient::Increment() {
  Operation operation = Begin(OperationKind::kIncrement);
  operation.delta = 1 + static_cast<int64_t>(random_.Below(3));
  IncrementOptions options;
  options.delta = operation.delta;
  options.initial = CounterStart(operation.id);
  operation.begin = Now();
  writer_.Invoked(operation, key_);
  const absl::StatusOr<IncrementResult> result = node_->Increment(key_, options);
  if (result.ok()) {
    operation.done = result->found;
    operation.version = result->version;
    operation.is_created = result->created;
    if (result->found) operation.state = DescribeCounter(result->value);
  }
  return End(operation, result.status());
}

}  // namespace larder::history
