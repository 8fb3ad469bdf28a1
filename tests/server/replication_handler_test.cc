#include "server/handlers/replication_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/fake_replication.h"
#include "tests/server/recording_reply.h"

namespace larder::server {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ReplicationHandlerTest : public testing::Test {
 protected:
  RecordingReply<ReplicaOfAnswer> ReplicaOf(std::string_view endpoint) {
    RecordingReply<ReplicaOfAnswer> reply;
    handler_.ReplicaOf({.endpoint = endpoint, .peer = "an operator"}, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  FakeReplication control_;
  std::vector<std::string> lines_;
  ReplicationHandler handler_{
      {.control = &control_,
       .bus_of = &FakeReplication::BusOf,
       .on_intervention = [this](const std::string& line) { lines_.push_back(line); }}};
};

TEST_F(ReplicationHandlerTest, FollowsTheBusOfAClientAddressAndTellsWhoAskedForIt) {
  EXPECT_TRUE(ReplicaOf("node:7600").status.ok());
  EXPECT_TRUE(ReplicaOf("").status.ok());
  EXPECT_THAT(control_.asked, ElementsAre("bus of node:7600", "nobody"));
  EXPECT_THAT(lines_, ElementsAre("ReplicaOf node:7600; asked for by an operator",
                                  "ReplicaOf nobody; asked for by an operator"));
}

TEST_F(ReplicationHandlerTest, WhatIsNoAddressReachesNobody) {
  const auto expect_refused = [&](const std::string& endpoint, const std::string& why) {
    const absl::Status status = ReplicaOf(endpoint).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("ReplicaOf: endpoint"), HasSubstr(why)));
  };
  expect_refused("nowhere", "it has no port");
  expect_refused(std::string(279, 'h') + ":1", "has 281 bytes, more than the limit 280");
  expect_refused("node:7600\nINFO all is well", "has a byte that is no letter");
  expect_refused("node :7600", "has a byte that is no letter");
  expect_refused("\x80:1", "has a byte that is no letter");
  EXPECT_THAT(control_.asked, IsEmpty());
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_TRUE(ReplicaOf(std::string(278, 'h') + ":1").status.ok());
}

TEST_F(ReplicationHandlerTest, AnswersWhenItHasBeenDecidedAndTellsOfNothingThatWasRefused) {
  control_.holds = true;
  RecordingReply<ReplicaOfAnswer> reply;
  handler_.ReplicaOf({}, reply);
  EXPECT_TRUE(reply.is_open);
  EXPECT_EQ(reply.completions, 0);
  control_.held(absl::FailedPreconditionError("there is nothing to lead with"));
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(reply.status.message(), "ReplicaOf: there is nothing to lead with");
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(ReplicationHandlerTest, ACallThatIsGivenUpFails) {
  control_.holds = true;
  RecordingReply<ReplicaOfAnswer> reply;
  handler_.ReplicaOf({}, reply);
  control_.held = nullptr;
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kInternal);
}

TEST_F(ReplicationHandlerTest, WithoutABusItNamesTheFlag) {
  ReplicationHandler handler({});
  RecordingReply<ReplicaOfAnswer> replica_of;
  handler.ReplicaOf({.endpoint = "node:7600"}, replica_of);
  RecordingReply<ReplicationAnswer> replication;
  handler.Replication(replication);
  for (const absl::Status& status : {replica_of.status, replication.status}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("--bus_listen"));
  }
}

TEST_F(ReplicationHandlerTest, BeforeItsBusIsStartedANodeAsksToComeAgain) {
  ReplicationHandler handler({.has_bus = true});
  RecordingReply<ReplicaOfAnswer> replica_of;
  handler.ReplicaOf({.endpoint = "node:7600"}, replica_of);
  RecordingReply<ReplicationAnswer> replication;
  handler.Replication(replication);
  for (const absl::Status& status : {replica_of.status, replication.status}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr("starts its bus"));
  }
  handler.SetControl(&control_);
  RecordingReply<ReplicationAnswer> started;
  handler.Replication(started);
  EXPECT_TRUE(started.status.ok());
}

TEST_F(ReplicationHandlerTest, SaysWhereTheNodeStands) {
  control_.status = FakeReplication::Primary();
  RecordingReply<ReplicationAnswer> reply;
  handler_.Replication(reply);
  EXPECT_EQ(reply.completions, 1);
  EXPECT_EQ(reply.answer.log_end, 1000u);
}

