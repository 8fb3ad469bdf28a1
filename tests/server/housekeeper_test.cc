#include "server/upkeep/housekeeper.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace larder::server {
namespace {

TEST(HousekeeperTest, RemovesExpiredEntriesByItself) {
  storage::HybridClock versions(0);
  const auto keyspace = storage::Keyspace::Create({}, &versions).value();
  ShardClock clock;
  ConnectionTable connections(10);
  const storage::TimePoint now = clock.Now();
  for (uint32_t i = 0; i < 5000; ++i) {
    const std::string key = "key" + std::to_string(i);
    ASSERT_TRUE(keyspace->Set({i, key}, "v", {.expires_at = now + storage::Millis(1)}, now).ok());
  }
  ASSERT_TRUE(keyspace->Set({5000, "stays"}, "v", {}, now).ok());
  const Housekeeper housekeeper(keyspace.get(), &clock, &connections);
  // The test's own time limit ends this if it never happens.
  while (keyspace->Stats().entries != 1) std::this_thread::yield();
  EXPECT_EQ(keyspace->Stats().expirations, 5000u);
}

}  // namespace
}  // namespace larder::server
