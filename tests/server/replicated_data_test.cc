// What a node that replicates tells of its data, and Gets and Sets that depend on it.

#include "server/handlers/replicated_data.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

#include "server/handlers/node_id_bytes.h"
#include "storage/mutation_log.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using cluster::Epoch;
using cluster::History;
using cluster::Position;
using testing::HasSubstr;
using Code = absl::StatusCode;
using Reach = ReplicatedData::Reach;
using Result = storage::PositionWaiters::Result;

constexpr cluster::NodeId kNode{7, 8};
const Epoch kFirst{1, 0, kNode};
const Epoch kSecond{1, 1, kNode};
const Epoch kThird{2, 0, {9, 9}};

// kFirst from 1, kSecond from 100.
History HistoryOf(std::vector<History::Beginning> beginnings) {
  return History::Create({.beginnings = std::move(beginnings)}).value();
}
History TwoEpochs() { return HistoryOf({{kFirst, 1}, {kSecond, 100}}); }

class ReplicatedDataTest : public testing::Test {
 protected:
  cluster::BootTime now_{cluster::Millis(1000000)};
  ReplicatedData data_{[this] { return now_; }};
};

TEST_F(ReplicatedDataTest, AtFirstNothingIsKnown) {
  EXPECT_EQ(data_.Staleness(), std::nullopt);
  EXPECT_EQ(data_.Reached({kFirst, 5}), Reach::kNotYet);
  EXPECT_EQ(data_.PositionOf(data_.leadership(), 5), std::nullopt);
}

TEST_F(ReplicatedDataTest, WhatLeadsIsNeverStale) {
  data_.Lead(TwoEpochs());
  now_ += cluster::Millis(5000);
  EXPECT_EQ(data_.Staleness(), cluster::Millis(0));
}

TEST_F(ReplicatedDataTest, AFollowerIsAsOldAsWhatItHeard) {
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_EQ(data_.Staleness(), std::nullopt);
  data_.SetFreshAsOf(now_ - cluster::Millis(30));
  EXPECT_EQ(data_.Staleness(), cluster::Millis(30));
  now_ += cluster::Millis(5);
  EXPECT_EQ(data_.Staleness(), cluster::Millis(35));
  data_.Follow({TwoEpochs(), 160}, 160, true);  // the same data, further on
  EXPECT_EQ(data_.Staleness(), cluster::Millis(35));
  data_.SetFreshAsOf(std::nullopt);
  EXPECT_EQ(data_.Staleness(), std::nullopt);
}

TEST_F(ReplicatedDataTest, WhoCeasesToLeadDoesNotKnowHowOldItsDataIs) {
  data_.Lead(TwoEpochs());
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_EQ(data_.Staleness(), std::nullopt);
  data_.SetFreshAsOf(now_);
  EXPECT_EQ(data_.Reached({kFirst, 5}), Reach::kReached);
  data_.Forget();
  EXPECT_EQ(data_.Staleness(), std::nullopt);
  EXPECT_EQ(data_.Reached({kFirst, 5}), Reach::kNotYet);
}

TEST_F(ReplicatedDataTest, WhatWasLostMayYetComeWhileTheDataIsNotOfItsSource) {
  const cluster::Position lost{kFirst, 120};
  data_.Follow({TwoEpochs(), 150}, 150, false);
  EXPECT_EQ(data_.Reached(lost), Reach::kNotYet);
  EXPECT_EQ(data_.Reached({kFirst, 50}), Reach::kReached);
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_EQ(data_.Reached(lost), Reach::kLost);
}

// The interleaving position_across_epochs.
TEST_F(ReplicatedDataTest, ALaterEpochDoesNotReachAPositionThatWasLost) {
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_EQ(data_.Reached({kFirst, 100}), Reach::kReached);
  EXPECT_EQ(data_.Reached({kFirst, 101}), Reach::kLost);
  EXPECT_EQ(data_.Reached({kSecond, 150}), Reach::kReached);
  EXPECT_EQ(data_.Reached({kSecond, 151}), Reach::kNotYet);
  EXPECT_EQ(data_.Reached({kThird, 120}), Reach::kNotYet);
  EXPECT_EQ(data_.Reached({{1, 0, {1, 1}}, 50}), Reach::kLost);
}

