#ifndef LARDER_STORAGE_LEASE_TABLE_H_
#define LARDER_STORAGE_LEASE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
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

// The outstanding leases of one stripe, at most one a key. Tokens have rising numbers. Not
// thread-safe.
class LeaseTable {
 public:
  // `hasher` must outlive the table.
  explicit LeaseTable(const KeyHasher* hasher) : leases_(0, KeyHash{hasher}) {}

  // The lease of the key that is valid at `now`, or nullptr.
  const Lease* FindValid(std::string_view key, TimePoint now) const;
  // Replaces one that the key has.
  void Grant(std::string_view key, const Lease& lease);
  void Void(std::string_view key) {
    if (!leases_.empty()) [[unlikely]]
      FindAndErase(key);
  }

  // Voids those of a slot at once, however many: all with a lower number. RemoveDue forgets them.
  void VoidSlot(uint32_t slot, uint64_t number);

  // Forgets leases that are void by now, at most `removals_max` of them; returns how many. True in
  // `more`: there may be others.
  size_t RemoveDue(TimePoint now, size_t removals_max, bool* more);

  // Those of slots that were voided count until they are forgotten.
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
  // A slot whose leases with a lower number are void.
  struct VoidedSlot {
    uint64_t number = 0;
    uint64_t walk = 0;  // the walk that forgets them
  };
  using ByDeadline = std::set<std::pair<TimePoint, const std::string*>>;
  using Map = absl::node_hash_map<std::string, Lease, KeyHash, KeyEqual>;

  bool IsVoided(const Lease& lease) const {
    if (voided_.empty()) return false;
    const auto it = voided_.find(lease.slot);
    return it != voided_.end() && lease.token.number < it->second.number;
  }
  void FindAndErase(std::string_view key);
  void Erase(Map::iterator it);
  size_t RemoveVoided(size_t removals_max);

  Map leases_;
  ByDeadline by_deadline_;  // points at the map's keys
  absl::flat_hash_map<uint32_t, VoidedSlot> voided_;
  // A walk over all leases forgets those of voided slots, some at a time. It goes on from here.
  ByDeadline::value_type walked_to_{TimePoint::min(), nullptr};
  uint64_t walk_ = 0;  // the one under way, or the last
  bool is_walking_ = false;
  uint64_t memory_bytes_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LEASE_TABLE_H_
