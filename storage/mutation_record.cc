#include "storage/mutation_record.h"

#include <bit>
#include <cstddef>
#include <cstring>

#include "storage/operations.h"

namespace larder::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr uint8_t kFormat = 1;
// Of `bits`; the other only within a log.
constexpr uint8_t kStale = 1;
constexpr uint8_t kShared = 128;

// Without gaps: what is copied is all that there is.
struct Header {
  uint8_t format;
  uint8_t kind;
  uint8_t bits;
  uint8_t unused;
  uint32_t value_bytes;
  uint64_t version;
  int64_t expires_at_ms;
  uint32_t flags;
  uint32_t recompute_ms;
  uint16_t slot;
  uint16_t key_bytes;
  uint32_t unused_more;
};
static_assert(sizeof(Header) == kMutationHeaderBytes);

Header HeaderAt(const char* record) {
  Header header;
  std::memcpy(&header, record, sizeof(header));
  return header;
}

}  // namespace

void WriteMutationRecordHeader(const Mutation& mutation, char* to) {
  const Header header = {.format = kFormat,
                         .kind = static_cast<uint8_t>(mutation.kind),
                         .bits = mutation.stale ? kStale : uint8_t{0},
                         .unused = 0,
                         .value_bytes = static_cast<uint32_t>(mutation.value.size()),
                         .version = mutation.version,
                         .expires_at_ms = mutation.expires_at.time_since_epoch().count(),
                         .flags = mutation.flags,
                         .recompute_ms = mutation.recompute_ms,
                         .slot = static_cast<uint16_t>(mutation.slot),
                         .key_bytes = static_cast<uint16_t>(mutation.key.size()),
                         .unused_more = 0};
  std::memcpy(to, &header, sizeof(header));
}

void WriteMutationRecord(const Mutation& mutation, char* to) {
  WriteMutationRecordHeader(mutation, to);
  to += sizeof(Header);
  if (!mutation.key.empty()) std::memcpy(to, mutation.key.data(), mutation.key.size());
  mutation.value.CopyTo(to + mutation.key.size());
}

uint64_t MutationRecordBytesAt(const char* record) {
  const Header header = HeaderAt(record);
  return MutationRecordBytes(header.key_bytes, header.value_bytes);
}

uint32_t MutationSlotAt(const char* record) { return HeaderAt(record).slot; }

size_t MutationKeyBytesAt(const char* record) { return HeaderAt(record).key_bytes; }

void MarkShared(char* record) { record[offsetof(Header, bits)] |= static_cast<char>(kShared); }

void UnmarkShared(char* record) { record[offsetof(Header, bits)] &= static_cast<char>(~kShared); }

bool IsMarkedShared(const char* record) { return (HeaderAt(record).bits & kShared) != 0; }

std::optional<uint64_t> ReadMutationRecordBytes(std::string_view header) {
  if (header.size() < sizeof(Header)) return std::nullopt;
  const Header read = HeaderAt(header.data());
  if (read.format != kFormat || read.key_bytes > kKeyBytesMax ||
      read.value_bytes > kValueBytesMax) {
    return std::nullopt;
  }
  return MutationRecordBytes(read.key_bytes, read.value_bytes);
}

std::optional<Mutation> ReadMutationRecord(std::string_view record) {
  if (record.size() < sizeof(Header)) return std::nullopt;
  const Header header = HeaderAt(record.data());
  const bool is_known = header.format == kFormat &&
                        header.kind <= static_cast<uint8_t>(MutationKind::kFlushSlot) &&
                        (header.bits & ~kStale) == 0 && header.unused == 0 &&
                        header.unused_more == 0 && header.slot < kSlots;
  if (!is_known || record.size() != MutationRecordBytes(header.key_bytes, header.value_bytes)) {
    return std::nullopt;
  }
  record.remove_prefix(sizeof(Header));
  Mutation mutation;
  mutation.kind = static_cast<MutationKind>(header.kind);
  const bool has_key = mutation.kind != MutationKind::kFlushSlot;
  const bool has_value = mutation.kind == MutationKind::kSet;
  if (has_key != (header.key_bytes > 0) || (!has_value && header.value_bytes > 0)) {
    return std::nullopt;
  }
  mutation.slot = header.slot;
  mutation.key = record.substr(0, header.key_bytes);
  mutation.version = header.version;
  mutation.expires_at = TimePoint(Millis(header.expires_at_ms));
  mutation.flags = header.flags;
  mutation.recompute_ms = header.recompute_ms;
  mutation.stale = (header.bits & kStale) != 0;
  mutation.value = ValueView(record.substr(header.key_bytes));
  return mutation;
}

}  // namespace larder::storage