TEST_F(ReplicatedDataTest, WhatAnAnnouncedEpochLeavesOutIsLostBeforeItsFirstRecordIsThere) {
  data_.Follow({TwoEpochs(), 80}, 80, false);
  EXPECT_EQ(data_.Reached({kFirst, 120}), Reach::kNotYet) << "the data is not of its source";
  data_.Follow({TwoEpochs(), 80}, 80, true);
  EXPECT_EQ(data_.Reached({kFirst, 80}), Reach::kReached);
  EXPECT_EQ(data_.Reached({kFirst, 100}), Reach::kNotYet);
  EXPECT_EQ(data_.Reached({kFirst, 101}), Reach::kLost);
  EXPECT_EQ(data_.Reached({kSecond, 90}), Reach::kNotYet) << "the data does not go so far";
  data_.Advance(100);
  EXPECT_EQ(data_.Reached({kFirst, 100}), Reach::kReached);
  EXPECT_EQ(data_.Reached({kSecond, 101}), Reach::kNotYet);
}

TEST_F(ReplicatedDataTest, ALeaderHasAllThatItHasNumbered) {
  data_.Lead(TwoEpochs());
  EXPECT_EQ(data_.Reached({kSecond, 123456}), Reach::kReached);
  EXPECT_EQ(data_.Reached({kFirst, 101}), Reach::kLost);
  EXPECT_EQ(data_.Reached({kThird, 1}), Reach::kNotYet);
  data_.Lead(History());  // one whose data was never numbered
  EXPECT_EQ(data_.Reached({kFirst, 1}), Reach::kLost);
}

TEST_F(ReplicatedDataTest, AWriteHasAPositionOfTheLeadershipThatItWasMadeIn) {
  data_.Lead(TwoEpochs());
  const uint64_t leadership = data_.leadership();
  EXPECT_EQ(data_.PositionOf(leadership, 120), (Position{kSecond, 120}));
  EXPECT_EQ(data_.PositionOf(leadership, 0), std::nullopt);  // nobody kept a log
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_EQ(data_.PositionOf(leadership, 120), std::nullopt);
  EXPECT_EQ(data_.PositionOf(data_.leadership(), 120), std::nullopt);
  data_.Lead(HistoryOf({{kFirst, 1}, {kSecond, 100}, {kThird, 200}}));
  EXPECT_EQ(data_.PositionOf(leadership, 120), std::nullopt);
  EXPECT_EQ(data_.PositionOf(data_.leadership(), 220), (Position{kThird, 220}));
  data_.Lead(History());
  EXPECT_EQ(data_.PositionOf(data_.leadership(), 220), std::nullopt);
}

TEST_F(ReplicatedDataTest, EveryWaitEndsOnce) {
  const storage::TimePoint late(storage::Millis(1000));
  std::vector<Result> results;
  const auto note = [&](Result result) { results.push_back(result); };
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_TRUE(data_.Wait({kSecond, 160}, late, note));
  data_.Advance(159);
  EXPECT_TRUE(results.empty());
  data_.Advance(160);
  EXPECT_EQ(results, std::vector({Result::kReached}));
  // Of an epoch that is not known a higher number says nothing.
  results.clear();
  EXPECT_TRUE(data_.Wait({kThird, 100}, late, note));
  data_.Advance(170);
  EXPECT_TRUE(results.empty());
  data_.Follow({HistoryOf({{kFirst, 1}, {kSecond, 100}, {kThird, 165}}), 170}, 170, true);
  EXPECT_EQ(results, std::vector({Result::kClosed}));
  results.clear();
  EXPECT_TRUE(data_.Wait({kThird, 180}, late, note));
  EXPECT_TRUE(data_.Wait({{3, 0, kNode}, 1}, late, note));
  data_.TimeOut(late);
  EXPECT_EQ(results, std::vector({Result::kTimedOut, Result::kTimedOut}));
  results.clear();
  EXPECT_TRUE(data_.Wait({kThird, 180}, late, note));
  data_.Stop();
  EXPECT_EQ(results, std::vector({Result::kClosed}));
  EXPECT_FALSE(data_.Wait({kThird, 180}, late, note));
}

