#include "server/replication/keyspace_feed.h"

#include <algorithm>
#include <utility>

#include "storage/batch_reader.h"

namespace larder::server {

using storage::LogReader;

KeyspaceFeed::KeyspaceFeed(const storage::Keyspace* keyspace, storage::MutationLog* log)
    : keyspace_(keyspace), log_(log), cursors_(keyspace->hasher()) {}

bool KeyspaceFeed::MakeReader(uint64_t from) {
  auto reader = LogReader::Create(log_, from, LogReader::Pace::kMayFallBehind);
  if (!reader.ok()) {
    ReleaseWriters();  // the one that there was stands elsewhere
    return false;
  }
  reader_ = *std::move(reader);
  return Hold();
}

bool KeyspaceFeed::Hold() {
  if (!lag_bytes_.has_value() || reader_->HoldWriters(*lag_bytes_)) return true;
  lag_bytes_.reset();
  return false;
}

bool KeyspaceFeed::MoveTo(uint64_t from) {
  return (reader_ != nullptr && reader_->position() == from) || MakeReader(from);
}

cluster::ReplicationFeed::LogRead KeyspaceFeed::ReadLog(const LogRequest& request) {
  if (!MoveTo(request.from)) return {.result = LogResult::kFellBehind};
  storage::BatchOptions options{.bytes_max = request.bytes_max, .until = request.until};
  if (request.copied_to.has_value()) {
    const auto copied = cursors_.Decode(*request.copied_to);
    if (copied.ok()) options.copied = *copied;
  }
  LogRead read;
  switch (storage::ReadBatch(*reader_, options, &read.payload)) {
    case LogReader::Result::kRead:
      read.result = LogResult::kRead;
      break;
    case LogReader::Result::kNothingNew:
      read.result = LogResult::kNothingNew;
      break;
    case LogReader::Result::kFellBehind:
      read.result = LogResult::kFellBehind;
      break;
  }
  read.next = reader_->position();
  read.log_bytes = (read.next - request.from) * storage::kLogLineBytes;
  return read;
}

cluster::ReplicationFeed::Chunk KeyspaceFeed::ReadChunk(const std::string& cursor,
                                                        uint64_t bytes_max,
                                                        const std::optional<Copied>& copied) {
  // What is no cursor has been refused where it came in, or a copy begins again for it.
  const storage::ScanPosition from = cursors_.Decode(cursor).value_or(storage::ScanPosition{});
  Chunk chunk;
  if (from.at_end()) {
    // It was cut behind the last chunk: nothing is left.
    chunk.end = cursor;
    chunk.is_last = true;
    chunk.position = log_->position();
    return chunk;
  }
  // The last slot by itself: its chunk is exact where it says, so that a copy can end there; others
  // are where they say or later, and the log that follows makes that good.
  constexpr uint32_t kLastSlot = storage::kSlots - 1;
  uint32_t slots_end = from.slot < kLastSlot ? kLastSlot : storage::kSlots;
  if (copied.has_value()) {
    const Beginning begin{from, CopyCursor::IsInsideSlot(cursor)};
    if (std::optional<Chunk> kept = Keep(begin, *copied, &slots_end)) return *std::move(kept);
  }
  const storage::ExportedPart part = keyspace_->ExportChunk(
      from, {.bytes_max = bytes_max, .slots_end = slots_end}, &chunk.payload);
  chunk.end = cursors_.Encode(part.next);
  chunk.is_last = part.next.at_end();
  chunk.position = part.log_position;
  chunk.exact_from = from.slot < kLastSlot ? log_->position() : part.log_position;
  return chunk;
}

std::optional<cluster::ReplicationFeed::Chunk> KeyspaceFeed::Keep(const Beginning& begin,
                                                                  const Copied& copied,
                                                                  uint32_t* slots_end) const {
  // The slot where the earlier pass was cut is not there wholly.
  const uint32_t copied_end = cursors_.Decode(copied.cursor).value_or(storage::ScanPosition{}).slot;
  // Nor is one that was begun again: what the replica had of it went with its first chunk.
  const uint32_t first = begin.from.slot + (begin.is_inside_slot ? 1 : 0);
  if (first >= copied_end) return std::nullopt;
  const storage::SlotRun run = keyspace_->RunOfSlots(first, copied_end, copied.sequence);
  if (!run.is_unchanged || begin.is_inside_slot) {
    const uint32_t copy_until = run.is_unchanged ? first : run.end;
    if (copy_until < copied_end) *slots_end = std::min(*slots_end, copy_until);
    return std::nullopt;
  }
  // It is exact where its first slot was looked at: of the others nothing was logged from
  // `copied.sequence` until they were, and what is logged later is sent, since that lies behind the
  // position. So a copy can end there, too.
  Chunk chunk;
  chunk.end = cursors_.Encode({run.end, 0});
  chunk.is_last = run.end == storage::kSlots;
  chunk.position = run.log_position;
  chunk.keep = true;
  chunk.exact_from = run.log_position;
  return chunk;
}

void KeyspaceFeed::HoldWriters(uint64_t read_to, uint64_t lag_bytes) {
  const bool is_as_before = lag_bytes_ == lag_bytes;
  lag_bytes_ = lag_bytes;
  if (reader_ == nullptr || reader_->position() != read_to) {
    static_cast<void>(MakeReader(read_to));  // where nothing can be read, it says so when it reads
  } else if (!is_as_before) {
    static_cast<void>(Hold());
  }
}

void KeyspaceFeed::ReleaseWriters() {
  if (!std::exchange(lag_bytes_, std::nullopt).has_value()) return;
  if (reader_ != nullptr) reader_->LetWritersGo();
}

bool KeyspaceFeed::Sleep() { return reader_ == nullptr || reader_->Sleep(); }

}  // namespace larder::server
