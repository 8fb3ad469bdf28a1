#ifndef LARDER_TESTS_SIMULATION_MODEL_FEED_H_
#define LARDER_TESTS_SIMULATION_MODEL_FEED_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cluster/replication/replication_feed.h"
#include "tests/simulation/model_keyspace.h"

namespace larder::simulation {

// What one link reads of a ModelKeyspace, and whether writers wait for it.
class ModelFeed final : public cluster::ReplicationFeed {
 public:
  explicit ModelFeed(const ModelKeyspace* keyspace) : keyspace_(keyspace) {}

  uint64_t LogOldest() override { return keyspace_->oldest(); }
  uint64_t LogEnd() override { return keyspace_->end(); }
  LogRead ReadLog(const LogRequest& request) override {
    LogRead read = keyspace_->Read(request);
    if (read.result == LogResult::kRead) read_to_ = read.next;
    return read;
  }
  Chunk ReadChunk(const std::string& cursor, uint64_t bytes_max,
                  const std::optional<Copied>& copied) override {
    // As if reading had begun when the chunk before was sent.
    const bool has_begun = earlier_.has_value() && earlier_->end >= read_to_;
    return keyspace_->ReadChunk(cursor, bytes_max, copied,
                                has_begun ? *earlier_ : keyspace_->TakeSnapshot());
  }
  void HoldWriters(uint64_t read_to, uint64_t lag_bytes) override {
    read_to_ = read_to;
    lag_ = lag_bytes;
    earlier_ = keyspace_->TakeSnapshot();
  }
  void ReleaseWriters() override {
    lag_.reset();
    earlier_.reset();
  }
  // Writers wait.
  bool IsHeld() const { return lag_.has_value() && keyspace_->end() > read_to_ + *lag_; }

 private:
  const ModelKeyspace* const keyspace_;
  uint64_t read_to_ = 0;
  std::optional<uint64_t> lag_;
  std::optional<ModelKeyspace::Snapshot> earlier_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_MODEL_FEED_H_
