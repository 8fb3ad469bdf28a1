#include "storage/commands.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/decimal.h"
#include "storage/early_refresh.h"
#include "storage/key_access.h"
#include "storage/stripe.h"
#include "storage/stripe_operation.h"

namespace larder::storage {
namespace {

// Before a lease is refused, in its stripe.
constexpr size_t kLeasesForgotten = 16;

const storage::Lease* ValidLease(KeyAccess& access) {
  return access.state().leases.FindValid(access.key().key, access.now());
}

SetResult::Outcome Check(KeyAccess& access, const Condition& condition) {
  using Outcome = SetResult::Outcome;
  const EntryRef live = access.live();
  switch (condition.kind) {
    case Condition::Kind::kNone:
      return Outcome::kStored;
    case Condition::Kind::kIfAbsent:
      return live ? Outcome::kExists : Outcome::kStored;
    case Condition::Kind::kIfPresent:
      return live ? Outcome::kStored : Outcome::kNotFound;
    case Condition::Kind::kIfVersion:
      if (!live) return Outcome::kNotFound;
      return live->version() == condition.version ? Outcome::kStored : Outcome::kVersionMismatch;
    case Condition::Kind::kLeaseToken: {
      const storage::Lease* lease = ValidLease(access);
      const bool valid = lease != nullptr && lease->token == condition.token;
      return valid ? Outcome::kStored : Outcome::kLeaseLost;
    }
  }
  return Outcome::kStored;
}

// How long a Set under this condition took to recompute its value, or the value before it.
// REQUIRES: the condition holds.
uint32_t RecomputeTime(KeyAccess& access, const Condition& condition) {
  if (condition.kind != Condition::Kind::kLeaseToken) {
    return access.entry() ? access.entry()->recompute_ms() : 0;
  }
  const int64_t took = (access.now() - ValidLease(access)->granted_at).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(took, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

Need SetCommand::Run(KeyAccess& access) {
  const EntryRef live = access.live();
  result.outcome = Check(access, options.condition);
  result.version = live ? live->version() : 0;
  const bool stores = result.outcome == SetResult::Outcome::kStored;
  EntryFields fields{.expires_at = options.expires_at, .flags = options.flags};
  if (options.keep_expiry && live) fields.expires_at = live->expires_at();
  if (stores) {
    fields.recompute_ms = RecomputeTime(access, options.condition);
    if (const Need need = access.Prepare(value.size(), fields); need != Need::kNothing) return need;
  }
  if (options.previous != nullptr && live && !live->DeliverTo(*options.previous)) {
    result.outcome = SetResult::Outcome::kRefused;
    return Need::kNothing;
  }
  if (!stores) {
    if (result.outcome == SetResult::Outcome::kLeaseLost) ++access.state().stats.leases_lost;
    return Need::kNothing;
  }
  const EntryRef entry = access.Write(value.size(), fields, /*kept_bytes=*/0);
  entry->WriteValue(0, value);
  result.version = access.Commit(MutationKind::kSet, entry);
  result.log_end = access.log_end();
  return Need::kNothing;
}

Need DeleteCommand::Run(KeyAccess& access) {
  const EntryRef live = access.live();
  result = DeleteResult();
  if (options.if_version.has_value() && (!live || live->version() != *options.if_version)) {
    result.current_version = live ? live->version() : 0;
    return Need::kNothing;
  }
  if (!access.entry()) {
    access.VoidLease();
    return Need::kNothing;
  }
  if (const Need need = access.PrepareRecord(); need != Need::kNothing) return need;
  result.deleted = static_cast<bool>(live);
  if (!options.stale_until.has_value() || access.entry()->ExpiredAt(access.now())) {
    access.CommitAndRemove(MutationKind::kDelete);
  } else if (!live) {  // stale already, and stays so no longer than the first Delete said
    access.VoidLease();
  } else {
    EntryFields fields = live->fields();
    fields.expires_at = *options.stale_until;
    if (access.PayForFields(fields)) {
      live->set_stale(true);
      access.Commit(MutationKind::kSetFields, access.WriteFields(fields));
    } else {
      access.CommitAndRemove(MutationKind::kDelete);  // nothing can make room for keeping it
    }
  }
  result.log_end = access.log_end();
  return Need::kNothing;
}

Need TouchCommand::Run(KeyAccess& access) {
  result = TouchResult();
  const EntryRef live = access.live();
  if (!live) return Need::kNothing;
  EntryFields fields = live->fields();
  fields.expires_at = expires_at;
  if (const Need need = access.PrepareFields(fields); need != Need::kNothing) return need;
  const EntryRef entry = access.WriteFields(fields);
  access.state().store.Accessed(entry, access.now());
  result = {.found = true, .version = access.Commit(MutationKind::kSetFields, entry)};
  result.log_end = access.log_end();
  return Need::kNothing;
}

Need LeaseCommand::Run(KeyAccess& access) {
  StripeState& state = access.state();
  const TimePoint now = access.now();
  const EntryRef live = access.live();
  const storage::Lease* held = ValidLease(access);
  const bool early = live && held == nullptr &&
                     RefreshesEarly(*live, options.early_refresh_beta, now, state.random);
  LeaseResult answer;
  if (live && !early) {
    answer.kind = LeaseResult::Kind::kHit;
  } else if (held != nullptr) {
    answer.kind = LeaseResult::Kind::kHeld;
    answer.deadline = held->deadline;
    ++state.stats.leases_held;
  } else {
    const uint64_t cost = LeaseTable::BytesOf(key.key.size());
    if (absl::Status status = access.shared().CheckLease(cost); !status.ok()) {
      // Some of those that count may be void.
      bool more = false;
      if (state.leases.RemoveDue(now, kLeasesForgotten, &more) == 0) {
        result = std::move(status);
        return Need::kNothing;
      }
    }
    if (const Need need = access.PrepareLease(cost); need != Need::kNothing) return need;
    answer.kind = LeaseResult::Kind::kGranted;
    answer.early = early;
    answer.token = {state.versions.Next(now)};
    answer.deadline = now + options.hold_for;
    state.leases.Grant(key.key, {answer.token, now, answer.deadline, key.slot});
    ++(early ? state.stats.leases_granted_early : state.stats.leases_granted);
  }
  const EntryRef entry = access.entry();
  if (entry && !entry->ExpiredAt(now)) {
    ++state.stats.hits;
    if (!live) ++state.stats.stale_hits;
    state.store.Accessed(entry, now);
    answer.has_value = entry->DeliverTo(sink);
  } else {
    ++state.stats.misses;
  }
  result = answer;
  return Need::kNothing;
}

Need IncrementCommand::Run(KeyAccess& access) {
  const EntryRef live = access.live();
  IncrementResult answer;
  EntryFields fields = access.fields();
  if (!live) {
    if (!options.initial.has_value()) {
      result = answer;
      return Need::kNothing;
    }
    answer.created = true;
    answer.value = *options.initial;
    fields.expires_at = options.created_expires_at;
  } else {
    const std::optional<int64_t> number =
        live->is_whole() ? ParseInteger(live->whole_value()) : std::nullopt;
    if (!number.has_value()) {
      result = absl::FailedPreconditionError(
          "the value of this key is not a decimal signed 64-bit integer");
      return Need::kNothing;
    }
    if (__builtin_add_overflow(*number, options.delta, &answer.value)) {
      result = absl::FailedPreconditionError(
          "the sum does not fit into a signed 64-bit integer; the value is unchanged");
      return Need::kNothing;
    }
    fields.expires_at = options.expires_at.value_or(fields.expires_at);
  }
  const Digits digits(answer.value);
  const std::string_view text = digits.view();
  if (const Need need = access.Prepare(text.size(), fields); need != Need::kNothing) return need;
  const EntryRef entry = access.Write(text.size(), fields, /*kept_bytes=*/0);
  entry->WriteValue(0, text);
  answer.found = true;
  answer.version = access.Commit(MutationKind::kSet, entry);
  answer.log_end = access.log_end();
  result = answer;
  return Need::kNothing;
}

Need AppendCommand::Run(KeyAccess& access) {
  const EntryRef live = access.live();
  if (!live && options.if_present) {
    result = AppendResult();
    return Need::kNothing;
  }
  const size_t head = live ? live->value_bytes() : 0;
  const size_t value_bytes = head + bytes.size();
  if (value_bytes > options.value_bytes_max) {
    result = absl::InvalidArgumentError(
        absl::StrCat("the value would be ", value_bytes, " bytes long; the limit is ",
                     options.value_bytes_max, " (--max_value_bytes)"));
    return Need::kNothing;
  }
  EntryFields fields = access.fields();
  if (!live) fields.expires_at = options.created_expires_at;
  if (const Need need = access.Prepare(value_bytes, fields); need != Need::kNothing) return need;
  const EntryRef entry = access.Write(value_bytes, fields, /*kept_bytes=*/head);
  entry->WriteValue(head, bytes);
  const uint64_t version = access.Commit(MutationKind::kSet, entry);
  result = AppendResult{
      .stored = true, .value_bytes = value_bytes, .version = version, .log_end = access.log_end()};
  return Need::kNothing;
}

Need ApplyCommand::Run(KeyAccess& access) {
  const EntryFields fields{mutation.expires_at, mutation.flags, mutation.recompute_ms};
  applied = false;
  access.state().versions.Observe(mutation.version);
  if (mutation.kind == MutationKind::kSet) {
    const std::string_view value = mutation.value.whole();
    if (const Need need = access.Prepare(value.size(), fields); need != Need::kNothing) return need;
    const EntryRef entry = access.Write(value.size(), fields, /*kept_bytes=*/0);
    entry->WriteValue(0, value);
    entry->set_stale(mutation.stale);
    access.Commit(mutation.kind, entry, mutation.version);
  } else if (!access.entry()) {
    if (const Need need = access.PrepareRecord(); need != Need::kNothing) return need;
    if (mutation.kind != MutationKind::kExpire) access.VoidLease();
    access.Relay(mutation);
    return Need::kNothing;
  } else if (mutation.kind == MutationKind::kSetFields) {
    if (const Need need = access.PrepareFields(fields); need != Need::kNothing) return need;
    const EntryRef entry = access.WriteFields(fields);
    entry->set_stale(mutation.stale);
    access.Commit(mutation.kind, entry, mutation.version);
  } else {
    if (const Need need = access.PrepareRecord(); need != Need::kNothing) return need;
    access.CommitAndRemove(mutation.kind, mutation.version);
  }
  applied = true;
  return Need::kNothing;
}

// Here, so that each command becomes one function with its attempt.
template <typename Command>
Need Stripe::Attempt(Command& command, const HashedKey& key, TimePoint now, Credit& credit) {
  StripeOperation operation(*this);
  if constexpr (Command::kOwn) {
    if (const Need need = state_.CheckRight(key.slot); need != Need::kNothing) return need;
  }
  if constexpr (std::is_same_v<Command, SetCommand>) state_.store.PrefetchWrite(key);
  KeyAccess access(operation, key, now, credit);
  return command.Run(access);
}

template Need Stripe::Attempt(SetCommand&, const HashedKey&, TimePoint, Credit&);
template Need Stripe::Attempt(DeleteCommand&, const HashedKey&, TimePoint, Credit&);
template Need Stripe::Attempt(TouchCommand&, const HashedKey&, TimePoint, Credit&);
template Need Stripe::Attempt(LeaseCommand&, const HashedKey&, TimePoint, Credit&);
template Need Stripe::Attempt(IncrementCommand&, const HashedKey&, TimePoint, Credit&);
template Need Stripe::Attempt(AppendCommand&, const HashedKey&, TimePoint, Credit&);
template Need Stripe::Attempt(ApplyCommand&, const HashedKey&, TimePoint, Credit&);

}  // namespace larder::storage
