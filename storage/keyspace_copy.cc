// How a keyspace is copied, and how it is one: exports, and mutations of another node.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/commands.h"
#include "storage/content_digest.h"
#include "storage/copy_chunk.h"
#include "storage/keyspace.h"
#include "storage/mutation_record.h"
#include "storage/record_batch.h"
#include "storage/stripe.h"
#include "storage/unit_pool.h"

namespace larder::storage {
namespace {

// What one chunk looks at, however empty the slots are: some hundred microseconds.
constexpr uint32_t kSlotsPerChunk = 2048;
// Changed slots that are looked for at a time: mostly more than fit into a chunk.
constexpr uint32_t kChangedSlotsMax = 128;
// A slot that is emptied for a copy of it: told to nobody.
constexpr uint64_t kVersionOfClearing = 1;

// Adds entries behind what is there, as CopyChunk has them.
class ChunkSink final : public ExportSink {
 public:
  explicit ChunkSink(std::string* chunk) : chunk_(*chunk) {}
  void Add(const Mutation& entry) override {
    const size_t at = chunk_.size();
    chunk_.resize(at + MutationRecordBytes(entry.key.size(), entry.value.size()));
    WriteMutationRecord(entry, chunk_.data() + at);
    ++entries_;
  }
  uint64_t entries() const { return entries_; }

