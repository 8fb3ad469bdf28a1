// Writes that wait until the log has room.

#include "server/handlers/held_writes.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/handlers/retry_hint.h"
#include "storage/log_reader.h"
#include "storage/mutation_log.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using storage::LogReader;
using testing::HasSubstr;

// A node whose log has a reader that lets writers be ahead by little.
class HeldWritesTest : public HandlerTest {
 protected:
  static constexpr uint64_t kLogBytes = 1 << 20;
  static constexpr uint64_t kAheadBytes = 64 << 10;
  static constexpr uint64_t kHeldBytes = 32 << 10;

  HeldWritesTest()
      : log_(storage::MutationLog::Create({.bytes = kLogBytes, .room = [this] { ++rooms_; }})
                 .value()),
        held_({.bytes_max = kHeldBytes, .timeout = absl::Seconds(2)}) {
    keyspace_.get()->AttachLog(log_.get());
    reader_ = LogReader::Create(log_.get(), 1, LogReader::Pace::kMayFallBehind).value();
    EXPECT_TRUE(reader_->HoldWriters(kAheadBytes));
    cache_.SetReplicas(&acks_, 0, &held_);
  }
  ~HeldWritesTest() override {
    held_.Close();
    reader_.reset();
    keyspace_.get()->DetachLog();
  }

  // Writes until one has to wait, which is the reply that is returned.
  std::unique_ptr<RecordingSet> FillLog() {
    for (int i = 0; i < 10'000; ++i) {
      auto reply = std::make_unique<RecordingSet>();
      const std::string key = "fill" + std::to_string(i);
      cache_.Set({.key = key, .value = "value"}, *reply);
      if (reply->completions == 0) return reply;
      EXPECT_TRUE(reply->status.ok()) << reply->status;
    }
    ADD_FAILURE() << "nothing had to wait";
    return std::make_unique<RecordingSet>();
  }
  void ReadAll() {
    while (reader_->Read(1 << 20, [](const LogReader::Record&) {}) == LogReader::Result::kRead) {
    }
  }

  std::unique_ptr<storage::MutationLog> log_;
  std::unique_ptr<LogReader> reader_;
  // Room may come to any thread that writes.
  std::atomic<int> rooms_ = 0;
  ReplicaAcks acks_;
  HeldWrites held_;
};

TEST_F(HeldWritesTest, AWriteWithoutRoomWaitsUntilAReaderHasGoneOn) {
  const auto waits = FillLog();
  EXPECT_TRUE(waits->is_open);
  EXPECT_EQ(held_.waiting(), 1u);
  EXPECT_GT(held_.bytes(), 0u);
  EXPECT_FALSE(held_.Run(time_.Now(), 100)) << "there is no room yet";
  EXPECT_EQ(waits->completions, 0);
  EXPECT_EQ(held_.waiting(), 1u);
  ReadAll();
  EXPECT_GE(rooms_, 1) << "the log says so";
  held_.Run(time_.Now(), 100);
  EXPECT_EQ(waits->completions, 1);
  EXPECT_TRUE(waits->status.ok()) << waits->status;
  EXPECT_EQ(held_.waiting(), 0u);
  EXPECT_EQ(held_.bytes(), 0u);
  EXPECT_EQ(held_.held(), 1u);
}

TEST_F(HeldWritesTest, EveryWriteJoinsTheQueueAndNoneOvertakes) {
  const auto first = FillLog();
  RecordingSet set;
  RecordingReply<IncrementAnswer> sum;
  RecordingReply<AppendAnswer> append;
  RecordingReply<TouchAnswer> touch;
  RecordingDelete removal;
  {
    // What the requests borrow goes when the handlers have returned.
    std::string key = "k";
    std::string value = "1";
    cache_.Set({.key = key, .value = value}, set);
    // There is room from now on, but others wait.
    ReadAll();
    cache_.Increment({.key = key, .delta = 41}, sum);
    cache_.Append({.key = key, .value = value}, append);
    cache_.Touch({.key = key, .ttl = WireDuration{.seconds = 60}}, touch);
    cache_.Delete({.key = key}, removal);
    key = "x";
    value = "y";
  }
  EXPECT_EQ(held_.waiting(), 6u);
  EXPECT_FALSE(Get("k").answer.found);
  EXPECT_TRUE(held_.Run(time_.Now(), 4)) << "there is more to do";
  EXPECT_EQ(Get("k").value, "421");
  EXPECT_EQ(sum.answer.value, 42);
  EXPECT_EQ(append.answer.value_bytes, 3u);
  EXPECT_EQ(touch.completions, 0);
  held_.Run(time_.Now(), 100);
  EXPECT_TRUE(touch.answer.found);
  EXPECT_TRUE(removal.answer.deleted);
  EXPECT_FALSE(Get("k").answer.found);
  EXPECT_TRUE(Set("k", "2").status.ok()) << "nobody waits any more";
}

