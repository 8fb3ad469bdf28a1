#ifndef LARDER_SERVER_HANDLERS_SERVED_KEYSPACE_H_
#define LARDER_SERVER_HANDLERS_SERVED_KEYSPACE_H_

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "storage/keyspace.h"
#include "storage/mutex.h"

namespace larder::server {

// The keyspace of a node, in whose place another may be put while requests run: a copy of another
// node's becomes visible as a whole. Thread-safe. Reading it takes no lock and writes nothing, so
// who replaces it must know when nobody uses the old one any more: nobody keeps a pointer beyond
// the request or chore that has read it.
class ServedKeyspace {
 public:
  explicit ServedKeyspace(std::unique_ptr<storage::Keyspace> keyspace);

  // Nullptr: none is served.
  storage::Keyspace* get() const { return keyspace_.load(std::memory_order_acquire); }

  // Puts another one, or none, in its place, and returns the one that was served. It is to be
  // destroyed when what has been running meanwhile has ended. The next one gets the memory limit.
  // REQUIRES: it has the same hash secret, and may have that limit.
  std::unique_ptr<storage::Keyspace> Replace(std::unique_ptr<storage::Keyspace> next);

  // What was counted since the node began, in those that were replaced, too; entries are those of
  // the one that is served.
  storage::KeyspaceStats Stats() const;
  storage::MemoryUsage Memory() const;
  uint64_t memory_limit_bytes() const;
  // Also of one that is put in its place later. INVALID_ARGUMENT: as Keyspace::SetMemoryLimit.
  absl::Status SetMemoryLimit(uint64_t bytes);

 private:
  std::atomic<storage::Keyspace*> keyspace_;
  mutable storage::Mutex mutex_;  // held while it is replaced, or read by who may wait
  std::unique_ptr<storage::Keyspace> owned_ ABSL_GUARDED_BY(mutex_);
  storage::KeyspaceStats before_ ABSL_GUARDED_BY(mutex_);  // of those that were replaced
  uint64_t memory_limit_bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_SERVED_KEYSPACE_H_
