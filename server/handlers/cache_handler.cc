#include "server/handlers/cache_handler.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "cluster/hash_slot.h"
#include "server/handlers/kept_request.h"
#include "server/handlers/request_checks.h"
#include "server/handlers/retry_hint.h"
#include "storage/commands.h"
#include "storage/lasting_failure.h"

namespace larder::server {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status Invalid(std::string_view operation, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(View(operation), ": ", View(what)));
}

// The same error, of this operation.
absl::Status Named(std::string_view operation, const absl::Status& status) {
  absl::Status named(status.code(), absl::StrCat(View(operation), ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
  return named;
}

// A request whose method is run again.
template <typename View, typename ReplyType, typename Again>
class HeldRequest final : public HeldWrites::Write {
 public:
  HeldRequest(std::string_view operation, const View& request, ReplyType& reply, Again again)
      : operation_(operation), request_(request), reply_(reply), again_(std::move(again)) {}

  void Run() override { again_(request_.view(), reply_.Take()); }
  void Fail(const absl::Status& status) override { reply_.Take().Fail(status); }
  std::string_view operation() const override { return operation_; }
  size_t bytes() const override { return request_.bytes(); }

 private:
  const std::string_view operation_;  // a literal
  const KeptRequest<View> request_;
  OpenReply<ReplyType> reply_;
  Again again_;
};

}  // namespace

CacheHandler::CacheHandler(const ServedKeyspace* keyspace, const TimeSource* time,
                           const Limits& limits, const LeaseTokenCodec& tokens)
    : served_(keyspace),
      time_(time),
      limits_(limits),
      tokens_(tokens),
      cursors_(keyspace->get()->hasher()) {}

absl::Status CacheHandler::FromStorage(std::string_view operation, const absl::Status& status) {
  absl::Status named = Named(operation, status);
  if (!absl::IsResourceExhausted(status)) return named;
  refused_for_memory_.fetch_add(1, std::memory_order_relaxed);
  if (storage::IsLasting(status)) return named;
  return WithRetryHint(std::move(named), limits_.overload_retry_after);
}

template <typename Command>
storage::Outcome CacheHandler::Execute(storage::Keyspace* keyspace, Command& command,
                                       storage::TimePoint now) {
  // Room may come between the look for it and the wish to be told, but hardly again and again.
  constexpr int kAttempts = 4;
  storage::Outcome outcome = keyspace->Execute(command, now);
  for (int i = 1; i < kAttempts && outcome.kind == storage::Outcome::Kind::kNeedsLogRoom; ++i) {
    if (!keyspace->AwaitLogRoom(outcome.log_room)) break;
    outcome = keyspace->Execute(command, now);
  }
  return outcome;
}

template <typename View, typename ReplyType, typename Again>
void CacheHandler::Hold(std::string_view operation, const View& request, ReplyType& reply,
                        Again again) {
  if (const absl::Status status = held_->Reserve(KeptRequest<View>::BytesFor(request));
      !status.ok()) {
    return reply.Fail(Named(operation, status));
  }
  held_->Add(std::make_unique<HeldRequest<View, ReplyType, Again>>(operation, request, reply,
                                                                   std::move(again)),
             Now());
}

template <typename View, typename ReplyType, typename Again>
void CacheHandler::NotDone(std::string_view operation, const storage::Outcome& outcome,
                           const View& request, ReplyType& reply, Again again) {
  if (held_ != nullptr && outcome.kind == storage::Outcome::Kind::kNeedsLogRoom) {
    return Hold(operation, request, reply, std::move(again));
  }
  reply.Fail(FromStorage(operation, outcome.status));
}

absl::StatusOr<storage::Condition> CacheHandler::CheckCondition(
    std::string_view operation, const ConditionView& condition) const {
  using Wire = ConditionView::Kind;
  using Kind = storage::Condition::Kind;
  switch (condition.kind) {
    case Wire::kNone:
      break;
    case Wire::kIfAbsent:
      if (!condition.flag) return Invalid(operation, "if_absent is false; leave it out instead");
      return storage::Condition{.kind = Kind::kIfAbsent};
    case Wire::kIfPresent:
      if (!condition.flag) return Invalid(operation, "if_present is false; leave it out instead");
      return storage::Condition{.kind = Kind::kIfPresent};
    case Wire::kIfVersion: {
      const auto status = CheckVersion(operation, condition.version);
      if (!status.ok()) return status;
      return storage::Condition{.kind = Kind::kIfVersion, .version = condition.version};
    }
    case Wire::kLeaseToken: {
      const auto token = tokens_.Decode(condition.lease_token);
      if (!token.has_value()) {
        return Invalid(operation,
                       absl::StrCat("lease_token has ", condition.lease_token.size(),
                                    " bytes; a token has ", LeaseTokenCodec::kTokenBytes));
      }
      return storage::Condition{.kind = Kind::kLeaseToken, .token = *token};
    }
  }
  return storage::Condition{};
}

absl::StatusOr<storage::SetOptions> CacheHandler::CheckSet(std::string_view operation,
                                                           const SetView& request,
                                                           storage::TimePoint now) const {
  if (const auto status = CheckValue(operation, request.value, limits_); !status.ok()) {
    return status;
  }
  if (request.keep_ttl && request.ttl.has_value()) {
    return Invalid(operation, "keep_ttl and ttl exclude each other");
  }
  if (request.keep_ttl && request.condition.kind == ConditionView::Kind::kIfAbsent) {
    return Invalid(operation, "keep_ttl and if_absent exclude each other");
  }
  const auto expires_at = CheckTtl(operation, request.ttl, now, limits_);
  if (!expires_at.ok()) return expires_at.status();
  const auto condition = CheckCondition(operation, request.condition);
  if (!condition.ok()) return condition.status();
  if (const auto status = CheckAck(operation, request.ack, acks_ == nullptr ? 0 : acks_->in_time());
      !status.ok())
    return status;
  return storage::SetOptions{.expires_at = *expires_at,
                             .keep_expiry = request.keep_ttl,
                             .flags = request.flags,
                             .condition = *condition};
}

absl::Status CacheHandler::CheckReplicas(std::string_view operation) const {
  if (replicas_min_ == 0) [[likely]]
    return absl::OkStatus();
  const size_t in_time = acks_ == nullptr ? 0 : acks_->in_time();
  if (in_time >= replicas_min_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      View(operation), ": ", in_time, " replicas are connected and in time; a write needs ",
      replicas_min_, " (--min_replicas_to_write); nothing was written"));
}

