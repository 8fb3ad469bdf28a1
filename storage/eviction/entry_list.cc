#include "storage/eviction/entry_list.h"

namespace larder::storage {

void EntryList::AddNewest(EntryRef ref, TimePoint now) {
  Time::Set(ref.entry, now);
  NewerLink::Set(ref.entry, 0);
  OlderLink::Set(ref.entry, newest_.value);
  if (newest_ == Location()) {
    oldest_ = ref.at;
    oldest_time_ = now;
  } else {
    NewerLink::Set(Ref(newest_).entry, ref.at.value);
  }
  newest_ = ref.at;
}

void EntryList::Remove(EntryRef ref) { Relink(ref, Older(ref), Newer(ref)); }

void EntryList::Moved(EntryRef /*from*/, EntryRef to) { Relink(to, to.at, to.at); }

void EntryList::Relink(EntryRef ref, Location for_newer, Location for_older) {
  const EntryRef newer = Ref(Newer(ref));
  const EntryRef older = Ref(Older(ref));
  if (newer) {
    OlderLink::Set(newer.entry, for_newer.value);
  } else {
    newest_ = for_newer;
  }
  if (older) {
    NewerLink::Set(older.entry, for_older.value);
  } else {
    oldest_ = for_older;
    if (newer || for_older == ref.at) oldest_time_ = TimeOf(Ref(for_older));
  }
}

void EntryList::Renew(EntryRef newest, TimePoint now) {
  Time::Set(newest.entry, now);
  if (oldest_ == newest.at) oldest_time_ = now;
}

}  // namespace larder::storage
