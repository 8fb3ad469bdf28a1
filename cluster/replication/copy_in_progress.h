#ifndef LARDER_CLUSTER_REPLICATION_COPY_IN_PROGRESS_H_
#define LARDER_CLUSTER_REPLICATION_COPY_IN_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cluster/replication/growing_history.h"
#include "cluster/replication/messages.h"

namespace larder::cluster {

// A copy that a replica is being given: what came in (and was passed on as work), and what of it is
// confirmed, which is where a cut copy goes on. Not thread-safe.
class CopyInProgress {
 public:
  // `welcome` begins a copy.
  explicit CopyInProgress(const Welcome& welcome);

  // The copy is welcome to go on, onward or again. INVALID_ARGUMENT: it is not this one, or not
  // from where it was cut.
  absl::Status GoOn(const Welcome& welcome);

  // What comes in. INVALID_ARGUMENT: it cannot come here; nothing has changed.
  absl::Status ReceiveEpoch(const EpochBegins& message);
  absl::Status ReceiveBatch(const LogBatch& message);
  absl::Status ReceiveChunk(const CopyChunk& message);
  absl::Status ReceiveEnd(const CopyEnd& message);

  // What is done.
  void ConfirmLog(uint64_t to);
  void ConfirmChunk(const std::string& end, uint64_t bytes);

  // All has come in, though it may not be installed.
  bool has_ended() const { return has_ended_; }
  uint64_t received() const { return received_; }
  // What a Hello asks to go on with.
  CopyProgress Progress() const;
  uint64_t confirmed_position() const { return confirmed_; }
  uint64_t confirmed_bytes() const { return bytes_; }
  // Of the data that the copy is.
  const GrowingHistory& growing() const { return growing_; }

 private:
  uint64_t copy_id_;
  GrowingHistory growing_;   // as far as it is confirmed
  uint64_t received_ = 0;    // where the next batch begins
  std::string cursor_;       // where the next chunk begins
  uint64_t exact_from_ = 0;  // of all chunks
  bool has_ended_ = false;
  uint64_t confirmed_ = 0;
  std::string confirmed_cursor_;
  std::optional<Position> older_position_;
  std::string older_cursor_;
  uint64_t bytes_ = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_COPY_IN_PROGRESS_H_
