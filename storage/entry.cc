#include "storage/entry.h"

#include <algorithm>

#include "storage/copy_bytes.h"

namespace larder::storage {
namespace {

constexpr size_t kAddressBytes = sizeof(char*);

// An expiry as it is kept: milliseconds since `epoch`, all bits set for kNever.
struct ExpiryField {
  static ExpiryField Of(size_t bytes) {
    // 2020 to 2054, or from 1970 on.
    const int64_t epoch = bytes == EntryShape::kNearExpiryBytes ? 1'577'836'800'000 : 0;
    return {epoch, (uint64_t{1} << (8 * bytes)) - 1};
  }
  TimePoint Decode(uint64_t field) const {
    return field == never ? kNever : TimePoint(Millis(epoch + static_cast<int64_t>(field)));
  }
  // The nearest that there is.
  uint64_t Encode(TimePoint expires_at) const {
    if (expires_at == kNever) return never;
    const int64_t ms = expires_at.time_since_epoch().count();
    return static_cast<uint64_t>(
        std::clamp<int64_t>(ms, epoch, epoch + static_cast<int64_t>(never) - 1) - epoch);
  }

  int64_t epoch;
  uint64_t never;
};

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

size_t EntryShape::ExpiryBytes(TimePoint expires_at) {
  if (expires_at == kNever) return 0;
  const ExpiryField near = ExpiryField::Of(kNearExpiryBytes);
  return near.Decode(near.Encode(expires_at)) == expires_at ? kNearExpiryBytes : kFarExpiryBytes;
}

size_t EntryShape::HeaderBytes() const {
  return Entry::kWideAt + (is_wide() ? 3 : 0) + expiry_bytes + (has_flags ? 4 : 0) +
         (has_recompute ? 4 : 0);
}

size_t EntryShape::RecordBytes(size_t policy_bytes) const {
  const ValueParts parts = ValueParts::Of(value_bytes);
  return policy_bytes + HeaderBytes() + key_bytes + parts.count() * kAddressBytes +
         parts.tail_bytes;
}

Entry* Entry::Format(char* at, std::string_view key, uint32_t slot, const EntryShape& shape) {
  auto* entry = reinterpret_cast<Entry*>(at);
  const bool wide = shape.is_wide();
  entry->Store(0, static_cast<uint8_t>(
                      (wide ? kWide : 0) | (shape.expiry_bytes > 0 ? kExpires : 0) |
                      (shape.expiry_bytes == EntryShape::kFarExpiryBytes ? kFarExpiry : 0) |
                      (shape.has_flags ? kFlags : 0) | (shape.has_recompute ? kRecompute : 0)));
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
  const size_t bytes = expiry_bytes();
  if (bytes == 0) return kNever;
  // The eight bytes that end with it are all in the header.
  const uint64_t ending = Load<uint64_t>(FlagsAt() - sizeof(uint64_t));
  return ExpiryField::Of(bytes).Decode(ending >> (8 * (sizeof(uint64_t) - bytes)));
}

bool Entry::HasRoomFor(const EntryFields& fields) const {
  return EntryShape::ExpiryBytes(fields.expires_at) <= expiry_bytes() &&
         (fields.flags == 0 || Has(kFlags)) && (fields.recompute_ms == 0 || Has(kRecompute));
}

void Entry::SetFields(const EntryFields& fields) {
  if (const size_t bytes = expiry_bytes(); bytes > 0) {
    const uint64_t field = ExpiryField::Of(bytes).Encode(fields.expires_at);
    Store(ExpiryAt(), static_cast<uint32_t>(field));
    Store(ExpiryAt() + bytes - sizeof(uint16_t),
          static_cast<uint16_t>(field >> (8 * (bytes - sizeof(uint16_t)))));
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
    CopyBytes(to, piece, size);
    to += size;
  });
}

void Entry::WriteValue(size_t offset, std::string_view bytes) {
  size_t at = 0;  // of the piece in the value
  VisitPieces(offset + bytes.size(), [&](char* piece, size_t size) {
    const size_t from = std::max(at, offset);
    if (at + size > from) {
      CopyBytes(piece + (from - at), bytes.data() + (from - offset), at + size - from);
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

}  // namespace larder::storage
