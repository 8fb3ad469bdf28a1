#include "server/messages/message_replies.h"

#include <chrono>
#include <string>

#include "larder/v1/admin.pb.h"
#include "larder/v1/cache.pb.h"
#include "server/handlers/node_id_bytes.h"

namespace larder::server {
namespace {

// Sets a google.protobuf.Duration, or a Timestamp from the time since the epoch.
template <typename Message>
void FillTime(storage::Millis time, Message* message) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  message->set_seconds(seconds.count());
  message->set_nanos(static_cast<int32_t>(std::chrono::nanoseconds(time - seconds).count()));
}

// Sets `expires_at` of a message, unless it is never.
template <typename Message>
void FillExpiry(storage::TimePoint expires_at, Message* message) {
  if (expires_at == storage::kNever) return;
  FillTime(expires_at.time_since_epoch(), message->mutable_expires_at());
}

// Of the shard 0, which is the only one.
void Fill(const cluster::Position& position, v1::Position* message) {
  v1::Epoch* const epoch = message->mutable_epoch();
  epoch->set_term(position.epoch.term);
  epoch->set_incarnation(position.epoch.incarnation);
  epoch->mutable_node()->resize(kNodeIdBytes);
  WriteNodeId(position.epoch.node, epoch->mutable_node()->data());
  message->set_sequence(position.sequence);
}

// Sets what all entries in answers have; returns where the value goes.
template <typename Message>
char* FillEntry(const storage::EntryInfo& info, size_t value_bytes, Message* message) {
  message->set_version(info.version);
  message->set_flags(info.flags);
  FillExpiry(info.expires_at, message);
  std::string* const value = message->mutable_value();
  value->resize(value_bytes);
  return value->data();
}

v1::NotStoredReason ReasonOf(storage::SetResult::Outcome outcome) {
  using Outcome = storage::SetResult::Outcome;
  switch (outcome) {
    case Outcome::kStored:
    case Outcome::kRefused:  // is an error
      break;
    case Outcome::kExists:
      return v1::NOT_STORED_REASON_EXISTS;
    case Outcome::kNotFound:
      return v1::NOT_STORED_REASON_NOT_FOUND;
    case Outcome::kVersionMismatch:
      return v1::NOT_STORED_REASON_VERSION_MISMATCH;
    case Outcome::kLeaseLost:
      return v1::NOT_STORED_REASON_LEASE_LOST;
  }
  return v1::NOT_STORED_REASON_UNSPECIFIED;
}

}  // namespace

char* GetMessageReply::Reserve(const storage::EntryInfo& info, size_t value_bytes) {
  response()->set_stale(info.stale);
  return FillEntry(info, value_bytes, response());
}

void GetMessageReply::Complete(const GetAnswer& answer) {
  response()->set_found(answer.found);
  Done();
}

char* SetMessageReply::Reserve(const storage::EntryInfo& info, size_t value_bytes) {
  return FillEntry(info, value_bytes, response()->mutable_previous());
}

void SetMessageReply::Complete(const SetAnswer& answer) {
  if (answer.result.outcome == storage::SetResult::Outcome::kStored) {
    response()->mutable_stored()->set_version(answer.result.version);
    if (answer.position.has_value()) {
      Fill(*answer.position, response()->mutable_stored()->mutable_position());
    }
  } else {
    v1::NotStored* const not_stored = response()->mutable_not_stored();
    not_stored->set_reason(ReasonOf(answer.result.outcome));
    not_stored->set_current_version(answer.result.version);
  }
  Done();
}

LeaseMessageReply::LeaseMessageReply(v1::LeaseResponse* response, Completion* completion)
    : MessageReplyOf(response, completion) {}

LeaseMessageReply::~LeaseMessageReply() = default;

char* LeaseMessageReply::Reserve(const storage::EntryInfo& info, size_t value_bytes) {
  value_ = std::make_unique<v1::LeaseValue>();
  return FillEntry(info, value_bytes, value_.get());
}

void LeaseMessageReply::Complete(const LeaseAnswer& answer) {
  using Kind = storage::LeaseResult::Kind;
  if (!answer.has_value) value_.reset();
  switch (answer.kind) {
    case Kind::kHit:
      response()->mutable_hit()->set_allocated_value(value_.release());
      break;
    case Kind::kGranted: {
      v1::LeaseGranted* const granted = response()->mutable_granted();
      granted->set_token(answer.token.data(), answer.token.size());
      FillTime(answer.deadline.time_since_epoch(), granted->mutable_deadline());
      granted->set_early(answer.early);
      granted->set_allocated_stale(value_.release());
      break;
    }
    case Kind::kHeld: {
      v1::LeaseHeld* const held = response()->mutable_held();
      FillTime(answer.retry_after, held->mutable_retry_after());
      held->set_allocated_stale(value_.release());
      break;
    }
  }
  Done();
}

