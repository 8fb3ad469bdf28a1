#include "client/messages.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/proto_time.h"
#include "client/status.h"

namespace larder {
namespace {

absl::Status BrokenAnswer(const char* what) {
  return absl::InternalError(absl::StrCat("the answer breaks the contract: ", what));
}

template <typename Message>
absl::Time ExpiryOf(const Message& message) {
  return message.has_expires_at() ? FromProto(message.expires_at()) : absl::InfiniteFuture();
}

// Message: PreviousEntry, LeaseValue or ScanEntry.
template <typename Message>
Entry EntryOf(Message& message) {
  Entry entry;
  entry.value = std::move(*message.mutable_value());
  entry.version = message.version();
  entry.expires_at = ExpiryOf(message);
  entry.flags = message.flags();
  return entry;
}

// Results of a multi-key answer, in order.
template <typename Result, typename Response>
absl::StatusOr<std::vector<absl::StatusOr<Result>>> ResultsOf(Response& response, size_t items) {
  if (static_cast<size_t>(response.results_size()) != items) {
    return BrokenAnswer("it has another number of results than there were items");
  }
  std::vector<absl::StatusOr<Result>> results;
  results.reserve(items);
  for (auto& result : *response.mutable_results()) {
    if (result.has_error()) {
      const v1::ItemError& error = result.error();
      std::optional<absl::Duration> retry_after;
      if (error.has_retry_after()) retry_after = FromProto(error.retry_after());
      results.push_back(ItemStatus(error.code(), error.message(), retry_after));
    } else if (result.has_response()) {
      results.push_back(FromProto(*result.mutable_response()));
    } else {
      results.push_back(BrokenAnswer("an item has no result"));
    }
  }
  return results;
}

NotStoredReason ReasonOf(v1::NotStoredReason reason) {
  switch (reason) {
    case v1::NOT_STORED_REASON_EXISTS:
      return NotStoredReason::kExists;
    case v1::NOT_STORED_REASON_NOT_FOUND:
      return NotStoredReason::kNotFound;
    case v1::NOT_STORED_REASON_VERSION_MISMATCH:
      return NotStoredReason::kVersionMismatch;
    case v1::NOT_STORED_REASON_LEASE_LOST:
      return NotStoredReason::kLeaseLost;
    default:
      return NotStoredReason::kNone;
  }
}

void SetCondition(const Condition& condition, v1::SetRequest& request) {
  switch (condition.kind) {
    case Condition::Kind::kNone:
      break;
    case Condition::Kind::kIfAbsent:
      request.set_if_absent(true);
      break;
    case Condition::Kind::kIfPresent:
      request.set_if_present(true);
      break;
    case Condition::Kind::kIfVersion:
      request.set_if_version(condition.version);
      break;
    case Condition::Kind::kLeaseToken:
      request.set_lease_token(condition.lease_token);
      break;
  }
}

void SetAck(const Ack& ack, v1::SetRequest& request) {
  switch (ack.level) {
    case Ack::Level::kDefault:
      return;
    case Ack::Level::kMemory:
      request.mutable_ack()->set_level(v1::ACK_LEVEL_MEMORY);
      return;
    case Ack::Level::kDisk:
      request.mutable_ack()->set_level(v1::ACK_LEVEL_DISK);
      return;
    case Ack::Level::kReplicas:
      request.mutable_ack()->set_level(v1::ACK_LEVEL_REPLICAS);
      request.mutable_ack()->set_replicas(ack.replicas);
      return;
  }
}

}  // namespace

v1::GetRequest ToProto(std::string_view key, const GetOptions& options) {
  v1::GetRequest request;
  request.set_key(key.data(), key.size());
  if (options.max_staleness) *request.mutable_max_staleness() = ToProto(*options.max_staleness);
  if (options.min_position) {
    v1::Position& position = *request.mutable_min_position();
    position.set_shard(options.min_position->shard);
    position.mutable_epoch()->set_term(options.min_position->epoch.term);
    position.mutable_epoch()->set_incarnation(options.min_position->epoch.incarnation);
    position.mutable_epoch()->set_node(options.min_position->epoch.node);
    position.set_sequence(options.min_position->sequence);
  }
  return request;
}

v1::SetRequest ToProto(std::string_view key, std::string_view value, const SetOptions& options) {
  v1::SetRequest request;
  request.set_key(key.data(), key.size());
  request.set_value(value.data(), value.size());
  if (options.ttl) *request.mutable_ttl() = ToProto(*options.ttl);
  request.set_flags(options.flags);
  request.set_keep_ttl(options.keep_ttl);
  SetCondition(options.condition, request);
  SetAck(options.ack, request);
  request.set_return_previous(options.return_previous);
  return request;
}

v1::DeleteRequest ToProto(std::string_view key, const DeleteOptions& options) {
  v1::DeleteRequest request;
  request.set_key(key.data(), key.size());
  if (options.if_version) request.set_if_version(*options.if_version);
  if (options.serve_stale_for) {
    *request.mutable_serve_stale_for() = ToProto(*options.serve_stale_for);
  }
  return request;
}

v1::LeaseRequest ToProto(std::string_view key, const LeaseOptions& options) {
  v1::LeaseRequest request;
  request.set_key(key.data(), key.size());
  if (options.hold_for) *request.mutable_hold_for() = ToProto(*options.hold_for);
  if (options.early_refresh_beta) request.set_early_refresh_beta(*options.early_refresh_beta);
  return request;
}

v1::MultiGetRequest ToProto(const std::vector<std::string>& keys) {
  v1::MultiGetRequest request;
  for (const std::string& key : keys) request.add_items()->set_key(key);
  return request;
}

v1::MultiSetRequest ToProto(const std::vector<SetItem>& items) {
  v1::MultiSetRequest request;
  for (const SetItem& item : items) {
    *request.add_items() = ToProto(item.key, item.value, item.options);
  }
  return request;
}

v1::MultiDeleteRequest ToProto(const std::vector<DeleteItem>& items) {
  v1::MultiDeleteRequest request;
  for (const DeleteItem& item : items) *request.add_items() = ToProto(item.key, item.options);
  return request;
}

v1::TouchRequest ToProto(std::string_view key, const TouchOptions& options) {
  v1::TouchRequest request;
  request.set_key(key.data(), key.size());
  if (options.ttl) *request.mutable_ttl() = ToProto(*options.ttl);
  return request;
}

v1::IncrementRequest ToProto(std::string_view key, const IncrementOptions& options) {
  v1::IncrementRequest request;
  request.set_key(key.data(), key.size());
  request.set_delta(options.delta);
  if (options.initial) request.set_initial(*options.initial);
  if (options.ttl) *request.mutable_ttl() = ToProto(*options.ttl);
  return request;
}

v1::AppendRequest ToProto(std::string_view key, std::string_view bytes,
                          const AppendOptions& options) {
  v1::AppendRequest request;
  request.set_key(key.data(), key.size());
  request.set_value(bytes.data(), bytes.size());
  request.set_if_present(options.if_present);
  if (options.ttl) *request.mutable_ttl() = ToProto(*options.ttl);
  return request;
}

v1::ScanRequest ToProto(const ScanOptions& options) {
  v1::ScanRequest request;
  request.set_cursor(options.cursor);
  request.set_prefix(options.prefix);
  request.set_limit(options.limit);
  request.set_keys_only(options.keys_only);
  return request;
}

v1::SetConfigRequest ToProto(const std::vector<ConfigSetting>& settings) {
  v1::SetConfigRequest request;
  for (const ConfigSetting& setting : settings) {
    v1::ConfigValue* const value = request.add_values();
    value->set_name(setting.name);
    value->set_value(setting.value);
  }
  return request;
}

absl::StatusOr<GetResult> FromProto(v1::GetResponse& response) {
  GetResult result;
  result.found = response.found();
  if (!result.found) return result;
  result.value = std::move(*response.mutable_value());
  result.version = response.version();
  result.expires_at = ExpiryOf(response);
  result.flags = response.flags();
  result.stale = response.stale();
  return result;
}

absl::StatusOr<SetResult> FromProto(v1::SetResponse& response) {
  SetResult result;
  if (response.has_stored()) {
    result.stored = true;
    result.version = response.stored().version();
    if (response.stored().has_position()) {
      const v1::Position& position = response.stored().position();
      const v1::Epoch& epoch = position.epoch();
      result.position = Position{
          .shard = position.shard(),
          .epoch = {.term = epoch.term(), .incarnation = epoch.incarnation(), .node = epoch.node()},
          .sequence = position.sequence()};
    }
  } else if (response.has_not_stored()) {
    result.reason = ReasonOf(response.not_stored().reason());
    result.version = response.not_stored().current_version();
  } else {
    return BrokenAnswer("a Set has no outcome");
  }
  if (response.has_previous()) result.previous = EntryOf(*response.mutable_previous());
  return result;
}

absl::StatusOr<DeleteResult> FromProto(v1::DeleteResponse& response) {
  return DeleteResult{response.deleted(), response.current_version()};
}

absl::StatusOr<LeaseResult> FromProto(v1::LeaseResponse& response) {
  LeaseResult result;
  if (response.has_hit()) {
    result.state = LeaseResult::State::kHit;
    result.value = EntryOf(*response.mutable_hit()->mutable_value());
  } else if (response.has_granted()) {
    v1::LeaseGranted& granted = *response.mutable_granted();
    result.state = LeaseResult::State::kGranted;
    result.token = std::move(*granted.mutable_token());
    if (granted.has_deadline()) result.deadline = FromProto(granted.deadline());
    result.early = granted.early();
    if (granted.has_stale()) result.value = EntryOf(*granted.mutable_stale());
  } else if (response.has_held()) {
    v1::LeaseHeld& held = *response.mutable_held();
    result.state = LeaseResult::State::kHeld;
    result.retry_after = FromProto(held.retry_after());
    if (held.has_stale()) result.value = EntryOf(*held.mutable_stale());
  } else {
    return BrokenAnswer("a Lease has no outcome");
  }
  return result;
}

absl::StatusOr<MultiGetResult> FromProto(v1::MultiGetResponse& response, size_t items) {
  return ResultsOf<GetResult>(response, items);
}

absl::StatusOr<MultiSetResult> FromProto(v1::MultiSetResponse& response, size_t items) {
  return ResultsOf<SetResult>(response, items);
}

absl::StatusOr<MultiDeleteResult> FromProto(v1::MultiDeleteResponse& response, size_t items) {
  return ResultsOf<DeleteResult>(response, items);
}

absl::StatusOr<TouchResult> FromProto(v1::TouchResponse& response) {
  return TouchResult{response.found(), response.version(), ExpiryOf(response)};
}

absl::StatusOr<IncrementResult> FromProto(v1::IncrementResponse& response) {
  return IncrementResult{response.found(), response.value(), response.version(),
                         response.created()};
}

absl::StatusOr<AppendResult> FromProto(v1::AppendResponse& response) {
  return AppendResult{response.stored(), response.value_bytes(), response.version()};
}

absl::StatusOr<ScanResult> FromProto(v1::ScanResponse& response) {
  ScanResult result;
  result.entries.reserve(response.entries_size());
  for (v1::ScanEntry& entry : *response.mutable_entries()) {
    result.entries.push_back({std::move(*entry.mutable_key()), EntryOf(entry)});
  }
  result.next_cursor = std::move(*response.mutable_next_cursor());
  return result;
}

absl::StatusOr<StatsResult> FromProto(v1::StatsResponse& response) {
  StatsResult result;
  result.version = response.version();
  result.uptime = FromProto(response.uptime());
  result.entries = response.entries();
  result.memory_bytes = response.memory_bytes();
  result.memory_limit_bytes = response.memory_limit_bytes();
  result.resident_bytes = response.resident_bytes();
  result.eviction = response.eviction();
  result.hits = response.hits();
  result.misses = response.misses();
  result.evictions = response.evictions();
  result.expirations = response.expirations();
  result.leases_granted = response.leases_granted();
  result.leases_granted_early = response.leases_granted_early();
  result.leases_held = response.leases_held();
  result.leases_lost = response.leases_lost();
  result.connections = response.connections();
  for (const auto& [method, count] : response.requests()) result.requests[method] = count;
  return result;
}

absl::StatusOr<FlushResult> FromProto(v1::FlushResponse& response) {
  return FlushResult{response.entries()};
}

absl::StatusOr<GetConfigResult> FromProto(v1::GetConfigResponse& response) {
  GetConfigResult result;
  for (v1::ConfigValue& value : *response.mutable_values()) {
    result.values.push_back(
        {std::move(*value.mutable_name()), std::move(*value.mutable_value()), value.changeable()});
  }
  return result;
}

absl::StatusOr<SetConfigResult> FromProto(v1::SetConfigResponse&) { return SetConfigResult{}; }

bool IsIdempotent(const SetOptions& options) {
  return options.condition.kind == Condition::Kind::kNone && !options.return_previous;
}

bool IsIdempotent(const DeleteOptions& options) { return !options.if_version.has_value(); }

}  // namespace larder
