#include "storage/entry.h"

#include <algorithm>

namespace larder::storage {
namespace {

constexpr size_t kAddressBytes = sizeof(char*);
constexpr uint64_t kNeverField = (uint64_t{1} << 48) - 1;

}  // namespace

ValueParts ValueParts::Shared(size_t old_bytes, size_t new_bytes, size_t kept_bytes) {
  const ValueParts before = Of(old_bytes);
  const ValueParts after = Of(new_bytes);
  ValueParts shared{};
  shared.blocks = std::min({before.blocks, after.blocks, kept_bytes / EntryPools::kBlockBytes});
  if (before.blocks == after.blocks && shared.blocks == after.blocks) {
    const size_t rest = kept_bytes - shared.blocks * EntryPools::kBlockBytes;
    shared.pages = std::min({before.pages, after.pages, rest / EntryPools::kPageBytes});
  }
  return shared;
}

size_t EntryShape::HeaderBytes() const {
  return Entry::kWideAt + (is_wide() ? 3 : 0) + (expires ? 6 : 0) + (has_flags ? 4 : 0) +
         (has_recompute ? 4 : 0);
}

size_t EntryShape::RecordBytes(size_t policy_bytes) const {
  const ValueParts parts = ValueParts::Of(value_bytes);
  const size_t bytes =
      policy_bytes + HeaderBytes() + key_bytes + parts.count() * kAddressBytes + parts.tail_bytes;
  return (bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

Entry* Entry::Format(char* at, std::string_view key, uint32_t slot, const EntryShape& shape) {
  auto* entry = reinterpret_cast<Entry*>(at);
  const bool wide = shape.is_wide();
  entry->Store(0, static_cast<uint8_t>((wide ? kWide : 0) | (shape.expires ? kExpires : 0) |
                                       (shape.has_flags ? kFlags : 0) |
                                       (shape.has_recompute ? kRecompute : 0)));
  entry->Store(kSlotAt, static_cast<uint16_t>(slot));
  entry->Store(kKeyLengthAt, static_cast<uint8_t>(shape.key_bytes));
  entry->Store(kValueLengthAt, static_cast<uint16_t>(shape.value_bytes));
  if (wide) {
    entry->Store(kWideAt, static_cast<uint8_t>(shape.key_bytes >> 8));
    entry->Store(kWideAt + 1, static_cast<uint16_t>(shape.value_bytes >> 16));
  }
  entry->SetFields({});
  std::memcpy(at + entry->header_bytes(), key.data(), key.size());
  return entry;
}

TimePoint Entry::expires_at() const {
  if (!Has(kExpires)) return kNever;
  uint64_t field = 0;
  std::memcpy(&field, data() + ExpiryAt(), 6);
  return field == kNeverField ? kNever : TimePoint(Millis(static_cast<int64_t>(field)));
}

bool Entry::HasRoomFor(const EntryFields& fields) const {
  return (fields.expires_at == kNever || Has(kExpires)) && (fields.flags == 0 || Has(kFlags)) &&
         (fields.recompute_ms == 0 || Has(kRecompute));
}

void Entry::SetFields(const EntryFields& fields) {
  if (Has(kExpires)) {
    const int64_t ms = fields.expires_at.time_since_epoch().count();
    const uint64_t field = fields.expires_at == kNever
                               ? kNeverField
                               : static_cast<uint64_t>(std::clamp<int64_t>(
                                     ms, 0, static_cast<int64_t>(kNeverField) - 1));
    std::memcpy(data() + ExpiryAt(), &field, 6);
  }
  if (Has(kFlags)) Store(FlagsAt(), fields.flags);
  if (Has(kRecompute)) Store(RecomputeAt(), fields.recompute_ms);
}

char* Entry::part(size_t index) const {
  char* address;
  std::memcpy(&address, parts_data() + index * kAddressBytes, kAddressBytes);
  return address;
}

void Entry::set_part(size_t index, char* address) {
  std::memcpy(const_cast<char*>(parts_data()) + index * kAddressBytes, &address, kAddressBytes);
}

template <typename Visit>
void Entry::VisitPieces(size_t bytes, Visit&& visit) const {
  const ValueParts parts = ValueParts::Of(value_bytes());
  for (size_t i = 0; i < parts.count() && bytes > 0; ++i) {
    const size_t size = i < parts.blocks ? EntryPools::kBlockBytes : EntryPools::kPageBytes;
    const size_t here = std::min(size, bytes);
    visit(part(i), here);
    bytes -= here;
  }
  if (bytes > 0) {
    visit(const_cast<char*>(parts_data()) + parts.count() * kAddressBytes, bytes);
  }
}

void Entry::CopyValue(size_t bytes, char* to) const {
  VisitPieces(bytes, [&](const char* piece, size_t size) {
    std::memcpy(to, piece, size);
    to += size;
  });
}

void Entry::WriteValue(size_t offset, std::string_view bytes) {
  size_t at = 0;  // of the piece in the value
  VisitPieces(offset + bytes.size(), [&](char* piece, size_t size) {
    const size_t from = std::max(at, offset);
    if (at + size > from) {
      std::memcpy(piece + (from - at), bytes.data() + (from - offset), at + size - from);
    }
    at += size;
  });
}

void Entry::CopyValueFrom(const Entry& other, size_t begin, size_t end) {
  size_t at = 0;  // of the piece in the value
  other.VisitPieces(end, [&](const char* piece, size_t size) {
    const size_t skipped = std::min(size, begin - std::min(begin, at));
    if (skipped < size) WriteValue(at + skipped, {piece + skipped, size - skipped});
    at += size;
  });
}

bool Entry::FitsInPlace(size_t value_bytes, const EntryFields& fields) const {
  const EntryShape now = shape();
  EntryShape then = now;
  then.value_bytes = value_bytes;
  const ValueParts parts_now = ValueParts::Of(now.value_bytes);
  const ValueParts parts_then = ValueParts::Of(value_bytes);
  return HasRoomFor(fields) && then.is_wide() == now.is_wide() &&
         parts_now.blocks == parts_then.blocks && parts_now.pages == parts_then.pages &&
         then.RecordBytes(0) == now.RecordBytes(0);
}

void Entry::SetValueBytes(size_t value_bytes) {
  Store(kValueLengthAt, static_cast<uint16_t>(value_bytes));
  if (Has(kWide)) Store(kWideAt + 1, static_cast<uint16_t>(value_bytes >> 16));
}

}  // namespace larder::storage
