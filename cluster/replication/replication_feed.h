#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_FEED_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_FEED_H_

#include <cstdint>
#include <optional>
#include <string>

namespace larder::cluster {

// What a source sends, as one of its links reads it: a log, and the content of a keyspace in an
// order of the feed's own, told by cursors. The empty cursor is the beginning. Not thread-safe.
class ReplicationFeed {
 public:
  struct LogRequest {
    uint64_t from = 0;       // where the last read ended, or any place that LogOldest allows
    uint64_t until = 0;      // no record from here on is read; it is where a record begins
    uint64_t bytes_max = 0;  // reads on until it has that many, one record at least
    // Records of what lies at this cursor or behind it may be left out; absent: of nothing.
    std::optional<std::string> copied_to;
  };
  enum class LogResult : uint8_t {
    kRead,        // `next` is behind `from`; the payload may be empty, if all was left out
    kNothingNew,  // nothing is there yet
    kFellBehind,  // what lies at `from` was written over
  };
  struct LogRead {
    LogResult result = LogResult::kNothingNew;
    uint64_t next = 0;
    std::string payload;
    uint64_t log_bytes = 0;  // of what was read, also of records that were left out
  };
  // What an earlier pass has copied: what lies before `cursor`, exact at `sequence`.
  struct Copied {
    uint64_t sequence = 0;
    std::string cursor;
  };
  struct Chunk {
    std::string end;  // all before it is in this chunk or an earlier one
    bool is_last = false;
    // A place in the log: the chunk has all that was logged before.
    uint64_t position = 0;
    bool keep = false;  // nothing in it has changed since `copied`, which it lies in wholly
    std::string payload;
    // Nothing in it was logged behind here, so that the log up to here makes all of it good. Below
    // `position`: nor behind that.
    uint64_t exact_from = 0;
  };

  virtual ~ReplicationFeed() = default;

  // From here on the log can be read.
  virtual uint64_t LogOldest() = 0;
  // Where the next record comes: all that was ever answered for lies before.
  virtual uint64_t LogEnd() = 0;
  // Of memory that all there is takes, at least; 0: not known.
  virtual uint64_t DataBytes() { return 0; }
  virtual LogRead ReadLog(const LogRequest& request) = 0;
  // Reads on until it has about `bytes_max`. `end` is always behind `cursor`, unless the chunk is
  // the last.
  virtual Chunk ReadChunk(const std::string& cursor, uint64_t bytes_max,
                          const std::optional<Copied>& copied) = 0;
  // Writers wait while the log's end is further than this from `read_to`, where the next read
  // begins, or from where reading has come since.
  virtual void HoldWriters(uint64_t read_to, uint64_t lag_bytes) = 0;
  virtual void ReleaseWriters() = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_FEED_H_
