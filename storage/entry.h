#ifndef LARDER_STORAGE_ENTRY_H_
#define LARDER_STORAGE_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "storage/operations.h"
#include "storage/time.h"
#include "storage/unit_pool.h"

namespace larder::storage {

// What an entry carries beside key and value. Kept in its record only where it is not the default.
struct EntryFields {
  TimePoint expires_at = kNever;
  uint32_t flags = 0;
  uint32_t recompute_ms = 0;  // how long the last recomputation under a lease took
};

// Whole pages and blocks of a value lie apart from the record, which keeps the rest.
struct ValueParts {
  static ValueParts Of(size_t value_bytes) {
    return {value_bytes / EntryPools::kBlockBytes,
            value_bytes % EntryPools::kBlockBytes / EntryPools::kPageBytes,
            value_bytes % EntryPools::kPageBytes};
  }
  // The leading parts that a value of this size can take over from one of `old_bytes`, whose first
  // `kept_bytes` it keeps.
  static ValueParts Shared(size_t old_bytes, size_t new_bytes, size_t kept_bytes);
  uint64_t apart_bytes() const {
    return blocks * uint64_t{EntryPools::kBlockBytes} + pages * uint64_t{EntryPools::kPageBytes};
  }
  size_t count() const { return blocks + pages; }

  size_t blocks;
  size_t pages;
  size_t tail_bytes;
};

// What decides how long a record is.
struct EntryShape {
  static EntryShape Of(size_t key_bytes, size_t value_bytes, const EntryFields& fields) {
    return {key_bytes, value_bytes, ExpiryBytes(fields.expires_at), fields.flags != 0,
            fields.recompute_ms != 0};
  }

  // What the field for this expiry takes; one that is not near takes one more.
  static size_t ExpiryBytes(TimePoint expires_at);
  static constexpr size_t kNearExpiryBytes = 5;
  static constexpr size_t kFarExpiryBytes = 6;

  // Header, key, what is kept here of the value. Without what a policy keeps in front of it.
  size_t HeaderBytes() const;
  size_t RecordBytes(size_t policy_bytes) const;
  bool is_wide() const { return key_bytes > 0xff || value_bytes > 0xffff; }

  size_t key_bytes;
  size_t value_bytes;
  size_t expiry_bytes;
  bool has_flags;
  bool has_recompute;
};

// One key with its value, laid over the bytes of a record:
//
//   policy's bytes | state 1 | slot and policy bits 2 | key length 1 | value length 2 | version 8 |
//   [upper bytes of the lengths 3] [expiry 5 or 6] [flags 4] [recompute time 4] | key |
//   [addresses of blocks and pages 8 each] | rest of the value
//
// The address of an Entry is that of its state byte. Private to storage/ and guarded by the
// stripe's lock: entries move and go. Nothing is aligned, so all fields go through memcpy.
class Entry {
 public:
  Entry() = delete;

  // Lays the header and the key over new memory; the value is not initialised, and the addresses of
  // its parts are for the caller to fill in.
  static Entry* Format(char* at, std::string_view key, uint32_t slot, const EntryShape& shape);

  std::string_view key() const { return {data() + header_bytes(), key_bytes()}; }
  size_t key_bytes() const {
    const size_t low = Load<uint8_t>(kKeyLengthAt);
    return Has(kWide) ? low | size_t{Load<uint8_t>(kWideAt)} << 8 : low;
  }
  size_t value_bytes() const {
    const size_t low = Load<uint16_t>(kValueLengthAt);
    return Has(kWide) ? low | size_t{Load<uint16_t>(kWideAt + 1)} << 16 : low;
  }
  EntryShape shape() const {
    return {key_bytes(), value_bytes(), expiry_bytes(), Has(kFlags), Has(kRecompute)};
  }
  size_t RecordBytes(size_t policy_bytes) const { return shape().RecordBytes(policy_bytes); }

  uint32_t slot() const { return Load<uint16_t>(kSlotAt) & (kSlots - 1); }
  uint64_t version() const { return Load<uint64_t>(kVersionAt); }
  void set_version(uint64_t version) { Store(kVersionAt, version); }
  bool stale() const { return Has(kStale); }
  void set_stale(bool stale) { Set(kStale, stale); }
  // A dead record is only waiting for its segment to be reclaimed.
  bool dead() const { return Has(kDead); }
  void set_dead() { Set(kDead, true); }

  // Two bits for the policy.
  uint8_t policy_bits() const { return Load<uint16_t>(kSlotAt) >> kSlotBits; }
  void set_policy_bits(uint8_t bits) {
    Store(kSlotAt, static_cast<uint16_t>(slot() | uint32_t{bits} << kSlotBits));
  }