auto CacheHandler::SetAgain(std::string_view operation) {
  return [this, operation](const SetView& request, SetReply& reply) {
    SetFor(operation, request, reply);
  };
}

void CacheHandler::SetFor(std::string_view operation, const SetView& request, SetReply& reply) {
  const auto key = CheckKey(operation, request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  const storage::TimePoint now = time_->Now();
  const auto options = CheckSet(operation, request, now);
  if (!options.ok()) return reply.Fail(options.status());
  if (const auto status = CheckReplicas(operation); !status.ok()) return reply.Fail(status);
  if (MustWait()) [[unlikely]]
    return Hold(operation, request, reply, SetAgain(operation));
  if (request.ack.level != AckView::kReplicas) [[likely]]
    return Store(operation, *key, request, *options, now, reply);
  // Left open first, since what comes of the write is given to the one that is completed.
  OpenReply<SetReply> open(reply);
  Store(operation, *key, request, *options, now, open.Take());
}

void CacheHandler::Store(std::string_view operation, const storage::KeyRef& key,
                         const SetView& request, storage::SetOptions options,
                         storage::TimePoint now, SetReply& reply) {
  if (request.return_previous) options.previous = &reply;
  storage::Keyspace* const keyspace = Served(operation, reply);
  if (keyspace == nullptr) return;
  const bool waits = request.ack.level == AckView::kReplicas;
  const uint64_t opening = waits ? acks_->opening() : 0;
  const uint64_t leadership = data_ == nullptr ? 0 : data_->leadership();
  storage::SetCommand command{key, request.value, options};
  if (const auto outcome = Execute(keyspace, command, now); !outcome.done()) {
    return NotDone(operation, outcome, request, reply, SetAgain(operation));
  }
  const storage::SetResult& result = command.result;
  if (result.outcome == storage::SetResult::Outcome::kRefused) {
    return reply.Fail(WithRetryHint(
        absl::ResourceExhaustedError(absl::StrCat(
            View(operation), ": the answer with the value that was there would have more than the ",
            "limit ", limits_.max_response_bytes,
            " bytes (--max_response_bytes); nothing was done, ask for this key again")),
        absl::ZeroDuration()));
  }
  SetAnswer answer{.result = result};
  const bool is_stored = result.outcome == storage::SetResult::Outcome::kStored;
  if (data_ != nullptr && is_stored)
    answer.position = data_->PositionOf(leadership, result.log_end);
  // What was not stored has nothing to wait for.
  if (!waits || !is_stored) [[likely]]
    return reply.Complete(answer);
  Acknowledge(operation, {request.ack, opening, now}, answer, reply);
}

void CacheHandler::Acknowledge(std::string_view operation, const AckWait& wait,
                               const SetAnswer& answer, SetReply& reply) {
  using Result = storage::PositionWaiters::Result;
  const uint32_t asked = wait.ack.replicas;
  const auto finish = [this, asked, answer, &reply, named = std::string(operation)](Result result) {
    const size_t reached = acks_->ReachedBy(answer.result.log_end);
    switch (result) {
      case Result::kReached:
        return reply.Complete(answer);
      case Result::kTimedOut:
        return reply.Fail(absl::DeadlineExceededError(absl::StrCat(
            named, ": the write stands, but within ", absl::FormatDuration(limits_.ack_timeout),
            " (--ack_timeout) ", reached, " of ", asked, " replicas have acknowledged it")));
      case Result::kClosed:
        return reply.Fail(absl::UnknownError(
            absl::StrCat(named, ": the write was made, but this node does not lead any more, so ",
                         asked, " replicas may never have it")));
    }
  };
  // Made while nobody kept a log: it went out with the copy that somebody took since, or not.
  if (answer.result.log_end == 0) return finish(Result::kClosed);
  const auto timeout = storage::Millis(absl::ToInt64Milliseconds(limits_.ack_timeout));
  acks_->Wait(asked, wait.opening, answer.result.log_end, wait.now + timeout, finish);
}

void CacheHandler::DeleteFor(std::string_view operation, const DeleteView& request,
                             DeleteReply& reply) {
  const auto key = CheckKey(operation, request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  const storage::TimePoint now = time_->Now();
  storage::DeleteOptions options{.if_version = request.if_version};
  if (request.if_version.has_value()) {
    const auto status = CheckVersion(operation, *request.if_version);
    if (!status.ok()) return reply.Fail(status);
  }
  if (request.serve_stale_for.has_value()) {
    const auto stale_for = CheckDuration(operation, "serve_stale_for", *request.serve_stale_for,
                                         {limits_.max_serve_stale, "--max_serve_stale"});
    if (!stale_for.ok()) return reply.Fail(stale_for.status());
    options.stale_until = now + *stale_for;
  }
  if (const auto status = CheckReplicas(operation); !status.ok()) return reply.Fail(status);
  const auto again = [this, operation](const DeleteView& kept, DeleteReply& open) {
    DeleteFor(operation, kept, open);
  };
  if (MustWait()) [[unlikely]]
    return Hold(operation, request, reply, again);
  storage::Keyspace* const keyspace = Served(operation, reply);
  if (keyspace == nullptr) return;
  storage::DeleteCommand command{*key, options};
  if (const auto outcome = Execute(keyspace, command, now); !outcome.done()) {
    return NotDone(operation, outcome, request, reply, again);
  }
  reply.Complete(command.result);
}

void CacheHandler::Lease(const LeaseView& request, LeaseReply& reply) {
  const auto key = CheckKey("Lease", request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  storage::LeaseOptions options;
  options.hold_for = storage::Millis(absl::ToInt64Milliseconds(limits_.default_lease_hold));
  if (request.hold_for.has_value()) {
    const auto hold_for = CheckDuration("Lease", "hold_for", *request.hold_for,
                                        {limits_.max_lease_hold, "--max_lease_hold"});
    if (!hold_for.ok()) return reply.Fail(hold_for.status());
    options.hold_for = *hold_for;
  }
  const auto beta = CheckEarlyRefreshBeta("Lease", request.early_refresh_beta, limits_);
  if (!beta.ok()) return reply.Fail(beta.status());
  options.early_refresh_beta = *beta;

  const storage::TimePoint now = time_->Now();
  storage::Keyspace* const keyspace = Served("Lease", reply);
  if (keyspace == nullptr) return;
  const auto result = keyspace->Lease(*key, options, now, reply);
  if (!result.ok()) return reply.Fail(FromStorage("Lease", result.status()));
  LeaseAnswer answer{.kind = result->kind, .has_value = result->has_value};
  LeaseTokenCodec::Encoded token;
  if (result->kind == storage::LeaseResult::Kind::kGranted) {
    token = tokens_.Encode(result->token);
    answer.token = {token.data(), token.size()};
    answer.deadline = result->deadline;
    answer.early = result->early;
  } else if (result->kind == storage::LeaseResult::Kind::kHeld) {
    const storage::Millis pause(absl::ToInt64Milliseconds(limits_.lease_retry_after));
    answer.retry_after = std::max(storage::Millis(1), std::min(pause, result->deadline - now));
  }
  reply.Complete(answer);
}

void CacheHandler::Touch(const TouchView& request, TouchReply& reply) {
  const auto key = CheckKey("Touch", request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  const storage::TimePoint now = time_->Now();
  const auto expires_at = CheckTtl("Touch", request.ttl, now, limits_);
  if (!expires_at.ok()) return reply.Fail(expires_at.status());
  if (const auto status = CheckReplicas("Touch"); !status.ok()) return reply.Fail(status);
  const auto again = [this](const TouchView& kept, TouchReply& open) { Touch(kept, open); };
  if (MustWait()) [[unlikely]]
    return Hold("Touch", request, reply, again);
  storage::Keyspace* const keyspace = Served("Touch", reply);
  if (keyspace == nullptr) return;
  storage::TouchCommand command{*key, *expires_at};
  if (const auto outcome = Execute(keyspace, command, now); !outcome.done()) {
    return NotDone("Touch", outcome, request, reply, again);
  }
  const storage::TouchResult& result = command.result;
  reply.Complete({.found = result.found, .version = result.version, .expires_at = *expires_at});
}

void CacheHandler::Increment(const IncrementView& request, IncrementReply& reply) {
  const auto key = CheckKey("Increment", request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  const storage::TimePoint now = time_->Now();
  const auto expires_at = CheckTtl("Increment", request.ttl, now, limits_);
  if (!expires_at.ok()) return reply.Fail(expires_at.status());
  storage::IncrementOptions options{.delta = request.delta, .initial = request.initial};
  if (request.ttl.has_value()) options.expires_at = *expires_at;
  options.created_expires_at = *expires_at;
  if (const auto status = CheckReplicas("Increment"); !status.ok()) return reply.Fail(status);
  const auto again = [this](const IncrementView& kept, IncrementReply& open) {
    Increment(kept, open);
  };
  if (MustWait()) [[unlikely]]
    return Hold("Increment", request, reply, again);
  storage::Keyspace* const keyspace = Served("Increment", reply);
  if (keyspace == nullptr) return;
  storage::IncrementCommand command{*key, options};
  if (const auto outcome = Execute(keyspace, command, now); !outcome.done()) {
    return NotDone("Increment", outcome, request, reply, again);
  }
  if (!command.result.ok()) return reply.Fail(FromStorage("Increment", command.result.status()));
  reply.Complete(*command.result);
}

void CacheHandler::Append(const AppendView& request, AppendReply& reply) {
  const auto key = CheckKey("Append", request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  if (const auto status = CheckValue("Append", request.value, limits_); !status.ok()) {
    return reply.Fail(status);
  }
  const storage::TimePoint now = time_->Now();
  const auto expires_at = CheckTtl("Append", request.ttl, now, limits_);
  if (!expires_at.ok()) return reply.Fail(expires_at.status());
  const storage::AppendOptions options{.if_present = request.if_present,
                                       .created_expires_at = *expires_at,
                                       .value_bytes_max = limits_.max_value_bytes};
  if (const auto status = CheckReplicas("Append"); !status.ok()) return reply.Fail(status);
  const auto again = [this](const AppendView& kept, AppendReply& open) { Append(kept, open); };
  if (MustWait()) [[unlikely]]
    return Hold("Append", request, reply, again);
  storage::Keyspace* const keyspace = Served("Append", reply);
  if (keyspace == nullptr) return;
  storage::AppendCommand command{*key, request.value, options};
  if (const auto outcome = Execute(keyspace, command, now); !outcome.done()) {
    return NotDone("Append", outcome, request, reply, again);
  }
  const auto& result = command.result;
  if (!result.ok()) {
    if (!absl::IsInvalidArgument(result.status())) {
      return reply.Fail(FromStorage("Append", result.status()));
    }
    return reply.Fail(
        Invalid("Append", absl::StrCat("the result would have more than the limit ",
                                       limits_.max_value_bytes, " bytes (--max_value_bytes)")));
  }
  reply.Complete(*result);
}

void CacheHandler::Scan(const ScanView& request, ScanReply& reply) {
  constexpr uint32_t kDefaultLimit = 100;
  constexpr size_t kBytesMax = size_t{1} << 20;
  storage::ScanPosition from;
  if (!request.cursor.empty()) {
    const auto position = cursors_.Decode(request.cursor);
    if (!position.ok()) {
      const absl::string_view why = position.status().message();
      return reply.Fail(Invalid("Scan", {why.data(), why.size()}));
    }
    from = *position;
  }
  if (request.prefix.size() > limits_.max_key_bytes) {
    return reply.Fail(Invalid(
        "Scan", absl::StrCat("prefix has ", request.prefix.size(), " bytes, more than the limit ",
                             limits_.max_key_bytes, " (--max_key_bytes)")));
  }
  if (request.limit > limits_.max_scan_limit) {
    return reply.Fail(
        Invalid("Scan", absl::StrCat("limit is ", request.limit, ", more than the limit ",
                                     limits_.max_scan_limit, " (--max_scan_limit)")));
  }
  storage::ScanOptions options{.prefix = request.prefix,
                               .visits_max = Limits::kScanVisitsMax,
                               .keys_only = request.keys_only};
  options.limit =
      request.limit != 0 ? request.limit : std::min(kDefaultLimit, limits_.max_scan_limit);
  // ServerConfig keeps the overhead of all entries below half of the answer.
  options.bytes_max =
      std::min(kBytesMax, limits_.max_response_bytes - options.limit * Limits::kEntryOverheadBytes);
  storage::Keyspace* const keyspace = Served("Scan", reply);
  if (keyspace == nullptr) return;
  const storage::ScanPosition next = keyspace->Scan(from, options, time_->Now(), reply);
  if (next.at_end()) return reply.Complete({});
  const ScanCursorCodec::Encoded cursor = cursors_.Encode(next);
  reply.Complete({.next_cursor = {cursor.data(), cursor.size()}});
}

}  // namespace larder::server
