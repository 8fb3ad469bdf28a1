#ifndef LARDER_STORAGE_EVICTION_SLRU_POLICY_H_
#define LARDER_STORAGE_EVICTION_SLRU_POLICY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "storage/eviction/entry_list.h"
#include "storage/eviction_policy.h"

namespace larder::storage {

// memcached's segmented LRU: a new entry is hot; one that falls out of the hot list becomes warm if
// it is active, cold otherwise; out of the warm list, warm again if it is active, cold otherwise;
// the last of the cold ones goes. An entry is active after its second use; a cold one that becomes
// active is warm at once. Hot ones may be a fifth of the entries, warm ones two fifths.
// Source: memcached 1.6, doc/new_lru.txt; its shares are of bytes, ours of entries.
class SlruPolicy : public EvictionPolicy {
 public:
  static constexpr size_t kEntryBytes = EntryList::kEntryBytes + 4;

  explicit SlruPolicy(EvictionHost* host);

  void Inserted(EntryRef ref, TimePoint now) override;
  void Accessed(EntryRef ref, TimePoint now) override;
  void Removed(EntryRef ref) override;
  void Moved(EntryRef from, EntryRef to) override;
  EntryRef Victim(TimePoint now) override;
  int64_t VictimRank() const override;

 private:
  enum List : size_t { kHot, kWarm, kCold };
  using ListNumber = PolicyNumber<kEntryBytes, 1>;
  // The policy bits of an entry.
  static constexpr uint8_t kUnused = 0;
  static constexpr uint8_t kUsed = 1;
  static constexpr uint8_t kActive = 2;

  static List ListOf(EntryRef ref) { return static_cast<List>(ListNumber::Get(ref.entry)); }
  void Add(EntryRef ref, List list, TimePoint now);
  void Remove(EntryRef ref);
  void Demote(List list, TimePoint now);
  void Balance(TimePoint now);

  std::array<EntryList, 3> lists_;
  std::array<uint64_t, 3> counts_{};
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_SLRU_POLICY_H_
