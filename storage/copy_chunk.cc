#include "storage/copy_chunk.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/mutation_record.h"

namespace larder::storage {
namespace {

constexpr std::string_view kZeros("\0\0\0\0\0\0\0", 7);

uint64_t NumberAt(std::string_view bytes, size_t at) {
  uint64_t number;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

// The entry that stands first in `bytes`. Absent: none, or cut off.
std::optional<Mutation> EntryAt(std::string_view bytes, uint64_t* length) {
  const std::optional<uint64_t> said = ReadMutationRecordBytes(bytes);
  if (!said.has_value() || *said > bytes.size()) return std::nullopt;
  *length = *said;
  const std::optional<Mutation> entry = ReadMutationRecord(bytes.substr(0, *said));
  if (!entry.has_value() || entry->kind != MutationKind::kSet || entry->version == 0) {
    return std::nullopt;
  }
  return entry;
}

absl::Status Malformed(uint64_t bytes, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("a chunk of a copy of ", bytes, " bytes ", std::string(what)));
}

}  // namespace

std::string CopyChunk::Header(ScanPosition begin, ScanPosition end, uint64_t log_position,
                              uint64_t entries) {
  std::string header(1, kFormat);
  header.append(kZeros);
  for (const uint64_t number :
       {uint64_t{begin.slot}, begin.hash, uint64_t{end.slot}, end.hash, log_position, entries}) {
    header.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  return header;
}

absl::StatusOr<CopyChunk> CopyChunk::Parse(std::string_view bytes, uint64_t bytes_max) {
  const uint64_t size = bytes.size();
  if (size > bytes_max) {
    return Malformed(size, absl::StrCat("is too long; the limit is ", bytes_max));
  }
  if (size < kHeaderBytes) return Malformed(size, "is shorter than its header");
  if (bytes[0] != kFormat || bytes.substr(1, kZeros.size()) != kZeros) {
    return Malformed(size, absl::StrCat("is not of format ", int{kFormat}));
  }
  const uint64_t begin_slot = NumberAt(bytes, 8);
  const uint64_t end_slot = NumberAt(bytes, 24);
  if (begin_slot >= kSlots || end_slot > kSlots) {
    return Malformed(
        size, absl::StrCat("is of slots ", begin_slot, " to ", end_slot, "; there are ", kSlots));
  }
  CopyChunk chunk;
  chunk.begin_ = {static_cast<uint32_t>(begin_slot), NumberAt(bytes, 16)};
  chunk.end_ = {static_cast<uint32_t>(end_slot), NumberAt(bytes, 32)};
  const bool is_in_order =
      begin_slot < end_slot || (begin_slot == end_slot && chunk.begin_.hash < chunk.end_.hash);
  if (!is_in_order || (end_slot == kSlots && chunk.end_.hash > 0)) {
    return Malformed(size, "ends where it begins, or before, or behind the last slot");
  }
  chunk.log_position_ = NumberAt(bytes, 40);
  if (chunk.log_position_ > kLogSequenceMax) {
    return Malformed(size, absl::StrCat("is of sequence ", chunk.log_position_,
                                        "; the greatest is ", kLogSequenceMax));
  }
  chunk.records_ = bytes.substr(kHeaderBytes);
  uint32_t slot = chunk.begin_.slot;
  for (std::string_view rest = chunk.records_; !rest.empty();) {
    uint64_t length = 0;
    const std::optional<Mutation> entry = EntryAt(rest, &length);
    if (!entry.has_value()) {
      return Malformed(size, absl::StrCat("has no whole entry at byte ", size - rest.size()));
    }
    if (entry->slot < slot || entry->slot >= chunk.end_slot()) {
      return Malformed(size, absl::StrCat("has an entry of slot ", entry->slot,
                                          " out of its place at byte ", size - rest.size()));
    }
    slot = entry->slot;
    ++chunk.entries_;
    chunk.version_max_ = std::max(chunk.version_max_, entry->version);
    rest.remove_prefix(length);
  }
  if (const uint64_t entries = NumberAt(bytes, 48); entries != chunk.entries_) {
    return Malformed(size, absl::StrCat("has ", chunk.entries_, " of ", entries, " entries"));
  }
  return chunk;
}

void CopyChunk::Visit(absl::FunctionRef<bool(const Mutation&)> visit) const {
  for (std::string_view rest = records_; !rest.empty();) {
    uint64_t length = 0;
    if (!visit(*EntryAt(rest, &length))) return;
    rest.remove_prefix(length);
  }
}

}  // namespace larder::storage
