#ifndef LARDER_STORAGE_KEYSPACE_H_
#define LARDER_STORAGE_KEYSPACE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/attached_log.h"
#include "storage/hybrid_clock.h"
#include "storage/key_hasher.h"
#include "storage/keyspace_options.h"
#include "storage/memory_budget.h"
#include "storage/need.h"
#include "storage/operations.h"
#include "storage/outcome.h"
#include "storage/time.h"

namespace larder::storage {

class ContentDigest;
class CopyChunk;
class MemoryClaim;
class RecordBatch;
class Reclaimer;
class Stripe;
struct EntryPools;
struct HashedKey;
struct StripeSignal;

// All entries of one node, in stripes that each own the slots of one residue class.
// Thread-safe. One memory budget is shared by all stripes: a write that needs room evicts from the
// stripe whose next victim is the coldest. Nothing outside storage/ sees an entry but through a
// sink.
//
// What fails has changed nothing and returns the status of its Outcome: RESOURCE_EXHAUSTED when a
// write does not fit into the budget and nothing may be evicted; likewise when the key's stripe has
// as many records as it may, and when kEqualHashesMax keys of the slot have the same hash.
// UNAVAILABLE: the log has no room, or this node no authority; FAILED_PRECONDITION: another node
// owns the slot. What does not pass by waiting is a LastingFailure.
class Keyspace {
 public:
  // The least memory_bytes that Create accepts.
  static constexpr uint64_t kMemoryBytesMin = kKeyspaceBytesMin;

  // INVALID_ARGUMENT: an option is out of range, or does not go with another.
  static absl::Status CheckOptions(const KeyspaceOptions& options);

  // `clock` must outlive the keyspace. INVALID_ARGUMENT: as CheckOptions.
  static absl::StatusOr<std::unique_ptr<Keyspace>> Create(const KeyspaceOptions& options,
                                                          HybridClock* clock);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  GetOutcome Get(KeyRef key, TimePoint now, ValueSink& sink);

  // Carries out a command (commands.h), or changes nothing. Evicts what it must, and nothing if
  // that would not do. Waits for nothing but, when memory seems to be too little, for other
  // commands that gather some. The operations below are commands.
  template <typename Command>
  Outcome Execute(Command& command, TimePoint now);

  // REQUIRES: value.size() <= kValueBytesMax.
  absl::StatusOr<SetResult> Set(KeyRef key, std::string_view value, const SetOptions& options,
                                TimePoint now);

  // Brings what operations on these keys will read closer to the processor, so that they do not
  // wait for the memory one after the other. Pays if they come at once; changes nothing.
  void Prefetch(std::span<const KeyRef> keys) const;

  absl::StatusOr<DeleteResult> Delete(KeyRef key, const DeleteOptions& options, TimePoint now);

  // RESOURCE_EXHAUSTED also when leases_max tokens are outstanding, or when they use an eighth of
  // the budget: leases can not be evicted and must leave room for entries.
  absl::StatusOr<LeaseResult> Lease(KeyRef key, const LeaseOptions& options, TimePoint now,
                                    ValueSink& sink);

  absl::StatusOr<TouchResult> Touch(KeyRef key, TimePoint expires_at, TimePoint now);

  // FAILED_PRECONDITION: the value is not a decimal signed 64-bit integer, or the sum does not fit.
  absl::StatusOr<IncrementResult> Increment(KeyRef key, const IncrementOptions& options,
                                            TimePoint now);

  // INVALID_ARGUMENT: the result would be longer than value_bytes_max.
  absl::StatusOr<AppendResult> Append(KeyRef key, std::string_view bytes,
                                      const AppendOptions& options, TimePoint now);

  // Gives the sink the entries from `from` on, by (slot, hash of the key); returns where to go on.
  ScanPosition Scan(ScanPosition from, const ScanOptions& options, TimePoint now, ScanSink& sink);

  // Applies a mutation that another copy of the keyspace has committed: without conditions, leases,
  // authority or owner. Evicts nothing, since it is told what goes. False: there is no such entry
  // to touch or to remove. INVALID_ARGUMENT: its version is 0, or further ahead of `now` than the
  // clock believes. A log that is attached gets a record in any case, the same as the other's.
  absl::StatusOr<bool> Apply(const Mutation& mutation, TimePoint now);

  // Applies what of a batch comes at `position` or behind, in order; moves that on, also when it
  // fails in the middle (and may be called again). A log that is attached continues the other's:
  // the same records at the same sequences. INVALID_ARGUMENT: as Apply, and nothing was done.
  // OUT_OF_RANGE: there is something between `position`, or where the log stands, and the batch.
  // FAILED_PRECONDITION: there is a log, and the batch has gaps. REQUIRES: one call at a time, and,
  // with a log, no authority, so that nothing else writes.
  absl::Status ApplyBatch(const RecordBatch& batch, TimePoint now, uint64_t* position);

