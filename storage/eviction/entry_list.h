#ifndef LARDER_STORAGE_EVICTION_ENTRY_LIST_H_
#define LARDER_STORAGE_EVICTION_ENTRY_LIST_H_

#include <cstddef>
#include <cstdint>

#include "storage/entry_log.h"
#include "storage/eviction/policy_bytes.h"
#include "storage/location.h"
#include "storage/time.h"

namespace larder::storage {

// A list of entries from oldest to newest, each with the time when it was put there. The links are
// the last kEntryBytes in front of each entry; they are locations, so entries may move.
class EntryList {
 public:
  static constexpr size_t kEntryBytes = 16;

  explicit EntryList(EntryLog* log) : log_(log) {}

  void AddNewest(EntryRef ref, TimePoint now);
  void Remove(EntryRef ref);
  // REQUIRES: `to` is a copy of `from`, which is in this list.
  void Moved(EntryRef from, EntryRef to);

  bool empty() const { return oldest_ == Location(); }
  EntryRef oldest() const { return Ref(oldest_); }
  EntryRef NewerThan(EntryRef ref) const { return Ref(Newer(ref)); }
  bool IsNewest(EntryRef ref) const { return newest_ == ref.at; }
  static TimePoint TimeOf(EntryRef ref) { return Time::Get(ref.entry); }
  // REQUIRES: not empty.
  TimePoint oldest_time() const { return oldest_time_; }
  // Says that the newest was put there now.
  void Renew(EntryRef newest, TimePoint now);

 private:
  using NewerLink = PolicyNumber<16, 5>;
  using OlderLink = PolicyNumber<11, 5>;
  using Time = PolicyTime<6>;

  static Location Newer(EntryRef ref) { return Location{NewerLink::Get(ref.entry)}; }
  static Location Older(EntryRef ref) { return Location{OlderLink::Get(ref.entry)}; }
  EntryRef Ref(Location at) const { return at == Location() ? EntryRef() : log_->At(at); }
  // Makes the neighbours of `ref`, or the ends, point at these.
  void Relink(EntryRef ref, Location for_newer, Location for_older);

  EntryLog* const log_;
  Location newest_;
  Location oldest_;
  TimePoint oldest_time_;  // what TimeOf(oldest()) would read from cold memory
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EVICTION_ENTRY_LIST_H_
