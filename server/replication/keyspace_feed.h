#ifndef LARDER_SERVER_REPLICATION_KEYSPACE_FEED_H_
#define LARDER_SERVER_REPLICATION_KEYSPACE_FEED_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cluster/replication/replication_feed.h"
#include "server/replication/copy_cursor.h"
#include "storage/keyspace.h"
#include "storage/log_reader.h"
#include "storage/mutation_log.h"

namespace larder::server {

// What one link of a ReplicationSource sends: a keyspace and its log, which outlive it. Payloads
// are storage's RecordBatch and CopyChunk. Not thread-safe.
class KeyspaceFeed final : public cluster::ReplicationFeed {
 public:
  KeyspaceFeed(const storage::Keyspace* keyspace, storage::MutationLog* log);

  uint64_t LogOldest() override { return log_->oldest(); }
  uint64_t LogEnd() override { return log_->position(); }
  uint64_t DataBytes() override { return keyspace_->Memory().entries; }
  LogRead ReadLog(const LogRequest& request) override;
  // Of what was copied before, whole slots are kept.
  Chunk ReadChunk(const std::string& cursor, uint64_t bytes_max,
                  const std::optional<Copied>& copied) override;
  void HoldWriters(uint64_t read_to, uint64_t lag_bytes) override;
  void ReleaseWriters() override;
  // Whether nothing is there to be read; then the log's `wake` is called once there is.
  bool Sleep();

 private:
  // Where a chunk begins.
  struct Beginning {
    storage::ScanPosition from;
    bool is_inside_slot = false;  // also where `from`, under this secret, is the slot's first
  };

  // A chunk of what is kept from there on, if that is where something begins that may be. Else sets
  // `slots_end` to where such may come next.
  std::optional<Chunk> Keep(const Beginning& begin, const Copied& copied,
                            uint32_t* slots_end) const;
  // A reader that stands at `from` and holds writers, if they are to be held. False: the log does
  // not reach back to it, and nobody is held.
  bool MoveTo(uint64_t from);
  bool MakeReader(uint64_t from);
  // Has the reader hold writers as wanted. False: it has fallen behind, and they are not.
  bool Hold();

  const storage::Keyspace* const keyspace_;
  storage::MutationLog* const log_;
  const CopyCursor cursors_;
  std::unique_ptr<storage::LogReader> reader_;
  std::optional<uint64_t> lag_bytes_;  // writers are held within
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_KEYSPACE_FEED_H_