  // Gives the sink entries of slot `from.slot` as they are, by the hash of the key, for a copy.
  ExportedPart ExportSlot(ScanPosition from, const ExportOptions& options, ExportSink& sink) const;
  // Puts a CopyChunk of what comes next into `chunk`, of as many slots as fit. `log_position` is
  // the least of those of its slots: a copy goes on with the log from there. `exact_from` is the
  // greatest. REQUIRES: not at the end.
  ExportedPart ExportChunk(ScanPosition from, const ExportOptions& options,
                           std::string* chunk) const;
  // Looks at the slots from `first` on, up to `slots_end` or fewer, without their entries: of how
  // many, one at least, the log has no record from `since` on; or how many lie before the next such
  // slot that has entries. Of slots that are unchanged there is none up to `log_position` either.
  // A log that was attached behind `since` does not know, so that all count as changed.
  // REQUIRES: first < slots_end.
  SlotRun RunOfSlots(uint32_t first, uint32_t slots_end, uint64_t since) const;
  // Adds the entries of slot `from.slot` from there on to a digest, in parts of about so much; they
  // are copied under the stripe's lock and hashed under none. What changes meanwhile may be in it
  // or not: it is that of one time if the log stands where it did when all is done.
  ExportedPart DigestSlot(ScanPosition from, const ExportOptions& options,
                          ContentDigest* digest) const;
  // Puts the entries of a chunk in place of what there is. May be repeated, also when it has failed
  // in the middle. FAILED_PRECONDITION: a log is attached. INVALID_ARGUMENT: as Apply, and nothing
  // was done.
  absl::Status ApplyChunk(const CopyChunk& chunk, TimePoint now);

  // Tells a log of every mutation from now on, while operations go on. Returns the position from
  // which it is complete: whatever has no record in it was committed before, and all exports and
  // reads from now on show it. So a reader, or a copy by ExportSlot, may begin there; what the log
  // has before has gaps between the stripes. Detach: nobody uses the log any more, nor its wake,
  // when it has returned. A keyspace without a log pays a predicted branch.
  // REQUIRES: one call at a time; none is attached, or one is, whose readers read no more.
  uint64_t AttachLog(MutationSink* log);
  void DetachLog();
  // For a command that Execute left undone for want of room in the log, as much as its outcome
  // says. False: it may be tried again. Else the log lets know when it is worth it (as
  // MutationLogOptions says), and who detaches the log should, too. So commands wait without a
  // thread.
  bool AwaitLogRoom(uint64_t bytes);
  // To be called by whoever gives up what AwaitLogRoom has let him wait for.
  void StopAwaitingLogRoom(uint64_t bytes);

  // Refuses all commands on keys of this slot from now on, and Gets, or none any more; its leases
  // are void then. What it has stays, unseen by Scan, and may be evicted or expire.
  void SetSlotOwned(uint32_t slot, bool owned, TimePoint now);

  // Empties one slot or all: nobody finds an entry any more, and leases are void, however many they
  // are. Returns how many entries there were. What they take goes with the next evictions or
  // Expire. Flush skips slots that another node owns; when it fails, some slots may be empty
  // already.
  absl::StatusOr<uint64_t> Flush(TimePoint now);
  absl::StatusOr<uint64_t> FlushSlot(uint32_t slot, TimePoint now);

  // Removes expired entries and leases, at most `removals_max` of them, going round the stripes and
  // looking through about 1.5 MiB of records at most; returns how many. True in `more`: something
  // is due that was not looked at yet.
  size_t Expire(TimePoint now, size_t removals_max, bool* more = nullptr);

  // Changes memory_bytes. A lower limit is reached by evictions, a few in every write and the
  // others by Shrink; until then no write gets more memory than it frees. INVALID_ARGUMENT: out of
  // range, as for Create.
  absl::Status SetMemoryLimit(uint64_t bytes);
  // Evicts down to a limit that was lowered, about `evictions_max` entries; returns how many. Fewer
  // than evictions_max: nothing more is to be done, or can be.
  size_t Shrink(TimePoint now, size_t evictions_max);

  // Gets memory from the system that writes will need soon, so that they need not wait for it. To
  // be called some times a second, by a thread that may wait.
  void PrepareMemory();

  // What the log holds of large values that no entry has any more. Not of Memory(), but of the log:
  // no more than its length, and about so much less of its ring is in memory.
  uint64_t log_held_bytes() const;

  SlotStats StatsOfSlot(uint32_t slot) const;
  KeyspaceStats Stats() const;
  MemoryUsage Memory() const;
  const KeyHasher& hasher() const { return hasher_; }
  uint64_t memory_limit_bytes() const { return budget_.limit_bytes(); }

 private:
  Keyspace(const KeyspaceOptions& options, HybridClock* clock);

  Stripe& StripeOf(uint32_t slot) { return *stripes_[slot & (stripes_.size() - 1)]; }
  const Stripe& StripeOf(uint32_t slot) const { return *stripes_[slot & (stripes_.size() - 1)]; }
  // The stripe of a slot that an operation is about to use: its table comes closer to the processor
  // while the operation waits for the lock.
  Stripe& Approach(uint32_t slot);

  // Goes on with a command of which an attempt needed something.
  template <typename Command>
  Outcome ExecuteWith(Need need, Command& command, const HashedKey& key, TimePoint now,
                      Credit& credit);
  // Finds what an attempt needed. Done: it is worth another.
  Outcome Provide(Need need, Stripe& stripe, TimePoint now, MemoryClaim& claim);
  absl::StatusOr<uint64_t> FlushSlotAs(uint32_t slot, uint64_t version, TimePoint now);

  // The most bytes of records in one stripe, values apart not counted.
  uint64_t RecordBytesMax() const;

  const KeyspaceOptions options_;
  AttachedLog log_;
  HybridClock* const clock_;
  const KeyHasher hasher_;
  const std::unique_ptr<EntryPools> pools_;
  MemoryBudget budget_;
  std::vector<StripeSignal> signals_;  // side by side, since every eviction reads them all
  std::vector<std::unique_ptr<Stripe>> stripes_;
  std::unique_ptr<Reclaimer> reclaimer_;
  // What threads write, away from what all of them read.
  struct alignas(64) Counters {
    std::atomic<uint64_t> leases{0};
    std::atomic<uint64_t> lease_bytes{0};
    std::atomic<uint64_t> expire_calls{0};
  };
  Counters counters_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_KEYSPACE_H_
