#ifndef LARDER_SERVER_REPLICATION_KEYSPACE_LOG_H_
#define LARDER_SERVER_REPLICATION_KEYSPACE_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "storage/keyspace.h"
#include "storage/mutation_log.h"

namespace larder::server {

// The log of the keyspace that a node serves, which there is only as long as somebody may want to
// read it. Not thread-safe; readers go before it is closed.
class KeyspaceLog {
 public:
  struct Options {
    uint64_t bytes = uint64_t{64} << 20;
    uint32_t stripes = 64;       // of the keyspace, or more
    std::function<void()> wake;  // as MutationLogOptions has it
    std::function<void()> room;
  };
  explicit KeyspaceLog(Options options) : options_(std::move(options)) {}
  ~KeyspaceLog() { Close(); }
  KeyspaceLog(const KeyspaceLog&) = delete;
  KeyspaceLog& operator=(const KeyspaceLog&) = delete;

  // Nullptr: there is none.
  storage::MutationLog* get() const { return log_.get(); }
  // Begins one, whose first record will be `first`, for a keyspace that outlives it or its close.
  // Returns from where it is complete. RESOURCE_EXHAUSTED: no memory. REQUIRES: there is none.
  absl::StatusOr<uint64_t> Open(storage::Keyspace* keyspace, uint64_t first);
  void Close();

 private:
  const Options options_;
  storage::Keyspace* keyspace_ = nullptr;
  std::unique_ptr<storage::MutationLog> log_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_KEYSPACE_LOG_H_
