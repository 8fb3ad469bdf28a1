#ifndef LARDER_STORAGE_LEASE_TABLE_H_
#define LARDER_STORAGE_LEASE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/node_hash_map.h"
#include "storage/key_hasher.h"
#include "storage/operations.h"
#include "storage/time.h"

namespace larder::storage {

// An outstanding permission to recompute a key.
struct Lease {
  LeaseToken token;
  TimePoint granted_at;
  TimePoint deadline;  // the token is void from then on
  uint32_t slot = 0;
};

// The outstanding leases of one stripe, at most one a key. Not thread-safe.
class LeaseTable {
 public:
  // `hasher` must outlive the table.
  explicit LeaseTable(const KeyHasher* hasher) : leases_(0, KeyHash{hasher}) {}

  // The lease of the key that is valid at `now`, or nullptr.
  const Lease* FindValid(std::string_view key, TimePoint now) const;
  // Replaces one that the key has.
  void Grant(std::string_view key, const Lease& lease);
  void Void(std::string_view key);

  // Forgets leases whose deadline has passed, at most `removals_max`; returns how many.
  size_t RemoveDue(TimePoint now, size_t removals_max);
  void RemoveSlot(uint32_t slot);
  void Clear();

  size_t size() const { return leases_.size(); }
  uint64_t memory_bytes() const { return memory_bytes_; }
  // What Grant takes for a key of this size, about: map node, order node, key.
  static uint64_t BytesOf(size_t key_bytes) { return 208 + key_bytes; }

 private:
  struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return hasher->Hash(key); }
    const KeyHasher* hasher;
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  using Map = absl::node_hash_map<std::string, Lease, KeyHash, KeyEqual>;

  void Erase(Map::iterator it);

  Map leases_;
  std::set<std::pair<TimePoint, const std::string*>> by_deadline_;  // points at the map's keys
  uint64_t memory_bytes_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LEASE_TABLE_H_