TEST_F(HeldWritesTest, ThatWaitsTooLongIsRefusedAndChangesNothing) {
  const auto waits = FillLog();
  RecordingSet later;
  time_.Advance(storage::Millis(1500));
  cache_.Set({.key = "later", .value = "v"}, later);
  held_.Run(time_.Now(), 100);
  EXPECT_EQ(waits->completions, 0);
  time_.Advance(storage::Millis(500));
  held_.Run(time_.Now(), 100);
  EXPECT_EQ(waits->status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(waits->status.message()),
              testing::AllOf(HasSubstr("Set: "), HasSubstr("--held_write_timeout")));
  EXPECT_TRUE(RetryHintOf(waits->status).has_value());
  EXPECT_EQ(later.completions, 0) << "it has waited for less";
  EXPECT_EQ(held_.refused(), 1u);
  EXPECT_FALSE(Get("later").answer.found);
  ReadAll();
  held_.Run(time_.Now(), 100);
  EXPECT_TRUE(Get("later").answer.found);
}

TEST_F(HeldWritesTest, TooManyBytesThatWaitAreRefusedAtOnce) {
  const auto waits = FillLog();
  const std::string value(20 << 10, 'v');
  RecordingSet fits;
  cache_.Set({.key = "a", .value = value}, fits);
  EXPECT_EQ(fits.completions, 0);
  const RecordingSet refused = Set("b", value);
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.status.message()),
              testing::AllOf(HasSubstr("--max_held_write_bytes"), HasSubstr("32768")));
  EXPECT_TRUE(RetryHintOf(refused.status).has_value());
  ReadAll();
  held_.Run(time_.Now(), 100);
  EXPECT_TRUE(fits.status.ok());
  EXPECT_TRUE(Set("b", value).status.ok()) << "their bytes are given back";
}

TEST_F(HeldWritesTest, WithoutALogAnyMoreTheyGoOn) {
  const auto waits = FillLog();
  reader_.reset();
  keyspace_.get()->DetachLog();
  held_.Run(time_.Now(), 100);
  EXPECT_TRUE(waits->status.ok());
  EXPECT_EQ(waits->completions, 1);
  keyspace_.get()->AttachLog(log_.get());
}

TEST_F(HeldWritesTest, TheEndFailsThoseThatWaitAndThoseThatCome) {
  const auto waits = FillLog();
  held_.Close();
  EXPECT_EQ(waits->status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(held_.waiting(), 0u);
  EXPECT_EQ(Set("fill", "v").status.code(), absl::StatusCode::kUnavailable);
}

// A write that asks for replicas waits for room first, and then for them.
TEST_F(HeldWritesTest, WhatWaitsForReplicasMayWaitForRoomFirst) {
  acks_.Open();
  acks_.SetInTime(1);
  const auto first = FillLog();
  RecordingSet reply;
  cache_.Set({.key = "k", .value = "v", .ack = {.level = AckView::kReplicas, .replicas = 1}},
             reply);
  EXPECT_FALSE(Get("k").answer.found);
  ReadAll();
  held_.Run(time_.Now(), 100);
  EXPECT_TRUE(Get("k").answer.found);
  EXPECT_EQ(reply.completions, 0);
  acks_.Reach(1, log_->position());
  EXPECT_EQ(reply.completions, 1);
  EXPECT_TRUE(reply.status.ok()) << reply.status;
}

// Writers on threads of their own beside one that reads: every write is answered, once.
TEST_F(HeldWritesTest, AllOfManyWritersGetThrough) {
  constexpr int kThreads = 3;
  constexpr int kWrites = 4000;
  std::vector<std::vector<std::unique_ptr<RecordingSet>>> replies(kThreads);
  std::atomic<int> writing{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &replies, &writing] {
      for (int i = 0; i < kWrites; ++i) {
        // Few enough bytes wait that none is refused.
        while (held_.waiting() > 50) std::this_thread::yield();
        const std::string key = std::to_string(t) + "." + std::to_string(i);
        auto& reply = replies[t].emplace_back(std::make_unique<RecordingSet>());
        cache_.Set({.key = key, .value = key}, *reply);
      }
      --writing;
    });
  }
  while (writing > 0 || held_.waiting() > 0) {
    ReadAll();
    held_.Run(time_.Now(), 16);
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& of_thread : replies) {
    for (const auto& reply : of_thread) {
      ASSERT_EQ(reply->completions, 1);
      ASSERT_TRUE(reply->status.ok()) << reply->status;
    }
  }
  EXPECT_EQ(keyspace_.get()->Stats().entries, static_cast<uint64_t>(kThreads * kWrites));
}

}  // namespace
}  // namespace larder::server