TEST(ReplicationStatusTest, AFailoverLosesWhatTheReplicaWithMostLacks) {
  ReplicationStatus status = FakeReplication::Primary();
  EXPECT_TRUE(status.LossOfFailover().everything) << "nobody follows";
  status.replicas.push_back(FakeReplication::Copying(2, 4096));
  EXPECT_TRUE(status.LossOfFailover().everything) << "half a copy leads nobody";
  status.replicas.push_back(FakeReplication::Follower(3, 900));
  status.replicas.push_back(FakeReplication::Follower(4, 970));
  status.replicas.push_back(FakeReplication::Follower(5, 950));
  const FailoverLoss loss = status.LossOfFailover();
  EXPECT_FALSE(loss.everything);
  EXPECT_FALSE(loss.at_least);
  EXPECT_EQ(loss.sequences, 30u);
  EXPECT_EQ(loss.bytes, 30u * 64);
  status.replicas[2].link.applied->sequence = 1001;  // newer than what was read of the log
  EXPECT_EQ(status.LossOfFailover().sequences, 0u);
  EXPECT_FALSE(status.LossOfFailover().everything);
}

TEST(ReplicationStatusTest, WhatAReplicaHadThatIsNotConnectedIsNotLost) {
  ReplicationStatus status = FakeReplication::Primary();
  const cluster::Epoch epoch = status.epoch;
  status.departed.push_back({FakeReplication::Node(2), {epoch, 900}});
  status.departed.push_back({FakeReplication::Node(3), {epoch, 990}});
  FailoverLoss loss = status.LossOfFailover();
  EXPECT_FALSE(loss.everything);
  EXPECT_EQ(loss.sequences, 10u);
  EXPECT_TRUE(loss.at_least);
  // One that is connected and has less.
  status.replicas.push_back(FakeReplication::Follower(4, 970));
  EXPECT_EQ(status.LossOfFailover().sequences, 10u);
  EXPECT_TRUE(status.LossOfFailover().at_least);
  status.replicas.push_back(FakeReplication::Follower(5, 990));
  loss = status.LossOfFailover();
  EXPECT_EQ(loss.sequences, 10u);
  EXPECT_FALSE(loss.at_least) << "it is there";
}

TEST(ReplicationStatusTest, AReplicaThatTookOverWouldLackWhatItHasHeardOfAndMore) {
  ReplicationStatus status = FakeReplication::Replica();
  EXPECT_EQ(status.LossOfFailover().sequences, 10u);
  EXPECT_EQ(status.LossOfFailover().bytes, 640u);
  EXPECT_TRUE(status.LossOfFailover().at_least);
  // The source is lost: the same.
  status.sink.is_connected = false;
  status.sink.is_following = false;
  EXPECT_EQ(status.LossOfFailover().sequences, 10u);
  // Data of another history has nothing of the source's.
  status.sink.source_epoch = FakeReplication::EpochOf(9);
  EXPECT_TRUE(status.LossOfFailover().everything);
  status = FakeReplication::Replica();
  status.sink.is_following = false;
  status.sink.is_copying = true;
  EXPECT_TRUE(status.LossOfFailover().everything);
  EXPECT_FALSE(status.LagBehindSource().has_value());
}

TEST(ReplicationStatusTest, LagsAreOfWhoFollows) {
  ReplicationStatus status = FakeReplication::Primary();
  const auto lag = status.LagOf(FakeReplication::Follower(2, 996));
  ASSERT_TRUE(lag.has_value());
  EXPECT_EQ(lag->sequences, 4u);
  EXPECT_EQ(lag->bytes, 256u);
  EXPECT_EQ(lag->time, cluster::Millis(1500));
  EXPECT_FALSE(status.LagOf(FakeReplication::Copying(2, 1)).has_value());
  status.replicas = {FakeReplication::Follower(2, 996), FakeReplication::Copying(3, 1)};
  EXPECT_EQ(status.ReplicasInTime(), 1u);
}

TEST(ReplicationStatusTest, TroubleSaysAllThatIsKnown) {
  ReplicationStatus status = FakeReplication::Replica();
  EXPECT_EQ(status.Trouble(), "");
  status.sink.trouble = cluster::SinkTrouble::kSilent;
  EXPECT_EQ(status.Trouble(), "silent for too long");
  status.sink.trouble = cluster::SinkTrouble::kRefused;
  status.sink.refused = cluster::Refuse::Reason::kTooManyReplicas;
  status.sink.detail = "16 are there";
  EXPECT_THAT(status.Trouble(), AllOf(HasSubstr("refused: "), HasSubstr(": 16 are there")));
}

}  // namespace
}  // namespace larder::server