  TimePoint expires_at() const;
  uint32_t flags() const { return Has(kFlags) ? Load<uint32_t>(FlagsAt()) : 0; }
  uint32_t recompute_ms() const { return Has(kRecompute) ? Load<uint32_t>(RecomputeAt()) : 0; }
  EntryFields fields() const { return {expires_at(), flags(), recompute_ms()}; }
  // REQUIRES: the record has room for each that is not the default.
  void SetFields(const EntryFields& fields);
  bool HasRoomFor(const EntryFields& fields) const;

  bool ExpiredAt(TimePoint now) const { return Has(kExpires) && expires_at() <= now; }
  bool LiveAt(TimePoint now) const { return !stale() && !ExpiredAt(now); }
  EntryInfo info() const { return {version(), expires_at(), flags(), stale()}; }

  // The value as a whole if none of it lies apart.
  bool is_whole() const { return value_bytes() < EntryPools::kPageBytes; }
  std::string_view whole_value() const { return {parts_data(), value_bytes()}; }
  // What of the value is kept in the record: the addresses of its parts, and the rest.
  std::string_view kept_value() const {
    const ValueParts parts = ValueParts::Of(value_bytes());
    return {parts_data(), parts.count() * sizeof(char*) + parts.tail_bytes};
  }
  // Copies the first `bytes` of the value out, or `bytes` into it from `offset` on.
  void CopyValue(size_t bytes, char* to) const;
  void WriteValue(size_t offset, std::string_view bytes);
  // Copies the value into a sink. False: the sink had no room.
  bool DeliverTo(ValueSink& sink) const {
    const size_t bytes = value_bytes();
    char* to = sink.Reserve(info(), bytes);
    if (to == nullptr) return false;
    if (bytes > 0) CopyValue(bytes, to);
    return true;
  }
  // Copies what is in [begin, end) of the other's value.
  void CopyValueFrom(const Entry& other, size_t begin, size_t end);
  // True if the record can hold a value of this size and these fields as it is.
  bool FitsInPlace(size_t value_bytes, const EntryFields& fields) const {
    return value_bytes == this->value_bytes() && HasRoomFor(fields);
  }
  // The address of a part that lies apart: first the blocks, then the pages.
  char* part(size_t index) const;
  void set_part(size_t index, char* address);

 private:
  enum Bit : uint8_t {
    kDead = 1,
    kWide = 2,
    kExpires = 4,
    kFlags = 8,
    kRecompute = 16,
    kStale = 32,
    kFarExpiry = 64  // beside kExpires
  };
  static constexpr size_t kSlotAt = 1;
  static constexpr size_t kKeyLengthAt = 3;
  static constexpr size_t kValueLengthAt = 4;
  static constexpr size_t kVersionAt = 6;
  static constexpr size_t kWideAt = 14;
  static constexpr int kSlotBits = 14;
  friend struct EntryShape;

  char* data() { return reinterpret_cast<char*>(this); }
  const char* data() const { return reinterpret_cast<const char*>(this); }
  template <typename T>
  T Load(size_t at) const {
    T value;
    std::memcpy(&value, data() + at, sizeof(T));
    return value;
  }
  template <typename T>
  void Store(size_t at, T value) {
    std::memcpy(data() + at, &value, sizeof(T));
  }
  bool Has(Bit bit) const { return (Load<uint8_t>(0) & bit) != 0; }
  void Set(Bit bit, bool on) {
    const uint8_t state = Load<uint8_t>(0);
    Store(0, static_cast<uint8_t>(on ? state | bit : state & ~bit));
  }
  size_t ExpiryAt() const { return kWideAt + (Has(kWide) ? 3 : 0); }
  size_t expiry_bytes() const {
    if (!Has(kExpires)) return 0;
    return Has(kFarExpiry) ? EntryShape::kFarExpiryBytes : EntryShape::kNearExpiryBytes;
  }
  size_t FlagsAt() const { return ExpiryAt() + expiry_bytes(); }
  size_t RecomputeAt() const { return FlagsAt() + (Has(kFlags) ? 4 : 0); }
  size_t header_bytes() const { return RecomputeAt() + (Has(kRecompute) ? 4 : 0); }
  const char* parts_data() const { return data() + header_bytes() + key_bytes(); }

  // Calls visit(part, bytes) for the pieces of the first `bytes` of the value, in order.
  template <typename Visit>
  void VisitPieces(size_t bytes, Visit&& visit) const;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_H_
