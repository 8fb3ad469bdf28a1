#include "storage/record_batch.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/mutation_record.h"

namespace larder::storage {
namespace {

constexpr std::string_view kZeros("\0\0\0\0\0\0\0\0", 8);

uint64_t NumberAt(std::string_view bytes, size_t at) {
  uint64_t number;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

// What stands first in `bytes`: a record, or a gap of so many lines.
struct Item {
  // Absent: neither, or cut off.
  static std::optional<Item> Read(std::string_view bytes) {
    Item item;
    if (bytes.starts_with(kZeros)) {
      if (bytes.size() < RecordBatch::kGapBytes) return std::nullopt;
      item.bytes = RecordBatch::kGapBytes;
      item.lines = NumberAt(bytes, kZeros.size());
      if (item.lines == 0) return std::nullopt;
      return item;
    }
    const std::optional<uint64_t> length = ReadMutationRecordBytes(bytes);
    if (!length.has_value() || *length > bytes.size()) return std::nullopt;
    item.bytes = *length;
    item.lines = LogLinesOf(*length);
    item.mutation = ReadMutationRecord(bytes.substr(0, *length));
    if (!item.mutation.has_value() || item.mutation->version == 0) return std::nullopt;
    return item;
  }

  size_t bytes = 0;
  uint64_t lines = 0;
  std::optional<Mutation> mutation;  // absent: a gap
};

absl::Status Malformed(uint64_t bytes, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("a batch of records of ", bytes, " bytes ", std::string(what)));
}

}  // namespace

absl::StatusOr<RecordBatch> RecordBatch::Parse(std::string_view bytes, uint64_t bytes_max) {
  const uint64_t size = bytes.size();
  if (size > bytes_max) {
    return Malformed(size, absl::StrCat("is too long; the limit is ", bytes_max));
  }
  if (size < kHeaderBytes) return Malformed(size, "is shorter than its header");
  if (bytes[0] != kFormat || bytes.substr(1, 7) != kZeros.substr(1)) {
    return Malformed(size, absl::StrCat("is not of format ", int{kFormat}));
  }
  RecordBatch batch;
  batch.from_ = NumberAt(bytes, 8);
  batch.to_ = NumberAt(bytes, 16);
  batch.items_ = bytes.substr(kHeaderBytes);
  if (batch.from_ >= batch.to_) return Malformed(size, "ends where it begins, or before");
  if (batch.to_ > kLogSequenceMax) {
    return Malformed(
        size, absl::StrCat("ends at sequence ", batch.to_, "; the greatest is ", kLogSequenceMax));
  }
  if (batch.to_ - batch.from_ > kLogLinesMax) {
    return Malformed(size, absl::StrCat("is of ", batch.to_ - batch.from_,
                                        " lines of a log, which has ", kLogLinesMax, " at most"));
  }
  std::string_view rest = batch.items_;
  for (uint64_t left = batch.to_ - batch.from_; left > 0;) {
    const std::optional<Item> item = Item::Read(rest);
    if (!item.has_value()) {
      return Malformed(size, absl::StrCat("has no whole record at byte ", size - rest.size()));
    }
    if (item->lines > left) {
      return Malformed(size, absl::StrCat("goes on behind its end, sequence ", batch.to_));
    }
    left -= item->lines;
    rest.remove_prefix(item->bytes);
    if (item->mutation.has_value()) {
      ++batch.records_;
      batch.version_max_ = std::max(batch.version_max_, item->mutation->version);
    } else {
      batch.has_gaps_ = true;
    }
  }
  if (!rest.empty()) {
    return Malformed(size, absl::StrCat("has ", rest.size(), " bytes behind its last record"));
  }
  return batch;
}

void RecordBatch::Visit(absl::FunctionRef<bool(const Record&)> visit) const {
  std::string_view rest = items_;
  for (uint64_t at = from_; at < to_;) {
    const Item item = *Item::Read(rest);
    const uint64_t next = at + item.lines;
    if (item.mutation.has_value() && !visit({at, next, *item.mutation})) return;
    at = next;
    rest.remove_prefix(item.bytes);
  }
}

}  // namespace larder::storage
