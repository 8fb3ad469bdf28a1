#include "server/replication/replica_data.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/replication/copy_cursor.h"
#include "storage/copy_chunk.h"
#include "storage/record_batch.h"

namespace larder::server {

using cluster::SinkWork;

ReplicaData::ReplicaData(Parts parts) : parts_(std::move(parts)) {}

absl::Status ReplicaData::Do(const SinkWork& work, storage::TimePoint now, uint64_t* applied_to) {
  uint64_t position = work.from;
  switch (work.kind) {
    case SinkWork::Kind::kApply:
      return ApplyToServed(work, now, applied_to);
    case SinkWork::Kind::kBeginCopy:
      return BeginCopy(work.data_bytes);
    case SinkWork::Kind::kGoOnWithCopy:
      if (copy_ != nullptr) return absl::OkStatus();
      return absl::FailedPreconditionError("there is no copy to go on with");
    case SinkWork::Kind::kApplyToCopy:
      if (const absl::Status status = MakeRoom(work.payload.size()); !status.ok()) return status;
      return Apply(work, copy_.get(), now, &position);
    case SinkWork::Kind::kPutChunk:
      return PutChunk(work, now);
    case SinkWork::Kind::kInstallCopy:
      return InstallCopy(work.to);
    case SinkWork::Kind::kDropCopy:
      copy_.reset();
      return absl::OkStatus();
  }
  return absl::InternalError("no such work");
}

absl::Status ReplicaData::ApplyToServed(const SinkWork& work, storage::TimePoint now,
                                        uint64_t* applied_to) {
  *applied_to = work.from;
  const storage::MutationLog* const log = parts_.log->get();
  if (log == nullptr) return absl::FailedPreconditionError("there is no data to apply to");
  // The log has what the data has, also of records that were applied before and waited.
  *applied_to = std::clamp(log->position(), work.from, work.to);
  const absl::Status status = Apply(work, parts_.served->get(), now, applied_to);
  if (status.ok()) full_.reset();
  if (absl::IsResourceExhausted(status)) NoteFull();
  return status;
}

void ReplicaData::NoteFull() {
  const storage::MemoryUsage memory = parts_.served->Memory();
  const uint64_t limit = parts_.served->memory_limit_bytes();
  // Else it is something else that cannot be had.
  if (memory.total() > limit / 16 * 15) full_ = {limit, memory.entries};
}

absl::Status ReplicaData::Apply(const SinkWork& work, storage::Keyspace* keyspace,
                                storage::TimePoint now, uint64_t* position) {
  if (keyspace == nullptr) return absl::FailedPreconditionError("there is no data to apply to");
  const auto batch = storage::RecordBatch::Parse(work.payload, parts_.payload_bytes_max);
  if (!batch.ok()) return batch.status();
  if (batch->from() != work.from || batch->to() != work.to) {
    return absl::InvalidArgumentError(absl::StrCat("a batch of records is of sequences ",
                                                   batch->from(), " to ", batch->to(), ", and not ",
                                                   work.from, " to ", work.to));
  }
  return keyspace->ApplyBatch(*batch, now, position);
}

absl::Status ReplicaData::BeginCopy(uint64_t data_bytes) {
  storage::KeyspaceOptions options = parts_.keyspace;
  options.memory_bytes = parts_.served->memory_limit_bytes();
  // What is served would make way for nothing. A copy may go beyond the limit by a sixteenth.
  const uint64_t limit = options.memory_bytes;
  uint64_t fits_below = limit + limit / 16 + 1;
  if (full_.has_value() && full_->limit_bytes == limit && parts_.served->get() != nullptr) {
    fits_below = std::min(fits_below, full_->entry_bytes);
  }
  if (data_bytes >= fits_below) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "what the source has takes ", data_bytes, " bytes or more, and --memory=", limit,
        " holds less than ", fits_below, "; what this node has stays as it is"));
  }
  auto copy = storage::Keyspace::Create(options, parts_.versions);
  if (!copy.ok()) return copy.status();
  copy_ = *std::move(copy);
  begun_slots_.clear();
  return absl::OkStatus();
}

absl::Status ReplicaData::MakeRoom(uint64_t more_bytes) {
  if (copy_ == nullptr) return absl::FailedPreconditionError("there is no copy");
  const uint64_t limit = parts_.served->memory_limit_bytes();
  if (copy_->memory_limit_bytes() != limit) {
    if (const absl::Status status = copy_->SetMemoryLimit(limit); !status.ok()) return status;
  }
  if (parts_.served->get() == nullptr) return absl::OkStatus();
  const uint64_t both = parts_.served->Memory().total() + copy_->Memory().total() + more_bytes;
  if (both <= limit) return absl::OkStatus();
  CloseLog();
  parts_.retire(parts_.served->Replace(nullptr));
  return absl::OkStatus();
}

void ReplicaData::CloseLog() {
  parts_.on_log_closes();
  parts_.log->Close();
}

absl::Status ReplicaData::PutChunk(const SinkWork& work, storage::TimePoint now) {
  if (work.begin == work.end) return absl::OkStatus();
  if (work.keep) return CheckKept(work);
  if (const absl::Status status = MakeRoom(work.payload.size()); !status.ok()) return status;
  const auto chunk = storage::CopyChunk::Parse(work.payload, parts_.payload_bytes_max);
  if (!chunk.ok()) return chunk.status();
  if (const absl::Status status = copy_->ApplyChunk(*chunk, now); !status.ok()) return status;
  begun_slots_.erase(begun_slots_.lower_bound(chunk->begin().slot),
                     begun_slots_.lower_bound(chunk->end().slot));
  if (chunk->end().hash > 0) begun_slots_.insert(chunk->end().slot);
  return absl::OkStatus();
}

// Two sources may know of changes from different times on, so that one has begun to copy a slot
// which the other says is as it was.
absl::Status ReplicaData::CheckKept(const SinkWork& work) const {
  if (copy_ == nullptr) return absl::FailedPreconditionError("there is no copy");
  const CopyCursor cursors(copy_->hasher());
  const auto begin = cursors.Decode(work.begin);
  const auto end = cursors.Decode(work.end);
  if (!begin.ok()) return begin.status();
  if (!end.ok()) return end.status();
  if (begin->slot > end->slot || CopyCursor::IsInsideSlot(work.end)) {
    return absl::InvalidArgumentError("what is to be kept of a copy does not end with a slot");
  }
  const auto begun = begun_slots_.lower_bound(begin->slot);
  if (begun == begun_slots_.end() || *begun >= end->slot) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("of slot ", *begun, ", which is to be kept, the copy has only a part"));
}

absl::Status ReplicaData::InstallCopy(uint64_t position) {
  if (const absl::Status status = MakeRoom(0); !status.ok()) return status;
  if (copy_->Memory().total() > copy_->memory_limit_bytes()) {
    return absl::ResourceExhaustedError(absl::StrCat("the copy has ", copy_->Memory().total(),
                                                     " bytes; --memory is ",
                                                     copy_->memory_limit_bytes(), " by now"));
  }
  CloseLog();
  if (const auto from = parts_.log->Open(copy_.get(), position); !from.ok()) return from.status();
  full_.reset();
  if (auto old = parts_.served->Replace(std::move(copy_)); old != nullptr) {
    parts_.retire(std::move(old));
  }
  return absl::OkStatus();
}

}  // namespace larder::server
