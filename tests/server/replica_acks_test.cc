#include "server/handlers/replica_acks.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "storage/mutation_log.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using Result = storage::PositionWaiters::Result;
using testing::HasSubstr;

constexpr storage::TimePoint kLate(storage::Millis(int64_t{1} << 40));

TEST(ReplicaAcksTest, EachLevelIsReachedByItself) {
  ReplicaAcks acks;
  acks.Open();
  std::vector<int> done;
  const uint64_t opening = acks.opening();
  for (const size_t replicas : {1, 2}) {
    acks.Wait(replicas, opening, 100, kLate, [&done, replicas](Result result) {
      EXPECT_EQ(result, Result::kReached);
      done.push_back(static_cast<int>(replicas));
    });
  }
  acks.Reach(1, 99);
  EXPECT_TRUE(done.empty());
  acks.Reach(1, 100);
  EXPECT_EQ(done, std::vector<int>({1}));
  EXPECT_EQ(acks.ReachedBy(100), 1u);
  EXPECT_EQ(acks.ReachedBy(101), 0u);
  acks.Reach(2, 150);
  EXPECT_EQ(done, std::vector<int>({1, 2}));
}

TEST(ReplicaAcksTest, TellsWhenTheFirstWriteWaits) {
  ReplicaAcks acks;
  acks.Open();
  int told = 0;
  acks.SetOnFirstWait([&told] { ++told; });
  const auto wait = [&acks](uint64_t position) {
    acks.Wait(1, acks.opening(), position, kLate, [](Result) {});
  };
  wait(10);
  wait(20);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(acks.waiting(), 2u);
  acks.Reach(1, 15);
  EXPECT_EQ(acks.waiting(), 1u);
  acks.Reach(1, 20);
  EXPECT_EQ(acks.waiting(), 0u);
  wait(20);  // is over at once
  EXPECT_EQ(acks.waiting(), 0u);
  wait(30);
  EXPECT_EQ(told, 3);
  acks.SetOnFirstWait(nullptr);
  acks.Close();
  EXPECT_EQ(acks.waiting(), 0u);
  wait(40);
  EXPECT_EQ(told, 3);
}

TEST(ReplicaAcksTest, AnotherLogAcknowledgesNothingOfThisOne) {
  ReplicaAcks acks;
  acks.Open();
  const uint64_t opening = acks.opening();
  acks.Close();
  acks.Open();
  acks.Reach(1, 1000);
  std::vector<Result> results;
  acks.Wait(1, opening, 100, kLate, [&](Result result) { results.push_back(result); });
  EXPECT_EQ(results, std::vector<Result>({Result::kClosed}));
}

// A node with a log and replicas that a test speaks for.
class AckTest : public HandlerTest {
 protected:
  AckTest() : log_(storage::MutationLog::Create({}).value()) {
    keyspace_.get()->AttachLog(log_.get());
    cache_.SetReplicas(&acks_, 0);
    acks_.Open();
    acks_.SetInTime(2);
  }
  ~AckTest() override { keyspace_.get()->DetachLog(); }

  static SetView Asking(uint32_t replicas) {
    return {.key = "k", .value = "v", .ack = {.level = AckView::kReplicas, .replicas = replicas}};
  }

  std::unique_ptr<storage::MutationLog> log_;
  ReplicaAcks acks_;
};

TEST_F(AckTest, AWriteIsAnsweredWhenAsManyReplicasHaveIt) {
  RecordingSet reply;
  cache_.Set(Asking(2), reply);
  EXPECT_EQ(reply.completions, 0);
  EXPECT_TRUE(Get("k").answer.found) << "it is there for others";
  acks_.Reach(1, log_->position());
  EXPECT_EQ(reply.completions, 0);
  acks_.Reach(2, log_->position() - 1);
  EXPECT_EQ(reply.completions, 0);
  acks_.Reach(2, log_->position());
  EXPECT_EQ(reply.completions, 1);
  EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(reply.answer.result.outcome, storage::SetResult::Outcome::kStored);
}

TEST_F(AckTest, WhatIsNotStoredIsAnsweredAtOnce) {
  Set("k", "there");
  SetView view = Asking(1);
  view.condition = {.kind = ConditionView::Kind::kIfAbsent, .flag = true};
  RecordingSet reply;
  cache_.Set(view, reply);
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.answer.result.outcome, storage::SetResult::Outcome::kExists);
}

TEST_F(AckTest, ALevelThatIsNotReachedInTimeSaysHowFarItCame) {
  RecordingSet reply;
  cache_.Set(Asking(2), reply);
  acks_.Reach(1, log_->position());
  acks_.TimeOut(time_.Now() + storage::Millis(4999));
  EXPECT_EQ(reply.completions, 0);
  acks_.TimeOut(time_.Now() + storage::Millis(5000));
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(reply.status.message()),
              testing::AllOf(HasSubstr("the write stands"), HasSubstr("1 of 2 replicas")));
}

TEST_F(AckTest, OneThatStopsToLeadDoesNotKnow) {
  RecordingSet reply;
  cache_.Set(Asking(1), reply);
  acks_.Close();
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kUnknown);
  RecordingSet later;
  cache_.Set(Asking(1), later);
  EXPECT_EQ(later.status.code(), absl::StatusCode::kUnknown);
}

TEST_F(AckTest, WithoutALogNothingIsAcknowledged) {
  keyspace_.get()->DetachLog();
  RecordingSet reply;
  cache_.Set(Asking(1), reply);
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kUnknown);
  keyspace_.get()->AttachLog(log_.get());
}

TEST_F(AckTest, MoreThanThereAreIsRefusedBeforeItIsWritten) {
  EXPECT_EQ(Set(Asking(3)).status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(Get("k").answer.found);
}

TEST_F(AckTest, AllWritesNeedAsManyReplicasAsTheNodeSays) {
  cache_.SetReplicas(&acks_, 3);
  for (const absl::Status& status :
       {Set("a", "v").status, Delete({.key = "a"}).status, Touch({.key = "a"}).status,
        Increment({.key = "a"}).status, Append({.key = "a"}).status}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("--min_replicas_to_write"));
  }
  EXPECT_TRUE(Get("a").status.ok());
  acks_.SetInTime(3);
  EXPECT_TRUE(Set("a", "v").status.ok());
}

}  // namespace
}  // namespace larder::server