char* ScanMessageReply::Add(std::string_view key, const storage::EntryInfo& info,
                            size_t value_bytes) {
  v1::ScanEntry* const entry = response()->add_entries();
  entry->set_key(key.data(), key.size());
  return FillEntry(info, value_bytes, entry);
}

void ScanMessageReply::Complete(const ScanAnswer& answer) {
  response()->set_next_cursor(answer.next_cursor.data(), answer.next_cursor.size());
  Done();
}

template <>
void DeleteMessageReply::Complete(const DeleteAnswer& answer) {
  response()->set_deleted(answer.deleted);
  response()->set_current_version(answer.current_version);
  Done();
}

template <>
void TouchMessageReply::Complete(const TouchAnswer& answer) {
  response()->set_found(answer.found);
  response()->set_version(answer.version);
  if (answer.found) FillExpiry(answer.expires_at, response());
  Done();
}

template <>
void IncrementMessageReply::Complete(const IncrementAnswer& answer) {
  response()->set_found(answer.found);
  response()->set_value(answer.value);
  response()->set_version(answer.version);
  response()->set_created(answer.created);
  Done();
}

template <>
void AppendMessageReply::Complete(const AppendAnswer& answer) {
  response()->set_stored(answer.stored);
  response()->set_value_bytes(answer.value_bytes);
  response()->set_version(answer.version);
  Done();
}

template <>
void StatsMessageReply::Complete(const StatsAnswer& answer) {
  response()->set_version(answer.node.version);
  FillTime(storage::Millis(absl::ToInt64Milliseconds(answer.node.uptime)),
           response()->mutable_uptime());
  response()->set_entries(answer.keyspace.entries);
  response()->set_memory_bytes(answer.memory_bytes);
  response()->set_memory_limit_bytes(answer.memory_limit_bytes);
  response()->set_resident_bytes(answer.node.resident_bytes);
  response()->set_eviction(answer.eviction);
  response()->set_hits(answer.keyspace.hits);
  response()->set_misses(answer.keyspace.misses);
  response()->set_evictions(answer.keyspace.evictions);
  response()->set_expirations(answer.keyspace.expirations);
  response()->set_leases_granted(answer.keyspace.leases_granted);
  response()->set_leases_granted_early(answer.keyspace.leases_granted_early);
  response()->set_leases_held(answer.keyspace.leases_held);
  response()->set_leases_lost(answer.keyspace.leases_lost);
  response()->set_connections(answer.node.connections);
  for (const auto& [name, count] : answer.node.requests) {
    (*response()->mutable_requests())[name] = count;
  }
  Done();
}

template <>
void MemoryStatsMessageReply::Complete(const MemoryStatsAnswer& answer) {
  response()->set_limit_bytes(answer.limit_bytes);
  response()->set_used_bytes(answer.usage.total());
  response()->set_resident_bytes(answer.resident_bytes);
  auto& kinds = *response()->mutable_kinds();
  kinds["entries"] = answer.usage.entries;
  kinds["tables"] = answer.usage.tables;
  kinds["policy"] = answer.usage.policy;
  kinds["slack"] = answer.usage.slack;
  kinds["leases"] = answer.usage.leases;
  kinds["fixed"] = answer.usage.fixed;
  Done();
}

template <>
void SlotStatsMessageReply::Complete(const SlotStatsAnswer& answer) {
  for (const auto& [slot, stats] : answer.slots) {
    v1::SlotStat* const message = response()->add_slots();
    message->set_slot(slot);
    message->set_entries(stats.entries);
    message->set_memory_bytes(stats.memory_bytes);
  }
  Done();
}

template <>
void FlushMessageReply::Complete(const FlushAnswer& answer) {
  response()->set_entries(answer.entries);
  Done();
}

template <>
void DigestMessageReply::Complete(const DigestAnswer& answer) {
  response()->set_digest(answer.digest);
  response()->set_entries(answer.entries);
  Done();
}

template <>
void GetConfigMessageReply::Complete(const GetConfigAnswer& answer) {
  for (const ConfigEntry& entry : answer.values) {
    v1::ConfigValue* const value = response()->add_values();
    value->set_name(entry.name);
    value->set_value(entry.value);
    value->set_changeable(entry.changeable);
  }
  Done();
}

template <>
void SetConfigMessageReply::Complete(const SetConfigAnswer&) {
  Done();
}

}  // namespace larder::server
