#include "server/config/file_limit.h"

#include <gmock/gmock.h>

#include <limits>

namespace larder::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;

ServerConfig ConfigWith(uint32_t connections, uint32_t metrics_connections) {
  ServerConfig config;
  config.max_connections = connections;
  config.metrics_limits.connections_max = metrics_connections;
  config.io_threads = 2;
  return config;
}

TEST(FileLimitTest, ConnectionsAreThoseOfTheFlagWhereThereAreFilesEnough) {
  const ServerConfig config = ConfigWith(10240, 64);
  EXPECT_EQ(ConnectionsWithin(config, 20000).value_or(0), 10240u);
  EXPECT_EQ(ConnectionsWithin(config, std::numeric_limits<uint64_t>::max()).value_or(0), 10240u);
}

TEST(FileLimitTest, ConnectionsLeaveThoseOfTheMetricsPortTheirFiles) {
  const uint32_t with_64 = ConnectionsWithin(ConfigWith(10240, 64), 1024).value_or(0);
  EXPECT_GT(with_64, 700u);
  EXPECT_LT(with_64, 1024u - 64);
  EXPECT_EQ(ConnectionsWithin(ConfigWith(10240, 264), 1024).value_or(0), with_64 - 200);
  EXPECT_EQ(ConnectionsWithin(ConfigWith(with_64 - 1, 64), 1024).value_or(0), with_64 - 1);
  ServerConfig without = ConfigWith(10240, 64);
  without.has_metrics = false;
  EXPECT_GT(ConnectionsWithin(without, 1024).value_or(0), with_64 + 64);
  ServerConfig more_threads = ConfigWith(10240, 64);
  more_threads.io_threads = 12;
  EXPECT_LT(ConnectionsWithin(more_threads, 1024).value_or(0), with_64);
}

TEST(FileLimitTest, TooFewFilesForOneConnectionAreAnError) {
  const ServerConfig config = ConfigWith(10240, 64);
  const uint64_t least = 1024 - ConnectionsWithin(config, 1024).value_or(0);
  EXPECT_EQ(ConnectionsWithin(config, least + 1).value_or(0), 1u);
  const absl::Status status = ConnectionsWithin(config, least).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("RLIMIT_NOFILE"), HasSubstr("--metrics_max_connections")));
}

}  // namespace
}  // namespace larder::server
