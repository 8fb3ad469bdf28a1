#include "server/replication/keyspace_log.h"

#include <utility>

namespace larder::server {

absl::StatusOr<uint64_t> KeyspaceLog::Open(storage::Keyspace* keyspace, uint64_t first) {
  auto log = storage::MutationLog::Create({.bytes = options_.bytes,
                                           .stripes = options_.stripes,
                                           .first = first,
                                           .wake = options_.wake,
                                           .room = options_.room});
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  keyspace_ = keyspace;
  return keyspace->AttachLog(log_.get());
}

void KeyspaceLog::Close() {
  if (log_ == nullptr) return;
  std::exchange(keyspace_, nullptr)->DetachLog();
  log_.reset();
}

}  // namespace larder::server
