#ifndef LARDER_TESTS_STORAGE_KEYSPACE_MODEL_H_
#define LARDER_TESTS_STORAGE_KEYSPACE_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/keyspace.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {

struct ModelEntry {
  std::string value;
  uint64_t version = 0;
  TimePoint expires_at = kNever;
  uint32_t flags = 0;
  bool stale = false;
};

struct ModelLease {
  LeaseToken token;
  TimePoint deadline;
};

// What a cache of unlimited memory would hold, but for what the log says was evicted.
class KeyspaceModel {
 public:
  explicit KeyspaceModel(const VectorLog* log) : log_(*log) {}

  ModelEntry* Visible(const std::string& key, TimePoint now) {
    const auto it = entries.find(key);
    return it == entries.end() || it->second.expires_at <= now ? nullptr : &it->second;
  }
  ModelEntry* Live(const std::string& key, TimePoint now) {
    ModelEntry* entry = Visible(key, now);
    return entry == nullptr || entry->stale ? nullptr : entry;
  }
  ModelLease* ValidLease(const std::string& key, TimePoint now) {
    const auto it = leases.find(key);
    return it == leases.end() || it->second.deadline <= now ? nullptr : &it->second;
  }

  // Forgets what was evicted by all that has happened so far.
  void FollowEvictions() {
    while (followed_ < log_.records().size()) FollowRecord();
  }

  // A command on the key has ended. It may have had to make room, and the key may have been the
  // next to go, as the oldest one is under fifo: then the command found it gone. `was_there`: the
  // answer shows that it was not so, and what was evicted went later.
  void FollowOwnEviction(const std::string& key, TimePoint now, bool was_there) {
    const std::vector<LoggedMutation>& records = log_.records();
    size_t first = followed_;
    while (first < records.size() && records[first].key != key) ++first;
    if (was_there || first == records.size()) return;
    if (records[first].mutation.kind != MutationKind::kEvict) return;
    if (Visible(key, now) != nullptr) ++evicted_by_own_commands;
    while (followed_ <= first) FollowRecord();
  }

  std::map<std::string, ModelEntry> entries;
  std::map<std::string, ModelLease> leases;
  // How often a key went to make room for a command on that key.
  uint64_t evicted_by_own_commands = 0;

 private:
  void FollowRecord() {
    const LoggedMutation& record = log_.records()[followed_++];
    if (record.mutation.kind != MutationKind::kEvict) return;
    entries.erase(record.key);
    leases.erase(record.key);
  }

  const VectorLog& log_;
  size_t followed_ = 0;  // records
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_KEYSPACE_MODEL_H_