 private:
  std::string& chunk_;
  uint64_t entries_ = 0;
};

absl::Status BadVersion(uint64_t version) {
  return absl::InvalidArgumentError(
      absl::StrCat("the version of a mutation is ", version, "; it must not be 0, nor more than ",
                   HybridClock::kAheadMax.count(), " ms ahead of shard time"));
}

}  // namespace

uint64_t Keyspace::AttachLog(MutationSink* log) {
  // Before the stripes, so that whoever finds it in a stripe finds it here, too.
  log->ShareValues(&pools_->shared);
  log_.Attach(log);
  for (const auto& stripe : stripes_) stripe->SetLog(log);
  return log->position();
}

void Keyspace::DetachLog() {
  for (const auto& stripe : stripes_) stripe->SetLog(nullptr);
  MutationSink* const log = log_.get();
  log_.Detach();
  log->ShareValues(nullptr);
}

uint64_t Keyspace::log_held_bytes() const { return pools_->shared.held_bytes(); }

bool Keyspace::AwaitLogRoom(uint64_t bytes) {
  MutationSink* const log = log_.BeginUse();
  if (log == nullptr) return false;
  const bool must_wait = log->AwaitRoom(bytes);
  log_.EndUse();
  return must_wait;
}

void Keyspace::StopAwaitingLogRoom(uint64_t bytes) {
  MutationSink* const log = log_.BeginUse();
  if (log == nullptr) return;
  log->StopAwaitingRoom(bytes);
  log_.EndUse();
}

absl::StatusOr<bool> Keyspace::Apply(const Mutation& mutation, TimePoint now) {
  if (mutation.version == 0 || !clock_->Observe(mutation.version, now)) {
    return BadVersion(mutation.version);
  }
  if (mutation.kind == MutationKind::kFlushSlot) {
    const auto entries = FlushSlotAs(mutation.slot, mutation.version, now);
    if (!entries.ok()) return entries.status();
    return true;
  }
  ApplyCommand command{{mutation.slot, mutation.key}, mutation};
  if (Outcome outcome = Execute(command, now); !outcome.done()) return std::move(outcome.status);
  return command.applied;
}

absl::Status Keyspace::ApplyBatch(const RecordBatch& batch, TimePoint now, uint64_t* position) {
  if (*position < batch.from() || *position > batch.to()) {
    return absl::OutOfRangeError(absl::StrCat("a batch of records is of sequences ", batch.from(),
                                              " to ", batch.to(), "; ", *position, " comes next"));
  }
  const MutationSink* const log = log_.get();
  if (log != nullptr && batch.has_gaps()) {
    return absl::FailedPreconditionError(
        "a batch of records has gaps, and the log of this copy cannot continue behind them");
  }
  if (batch.records() > 0 && !clock_->Observe(batch.version_max(), now)) {
    return BadVersion(batch.version_max());
  }
  absl::Status status;
  batch.Visit([&](const RecordBatch::Record& record) {
    if (record.next <= *position) return true;
    if (record.sequence < *position || (log != nullptr && log->position() != record.sequence)) {
      status = absl::OutOfRangeError(absl::StrCat(
          "a record has sequence ", record.sequence, ", ", *position, " comes next",
          log == nullptr ? "" : absl::StrCat(", and the log stands at ", log->position())));
      return false;
    }
    status = Apply(record.mutation, now).status();
    if (status.ok()) *position = record.next;
    return status.ok();
  });
  if (status.ok()) *position = batch.to();
  return status;
}

ExportedPart Keyspace::ExportSlot(ScanPosition from, const ExportOptions& options,
                                  ExportSink& sink) const {
  if (from.at_end()) return {.next = from};
  const size_t entries_max = std::max<size_t>(options.entries_max, 1);
  WalkBudget budget{entries_max, options.bytes_max, entries_max};
  return StripeOf(from.slot).ExportSlot(from, budget, sink);
}

ExportedPart Keyspace::ExportChunk(ScanPosition from, const ExportOptions& options,
                                   std::string* chunk) const {
  chunk->assign(CopyChunk::kHeaderBytes, '\0');
  chunk->reserve(CopyChunk::kHeaderBytes + options.bytes_max);  // not under a stripe's lock
  const size_t entries_max = std::max<size_t>(options.entries_max, 1);
  WalkBudget budget{entries_max, options.bytes_max, entries_max};
  ChunkSink sink(chunk);
  std::optional<uint64_t> log_position;
  uint64_t exact_from = 0;
  ScanPosition at = from;
  const uint32_t slots_end =
      std::min(options.slots_end, from.slot + std::min(kSlotsPerChunk, kSlots - from.slot));
  while (at.slot < slots_end && budget.entries > 0 && !budget.full) {
    const uint64_t entries_before = sink.entries();
    const ExportedPart part = StripeOf(at.slot).ExportSlot(at, budget, sink);
    const bool has_begun = part.next.slot > at.slot || sink.entries() > entries_before;
    if (!has_begun) break;
    // The log only grows: the first is the least, the last the greatest.
    if (!log_position.has_value()) log_position = part.log_position;
    exact_from = part.exact_from;
    at = part.next;
  }
  const std::string header = CopyChunk::Header(from, at, log_position.value_or(0), sink.entries());
  std::copy(header.begin(), header.end(), chunk->begin());
  return {.next = at, .log_position = log_position.value_or(0), .exact_from = exact_from};
}

SlotRun Keyspace::RunOfSlots(uint32_t first, uint32_t slots_end, uint64_t since) const {
  const Stripe::SlotState state = StripeOf(first).StateOfSlot(first, since);
  SlotRun run{first + 1, state.is_unchanged, state.log_position};
  const uint32_t slots_max = run.is_unchanged ? kSlotsPerChunk : kChangedSlotsMax;
  const uint32_t end = std::min(slots_end, first + slots_max);
  for (; run.end < end; ++run.end) {
    const Stripe::SlotState next = StripeOf(run.end).StateOfSlot(run.end, since);
    const bool is_alike =
        run.is_unchanged ? next.is_unchanged : !next.is_unchanged || next.is_empty;
    if (!is_alike) break;
  }
  return run;
}

ExportedPart Keyspace::DigestSlot(ScanPosition from, const ExportOptions& options,
                                  ContentDigest* digest) const {
  if (from.at_end()) return {.next = from};
  // As much as is there, so that little is allocated under the lock, and nothing for empty slots,
  // which most may be.
  const SlotStats slot = StatsOfSlot(from.slot);
  std::string records;
  records.reserve(std::min<uint64_t>(options.bytes_max,
                                     slot.memory_bytes + slot.entries * kMutationHeaderBytes));
  ChunkSink sink(&records);
  const ExportedPart part = ExportSlot(from, options, sink);
  for (std::string_view rest = records; !rest.empty();) {
    const uint64_t bytes = MutationRecordBytesAt(rest.data());
    digest->Add(*ReadMutationRecord(rest.substr(0, bytes)));
    rest.remove_prefix(bytes);
  }
  return part;
}

absl::Status Keyspace::ApplyChunk(const CopyChunk& chunk, TimePoint now) {
  if (log_.get() != nullptr) {
    return absl::FailedPreconditionError(
        "a chunk of a copy is for a keyspace without a log: what it changes has no sequence");
  }
  if (chunk.entries() > 0 && !clock_->Observe(chunk.version_max(), now)) {
    return BadVersion(chunk.version_max());
  }
  absl::Status status;
  uint32_t slot = chunk.first_slot();  // the next to be emptied
  const auto empty_until = [&](uint32_t end) {
    for (; status.ok() && slot < end; ++slot) {
      status = FlushSlotAs(slot, kVersionOfClearing, now).status();
    }
  };
  chunk.Visit([&](const Mutation& entry) {
    empty_until(std::min(entry.slot + 1, chunk.end_slot()));
    if (status.ok()) status = Apply(entry, now).status();
    return status.ok();
  });
  empty_until(chunk.end_slot());
  return status;
}

}  // namespace larder::storage
