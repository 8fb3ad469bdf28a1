#ifndef LARDER_SERVER_REPLICATION_EMPTY_FEED_H_
#define LARDER_SERVER_REPLICATION_EMPTY_FEED_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cluster/replication/replication_feed.h"

namespace larder::server {

// Of a link that nothing is read for.
class EmptyFeed final : public cluster::ReplicationFeed {
 public:
  uint64_t LogOldest() override { return 0; }
  uint64_t LogEnd() override { return 0; }
  LogRead ReadLog(const LogRequest&) override { return {}; }
  Chunk ReadChunk(const std::string&, uint64_t, const std::optional<Copied>&) override {
    return {};
  }
  void HoldWriters(uint64_t, uint64_t) override {}
  void ReleaseWriters() override {}
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_EMPTY_FEED_H_
