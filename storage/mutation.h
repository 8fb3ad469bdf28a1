#ifndef LARDER_STORAGE_MUTATION_H_
#define LARDER_STORAGE_MUTATION_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/time.h"

namespace larder::storage {

class Entry;

// A value, borrowed: bytes of the caller's, or those of an entry, which may lie in pieces.
class ValueView {
 public:
  ValueView() = default;
  explicit ValueView(std::string_view whole) : whole_(whole) {}
  // Holds while the stripe of the entry is locked.
  explicit ValueView(const Entry* entry) : entry_(entry) {}

  size_t size() const;
  void CopyTo(char* to) const;
  // nullptr: it was made of bytes of the caller's.
  const Entry* entry() const { return entry_; }
  // REQUIRES: it was made of bytes of the caller's.
  std::string_view whole() const {
    assert(entry_ == nullptr);
    return whole_;
  }

 private:
  std::string_view whole_;
  const Entry* entry_ = nullptr;
};

enum class MutationKind : uint8_t {
  kSet,        // the key has this entry, whatever it had before
  kSetFields,  // the entry of the key keeps its value and has these fields: touched, or stale
  kDelete,
  kEvict,
  kExpire,
  kFlushSlot,  // the slot has no entries; there is no key
};

// A change of the keyspace with all that another copy of it needs. Views are borrowed for the call.
struct Mutation {
  MutationKind kind = MutationKind::kSet;
  uint32_t slot = 0;
  std::string_view key;
  uint64_t version = 0;  // kEvict and kExpire: that of the entry which went

  // What kSet and kSetFields give the entry.
  TimePoint expires_at = kNever;
  uint32_t flags = 0;
  uint32_t recompute_ms = 0;
  bool stale = false;

  ValueView value;  // of kSet
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MUTATION_H_