// A node with a log, whose replication the test plays.
class PositionTest : public HandlerTest {
 protected:
  PositionTest() : log_(storage::MutationLog::Create({}).value()) {
    keyspace_.get()->AttachLog(log_.get());
    cache_.SetReplicatedData(&data_);
  }
  ~PositionTest() override { keyspace_.get()->DetachLog(); }

  RecordingGet& GetAt(const Position& position, RecordingGet& reply) {
    std::string node(kNodeIdBytes, '\0');
    WriteNodeId(position.epoch.node, node.data());
    cache_.Get({.key = "k",
                .min_position = PositionView{.term = position.epoch.term,
                                             .incarnation = position.epoch.incarnation,
                                             .node = node,
                                             .sequence = position.sequence}},
               reply);
    return reply;
  }

  cluster::BootTime now_{cluster::Millis(1000000)};
  std::unique_ptr<storage::MutationLog> log_;
  ReplicatedData data_{[this] { return now_; }};
};

TEST_F(PositionTest, ASetTellsWhereItStands) {
  EXPECT_EQ(Set("k", "v").answer.position, std::nullopt);  // it does not lead yet
  data_.Lead(HistoryOf({{kFirst, 1}}));
  const RecordingSet stored = Set("k", "v");
  ASSERT_TRUE(stored.answer.position.has_value());
  EXPECT_EQ(*stored.answer.position, (Position{kFirst, stored.answer.result.log_end}));
  EXPECT_EQ(Set({.key = "k",
                 .value = "v",
                 .condition = {.kind = ConditionView::Kind::kIfAbsent, .flag = true}})
                .answer.position,
            std::nullopt);
  RecordingGet reply;
  EXPECT_EQ(GetAt(*stored.answer.position, reply).value, "v");
}

TEST_F(PositionTest, AGetForALostPositionFailsAtOnce) {
  data_.Lead(TwoEpochs());
  RecordingGet reply;
  GetAt({kFirst, 101}, reply);
  EXPECT_EQ(reply.status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("was lost"));
  EXPECT_FALSE(reply.is_open);
}

TEST_F(PositionTest, AGetForAPositionThatNobodyRemembersFailsAtOnce) {
  data_.Lead(History::Create({.beginnings = {{kSecond, 100}}, .forgot = true}).value());
  RecordingGet reply;
  GetAt({kFirst, 50}, reply);
  EXPECT_EQ(reply.status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("so old"));
}

TEST_F(PositionTest, AGetWaitsForItsPosition) {
  Set("k", "v");
  data_.Follow({TwoEpochs(), 150}, 150, true);
  RecordingGet reply;
  GetAt({kSecond, 160}, reply);
  EXPECT_EQ(reply.completions, 0);
  EXPECT_TRUE(reply.is_open);
  data_.Advance(160);
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.value, "v");
}

TEST_F(PositionTest, AGetGoesOnWaitingWhenTheHistoryGrows) {
  Set("k", "v");
  data_.Follow({TwoEpochs(), 150}, 150, true);
  RecordingGet reply;
  GetAt({kThird, 170}, reply);
  data_.Follow({HistoryOf({{kFirst, 1}, {kSecond, 100}, {kThird, 155}}), 160}, 160, true);
  EXPECT_EQ(reply.completions, 0);
  data_.Advance(170);
  EXPECT_EQ(reply.value, "v");
}

