#ifndef LARDER_STORAGE_ENTRY_H_
#define LARDER_STORAGE_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "storage/operations.h"
#include "storage/time.h"

namespace larder::storage {

// One key with its value, in one allocation: this header, the key, the value.
// Private to storage/ and guarded by the stripe's lock: entries move and go.
struct Entry {
  static constexpr uint32_t kNotIndexed = std::numeric_limits<uint32_t>::max();

  // A new entry with room for a value of `value_bytes`, which is not initialised.
  static Entry* Create(std::string_view key, uint32_t slot, size_t value_bytes);
  // A copy of the entry with another size of value; the common head of the value is kept. The
  // original stays.
  static Entry* CopyResized(const Entry& original, size_t value_bytes);
  static void Destroy(Entry* entry);

  // What Create will take from the allocator, at most, unless the allocator rounds in wide steps.
  static uint64_t PredictedBytes(size_t key_bytes, size_t value_bytes);
  // What this entry takes from the allocator, its bookkeeping included.
  uint64_t AllocatedBytes() const;
  // True if a value of this size fits here without wasting half of the allocation.
  bool Fits(size_t value_bytes) const;

  std::string_view key() const { return {data(), key_bytes}; }
  std::string_view value() const { return {data() + key_bytes, value_bytes}; }
  char* value_data() { return data() + key_bytes; }
  bool ExpiredAt(TimePoint now) const { return expires_at <= now; }
  bool LiveAt(TimePoint now) const { return !stale && !ExpiredAt(now); }
  EntryInfo info() const { return {version, expires_at, flags, stale}; }

  uint64_t version = 0;
  TimePoint expires_at = kNever;
  TimePoint policy_time{};  // last access or insertion, as the policy wants it
  // A list policy's neighbours, or a sampling policy's place in its array.
  Entry* newer = nullptr;
  union {
    Entry* older = nullptr;
    uint32_t sample_index;
  };
  uint32_t value_bytes = 0;
  uint32_t flags = 0;
  uint32_t expiry_index = kNotIndexed;  // place in the stripe's ExpiryIndex
  uint32_t recompute_ms = 0;            // how long the last recomputation under a lease took
  uint16_t key_bytes = 0;
  uint16_t slot = 0;
  uint8_t frequency = 0;  // of a policy that counts
  bool in_policy = false;
  bool stale = false;  // deleted with stale_until

 private:
  char* data() { return reinterpret_cast<char*>(this + 1); }
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ENTRY_H_
