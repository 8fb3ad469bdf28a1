#include "storage/stripe_state.h"

#include <algorithm>
#include <utility>

namespace larder::storage {
namespace {

// The mutation that gives an entry its fields, without its value.
Mutation FieldsOf(MutationKind kind, const Entry& entry) {
  return {.kind = kind,
          .slot = entry.slot(),
          .key = entry.key(),
          .version = entry.version(),
          .expires_at = entry.expires_at(),
          .flags = entry.flags(),
          .recompute_ms = entry.recompute_ms(),
          .stale = entry.stale()};
}

}  // namespace

StripeState::StripeState(const EntryStoreOptions& options, const StripeShared& shared)
    : store(options, shared.pools, shared.hasher),
      leases(shared.hasher),
      versions(shared.clock, options.stripes),
      random(~options.eviction.seed),
      stripes_(options.stripes),
      authority_(shared.authority) {}

Mutation StripeState::WholeOf(const Entry& entry) {
  Mutation mutation = FieldsOf(MutationKind::kSet, entry);
  mutation.value = ValueView(&entry);
  return mutation;
}

uint64_t StripeState::Commit(const Change& change, TimePoint now, LogRoom& room) {
  uint64_t version = change.version;
  switch (change.kind) {
    case MutationKind::kSet:
      leases.Void(change.key);
      if (version == 0) version = versions.Next(now);
      change.entry->set_version(version);
      break;
    case MutationKind::kSetFields:
      leases.Void(change.key);
      if (version == 0) version = change.entry->version();  // the value is the same
      change.entry->set_version(version);
      break;
    case MutationKind::kDelete:
      leases.Void(change.key);
      if (version == 0) version = versions.Next(now);
      break;
    case MutationKind::kEvict:
      leases.Void(change.key);
      if (version == 0) version = change.entry->version();
      break;
    case MutationKind::kExpire:  // an early refresher began before, and its value is right
      if (version == 0) version = change.entry->version();
      break;
    case MutationKind::kFlushSlot: {
      const uint64_t own = versions.Next(now);
      leases.VoidSlot(change.slot, own);
      if (version == 0) version = own;
      break;
    }
  }
  if (log_ != nullptr) [[unlikely]]
    Tell(change, version, room);
  return version;
}

void StripeState::Tell(const Change& change, uint64_t version, LogRoom& room) {
  if (change.kind == MutationKind::kSet) return Append(WholeOf(*change.entry), room);
  if (change.kind == MutationKind::kSetFields) {
    return Append(FieldsOf(change.kind, *change.entry), room);
  }
  Append({.kind = change.kind, .slot = change.slot, .key = change.key, .version = version}, room);
}

void StripeState::Evict(EntryRef victim, uint64_t hash, TimePoint now, LogRoom& room) {
  ++(victim->ExpiredAt(now) ? stats.expirations : stats.evictions);
  Commit({MutationKind::kEvict, victim->slot(), victim->key(), victim}, now, room);
  store.Remove(victim, hash);
}

void StripeState::CommitExpiry(EntryRef entry, TimePoint now, LogRoom& room) {
  ++stats.expirations;
  Commit({MutationKind::kExpire, entry->slot(), entry->key(), entry}, now, room);
}

uint64_t StripeState::FlushSlot(uint32_t slot, uint64_t version, TimePoint now, LogRoom& room) {
  if (version != 0) versions.Observe(version);
  // What another node has committed is told in any case.
  const bool is_own = version == 0;
  if (is_own && std::as_const(store).TableOf(slot).size() == 0 && leases.size() == 0) return 0;
  Commit({.kind = MutationKind::kFlushSlot, .slot = slot, .version = version}, now, room);
  return store.DetachSlot(slot);
}

void StripeState::SetLog(MutationSink* log) {
  log_ = log;
  if (log == nullptr) return logged_to_.reset();
  const uint32_t slots = kSlots / stripes_;
  if (logged_to_ == nullptr) logged_to_ = std::make_unique_for_overwrite<uint64_t[]>(slots);
  std::fill_n(logged_to_.get(), slots, log->position());
}

void StripeState::SetOwned(uint32_t slot, bool owned, TimePoint now) {
  if (!owned) leases.VoidSlot(slot, versions.Next(now));
  if (foreign_.empty() && !owned) foreign_.resize(kSlots / stripes_);
  if (!foreign_.empty()) foreign_[slot / stripes_] = !owned;
}

}  // namespace larder::storage