TEST_F(PositionTest, APositionMayBeLostWhileAGetWaitsForIt) {
  data_.Follow({TwoEpochs(), 150}, 150, true);
  RecordingGet reply;
  GetAt({kSecond, 170}, reply);
  data_.Follow({HistoryOf({{kFirst, 1}, {kSecond, 100}, {kThird, 155}}), 155}, 155, true);
  EXPECT_EQ(reply.status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("was lost"));
}

TEST_F(PositionTest, AGetWaitsNoLongerThanItsLimit) {
  data_.Follow({TwoEpochs(), 150}, 150, true);
  RecordingGet reply;
  GetAt({kSecond, 170}, reply);
  time_.Advance(storage::Millis(999));
  data_.TimeOut(time_.Now());
  EXPECT_EQ(reply.completions, 0);
  time_.Advance(storage::Millis(1));
  data_.TimeOut(time_.Now());
  EXPECT_EQ(reply.status.code(), Code::kDeadlineExceeded);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("--min_position_timeout"));
}

TEST_F(PositionTest, ANodeThatEndsKeepsNobodyWaiting) {
  data_.Follow({TwoEpochs(), 150}, 150, true);
  RecordingGet reply;
  GetAt({kSecond, 170}, reply);
  data_.Stop();
  EXPECT_EQ(reply.status.code(), Code::kUnavailable);
  EXPECT_EQ(reply.completions, 1);
}

TEST_F(PositionTest, APositionThatIsNoneIsRefused) {
  data_.Lead(TwoEpochs());
  const PositionView good{.term = 1, .node = "sixteen bytes id", .sequence = 1};
  const auto get = [&](auto&& change) {
    PositionView position = good;
    change(position);
    return Get(GetView{.key = "k", .min_position = position}).status;
  };
  const std::string nobody(kNodeIdBytes, '\0');
  for (const absl::Status& status :
       {get([](PositionView& position) { position.shard = 1; }),
        get([](PositionView& position) { position.term = 0; }),
        get([](PositionView& position) { position.sequence = 0; }),
        get([](PositionView& position) { position.node = ""; }),
        get([](PositionView& position) { position.node = "seventeen bytes i"; }),
        get([&](PositionView& position) { position.node = nobody; })}) {
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("min_position"));
  }
}

TEST_F(PositionTest, ACopyMayBeReadWhileItIsFreshEnough) {
  const auto may_read = [&](std::optional<WireDuration> staleness,
                            std::optional<Position> position = std::nullopt) {
    GetView view{.key = "k", .max_staleness = staleness};
    std::string node(kNodeIdBytes, '\0');
    if (position.has_value()) {
      WriteNodeId(position->epoch.node, node.data());
      view.min_position = PositionView{.term = position->epoch.term,
                                       .incarnation = position->epoch.incarnation,
                                       .node = node,
                                       .sequence = position->sequence};
    }
    return cache_.MayReadCopy(view);
  };
  data_.Follow({TwoEpochs(), 150}, 150, true);
  EXPECT_FALSE(may_read(WireDuration{1000000, 0}));  // unknown is not eligible
  data_.SetFreshAsOf(now_ - cluster::Millis(100));
  EXPECT_TRUE(may_read(WireDuration{0, 100000000}));
  EXPECT_FALSE(may_read(WireDuration{0, 99000000}));
  EXPECT_FALSE(may_read(std::nullopt));
  EXPECT_FALSE(may_read(WireDuration{-1, 0}));
  EXPECT_TRUE(may_read(WireDuration{1, 0}, Position{kSecond, 150}));
  EXPECT_TRUE(may_read(WireDuration{1, 0}, Position{kFirst, 101}));  // lost wherever it is asked
  EXPECT_FALSE(may_read(WireDuration{1, 0}, Position{kSecond, 151}));
  EXPECT_FALSE(may_read(std::nullopt, Position{kSecond, 150}));
}

}  // namespace
}  // namespace larder::server
