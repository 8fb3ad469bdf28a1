#include "server/replication/keyspace_feed.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/keyspace.h"
#include "storage/mutation_log.h"

namespace larder::server {
namespace {

using LogResult = cluster::ReplicationFeed::LogResult;

class KeyspaceFeedTest : public testing::Test {
 protected:
  static constexpr uint64_t kLogBytes = 4 << 20;

  KeyspaceFeedTest() { keyspace_->AttachLog(log_.get()); }
  ~KeyspaceFeedTest() override { keyspace_->DetachLog(); }

  absl::Status Set() {
    const std::string value(1000, 'v');
    return keyspace_->Set({1, "key"}, value, {}, storage::TimePoint()).status();
  }
  // Writes so much, or until there is no room. How many bytes of the log that took.
  uint64_t Write(uint64_t bytes) {
    const uint64_t before = log_->position();
    const auto written = [&] {
      return (log_->position() - before) * storage::MutationLog::kLineBytes;
    };
    while (written() < bytes) {
      if (const absl::Status status = Set(); !status.ok()) {
        EXPECT_TRUE(absl::IsUnavailable(status)) << status;
        break;
      }
    }
    return written();
  }

  storage::HybridClock clock_{1};
  std::unique_ptr<storage::Keyspace> keyspace_ = storage::Keyspace::Create({}, &clock_).value();
  std::unique_ptr<storage::MutationLog> log_ =
      storage::MutationLog::Create({.bytes = kLogBytes}).value();
};

TEST_F(KeyspaceFeedTest, WhatDidNotHoldWritersIsAskedForAgain) {
  KeyspaceFeed feed(keyspace_.get(), log_.get());
  EXPECT_EQ(feed.ReadLog({.from = 1, .until = 1000, .bytes_max = 1000}).result,
            LogResult::kNothingNew);
  EXPECT_GT(Write(kLogBytes / 4 * 3), 0u);
  // Others have been given so much room that what comes next may be written over.
  ASSERT_TRUE(log_->TryReserve(log_->RoomMax()));
  ASSERT_TRUE(log_->TryReserve(log_->RoomMax()));
  feed.HoldWriters(1, kLogBytes);
  EXPECT_GE(Write(10000), 10000u) << "nobody is held";
  // They have not used it.
  log_->Release(log_->RoomMax());
  log_->Release(log_->RoomMax());
  feed.HoldWriters(1, kLogBytes);
  EXPECT_LT(Write(2 * kLogBytes), kLogBytes) << "now writers are held";
  EXPECT_EQ(feed.ReadLog({.from = 1, .until = UINT64_MAX, .bytes_max = 1000}).result,
            LogResult::kRead);
  feed.ReleaseWriters();
  EXPECT_GE(Write(2 * kLogBytes), 2 * kLogBytes);
}

TEST_F(KeyspaceFeedTest, AReaderThatIsWantedElsewhereHoldsNobodyWhereItStood) {
  KeyspaceFeed feed(keyspace_.get(), log_.get());
  Write(2 * kLogBytes);
  const uint64_t here = log_->position();
  feed.HoldWriters(here, kLogBytes);
  EXPECT_LE(Write(2 * kLogBytes), kLogBytes);
  feed.HoldWriters(1, kLogBytes);  // where the log does not reach back to any more
  EXPECT_GE(Write(2 * kLogBytes), 2 * kLogBytes);
  feed.HoldWriters(log_->position(), kLogBytes);
  EXPECT_LE(Write(2 * kLogBytes), kLogBytes);
}

}  // namespace
}  // namespace larder::server
