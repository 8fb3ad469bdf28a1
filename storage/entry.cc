#include "storage/entry.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace larder::storage {
namespace {

constexpr uint64_t kChunkHeaderBytes = 8;  // glibc's, in front of each allocation
constexpr uint64_t kChunkAlignment = 16;
constexpr uint64_t kMappedThreshold = 128 << 10;  // larger allocations may be whole pages
constexpr uint64_t kPageBytes = 4096;
constexpr size_t kShrinkBelow = 128;  // allocations smaller than this are not worth shrinking

Entry* Allocate(size_t key_bytes, size_t value_bytes) {
  void* memory = std::malloc(sizeof(Entry) + key_bytes + value_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return new (memory) Entry();
}

}  // namespace

Entry* Entry::Create(std::string_view key, uint32_t slot, size_t value_bytes) {
  Entry* entry = Allocate(key.size(), value_bytes);
  entry->key_bytes = static_cast<uint16_t>(key.size());
  entry->value_bytes = static_cast<uint32_t>(value_bytes);
  entry->slot = static_cast<uint16_t>(slot);
  std::memcpy(entry->data(), key.data(), key.size());
  return entry;
}

Entry* Entry::CopyResized(const Entry& original, size_t value_bytes) {
  Entry* entry = Allocate(original.key_bytes, value_bytes);
  *entry = original;
  entry->value_bytes = static_cast<uint32_t>(value_bytes);
  const size_t kept = std::min<size_t>(original.value_bytes, value_bytes);
  std::memcpy(entry->data(), original.data(), original.key_bytes + kept);
  return entry;
}

void Entry::Destroy(Entry* entry) {
  entry->~Entry();
  std::free(entry);
}

uint64_t Entry::PredictedBytes(size_t key_bytes, size_t value_bytes) {
  const uint64_t bytes = sizeof(Entry) + key_bytes + value_bytes + kChunkHeaderBytes;
  const uint64_t unit = bytes >= kMappedThreshold ? kPageBytes : kChunkAlignment;
  return (bytes + unit - 1) / unit * unit + kChunkAlignment;
}

uint64_t Entry::AllocatedBytes() const {
  return malloc_usable_size(const_cast<Entry*>(this)) + kChunkHeaderBytes;
}

bool Entry::Fits(size_t new_value_bytes) const {
  const size_t wanted = sizeof(Entry) + key_bytes + new_value_bytes;
  const size_t usable = malloc_usable_size(const_cast<Entry*>(this));
  return wanted <= usable && (wanted >= usable / 2 || usable <= kShrinkBelow);
}

}  // namespace larder::storage
