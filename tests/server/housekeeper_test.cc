#include "server/upkeep/housekeeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/handlers/maintenance_handler.h"
#include "server/handlers/retry_hint.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

TEST(HousekeeperTest, RemovesExpiredEntriesByItself) {
  storage::HybridClock versions(0);
  ServedKeyspace served(storage::Keyspace::Create({}, &versions).value());
  storage::Keyspace* const keyspace = served.get();
  ShardClock clock;
  ConnectionTable connections(10);
  const storage::TimePoint now = clock.Now();
  for (uint32_t i = 0; i < 5000; ++i) {
    const std::string key = "key" + std::to_string(i);
    ASSERT_TRUE(keyspace->Set({i, key}, "v", {.expires_at = now + storage::Millis(1)}, now).ok());
  }
  ASSERT_TRUE(keyspace->Set({5000, "stays"}, "v", {}, now).ok());
  const Housekeeper housekeeper(&served, &clock, &connections);
  // The test's own time limit ends this if it never happens.
  while (keyspace->Stats().entries != 1) std::this_thread::yield();
  EXPECT_EQ(keyspace->Stats().expirations, 5000u);
}

class BackgroundTest : public testing::Test {
 protected:
  storage::HybridClock versions_{0};
  ServedKeyspace keyspace_{storage::Keyspace::Create({}, &versions_).value()};
  ShardClock clock_;
  ConnectionTable connections_{10};
  std::unique_ptr<Housekeeper> housekeeper_ =
      std::make_unique<Housekeeper>(&keyspace_, &clock_, &connections_);
};

TEST_F(BackgroundTest, WorkIsDoneInOrderOnAThreadOfItsOwn) {
  constexpr int kWorks = 100;
  std::vector<int> done;
  std::thread::id thread;
  std::promise<void> end;
  for (int i = 0; i < kWorks; ++i) {
    housekeeper_->Post([&, i](const absl::Status& status) {
      EXPECT_TRUE(status.ok());
      thread = std::this_thread::get_id();
      done.push_back(i);
      if (i == kWorks - 1) end.set_value();
    });
  }
  end.get_future().wait();
  EXPECT_NE(thread, std::this_thread::get_id());
  ASSERT_EQ(done.size(), static_cast<size_t>(kWorks));
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST_F(BackgroundTest, WhatIsMoreThanMayWaitIsRefusedAtOnce) {
  std::promise<void> begun;
  std::promise<void> go;
  housekeeper_->Post([&](const absl::Status&) {
    begun.set_value();
    go.get_future().wait();
  });
  begun.get_future().wait();
  std::atomic<size_t> done{0};
  for (size_t i = 0; i < Housekeeper::kWaitingMax; ++i) {
    housekeeper_->Post([&](const absl::Status& status) { done += status.ok() ? 1 : 0; });
  }
  absl::Status refused;
  housekeeper_->Post([&](const absl::Status& status) { refused = status; });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(refused.message().find("128"), absl::string_view::npos) << refused;
  EXPECT_TRUE(RetryHintOf(refused).has_value());
  go.set_value();
  // The test's own time limit ends this if it never happens.
  while (done < Housekeeper::kWaitingMax) std::this_thread::yield();
}

TEST_F(BackgroundTest, WhatWaitsWhenItEndsFails) {
  // Something waits at any time, and tells the last of them.
  std::promise<void> begun;
  bool has_begun = false;
  absl::Status last;
  std::function<void(const absl::Status&)> again = [&](const absl::Status& status) {
    last = status;
    if (!std::exchange(has_begun, true)) begun.set_value();
    if (status.ok()) housekeeper_->Post(again);
  };
  housekeeper_->Post(again);
  begun.get_future().wait();
  delete housekeeper_.get();  // which it may still use
  static_cast<void>(housekeeper_.release());
  EXPECT_EQ(last.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(last.message().find(kShuttingDown), absl::string_view::npos);
}

// A clock that notes which thread reads it.
class ThreadTellingTime final : public TimeSource {
 public:
  storage::TimePoint Now() const override {
    thread = std::this_thread::get_id();
    return storage::TimePoint(storage::Millis(1700000000000));
  }
  mutable std::thread::id thread;
};

class FlushReply final : public Reply<FlushAnswer> {
 public:
  void Complete(const FlushAnswer& answer) override {
    entries = answer.entries;
    end.set_value();
  }
  void Fail(const absl::Status& status) override { ADD_FAILURE() << status; }
  FlushReply& Later() override { return *this; }

  uint64_t entries = 0;
  std::promise<void> end;
};

TEST_F(BackgroundTest, AFlushRunsOnItsThreadAndIsSeenOnceAnswered) {
  ThreadTellingTime time;
  MaintenanceHandler maintenance(
      {.keyspace = &keyspace_, .time = &time, .background = housekeeper_.get()});
  for (uint32_t i = 0; i < 5000; ++i) {
    ASSERT_TRUE(keyspace_.get()->Set({i, std::to_string(i)}, "v", {}, clock_.Now()).ok());
  }
  FlushReply reply;
  maintenance.Flush({}, reply);
  reply.end.get_future().wait();
  EXPECT_EQ(reply.entries, 5000u);
  EXPECT_NE(time.thread, std::this_thread::get_id());
  class NoSink final : public storage::ValueSink {
    char* Reserve(const storage::EntryInfo&, size_t) override { return nullptr; }
  } sink;
  for (uint32_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(keyspace_.get()->Get({i, std::to_string(i)}, clock_.Now(), sink),
              storage::GetOutcome::kMiss);
  }
}

}  // namespace
}  // namespace larder::server
