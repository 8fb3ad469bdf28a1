#include <gmock/gmock.h>

#include "tests/server/delayed_front_end.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

// What operators see of replication, over the wire; on either transport.
class FrontEndReplicationTest : public FrontEndDelayedTest {
 protected:
  v1::ReplicationResponse Replication() {
    PatientContext context;
    v1::ReplicationResponse response;
    const grpc::Status status =
        cluster_->Replication(&context, v1::ReplicationRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  grpc::Status ReplicaOf(const std::string& endpoint) {
    PatientContext context;
    v1::ReplicaOfRequest request;
    request.set_endpoint(endpoint);
    v1::ReplicaOfResponse response;
    return cluster_->ReplicaOf(&context, request, &response);
  }

  const std::unique_ptr<v1::Cluster::Stub> cluster_ = v1::Cluster::NewStub(channel_);
};

TEST_F(FrontEndReplicationTest, APrimaryTellsOfItsLogAndItsReplicas) {
  control_.status = FakeReplication::Primary();
  control_.status.replicas = {FakeReplication::Follower(2, 990), FakeReplication::Copying(3, 5000)};
  control_.status.counts = {.continued = 1,
                            .copied_anew = 2,
                            .copied_onward = 3,
                            .copied_again = 4,
                            .copies_ended = 5,
                            .refused = 6,
                            .fell_behind = 7,
                            .chunk_bytes = 8,
                            .chunks_kept = 9,
                            .copy_log_bytes = 10};
  control_.status.writers_held = 16;
  control_.status.writers_refused = 17;
  control_.status.writers_waiting = 18;
  control_.status.writers_waiting_bytes = 19;
  control_.status.log_held_bytes = 20;
  const v1::ReplicationResponse response = Replication();
  EXPECT_EQ(response.role(), v1::NODE_ROLE_PRIMARY);
  EXPECT_EQ(response.node(), FakeReplication::Node(1).ToText());
  EXPECT_EQ(response.epoch().term(), 3u);
  EXPECT_EQ(response.position().sequence(), 1000u);
  EXPECT_EQ(response.position().epoch().node(), response.node());
  ASSERT_EQ(response.history_size(), 2);
  EXPECT_EQ(response.history(1).first_sequence(), 500u);
  EXPECT_TRUE(response.log().is_open());
  EXPECT_EQ(response.log().bytes(), 65536u);
  EXPECT_EQ(response.log().oldest_sequence(), 100u);
  EXPECT_EQ(response.log().end_sequence(), 1000u);
  EXPECT_EQ(response.log().sequence_bytes(), 64u);
  EXPECT_FALSE(response.has_source());
  EXPECT_EQ(response.replicas_in_time(), 1u);
  ASSERT_EQ(response.replicas_size(), 2);
  const v1::ReplicaStatus& follower = response.replicas(0);
  EXPECT_EQ(follower.state(), v1::REPLICA_STATE_FOLLOWING);
  EXPECT_EQ(follower.endpoint(), "replica-2:7600");
  EXPECT_EQ(follower.applied().sequence(), 990u);
  EXPECT_EQ(follower.lag().sequences(), 10u);
  EXPECT_EQ(follower.lag().bytes(), 640u);
  EXPECT_EQ(follower.lag().time().seconds(), 1);
  EXPECT_EQ(follower.lag().time().nanos(), 500000000);
  EXPECT_EQ(follower.since_ack().nanos(), 40000000);
  EXPECT_EQ(follower.sent_sequence(), 1000u);
  EXPECT_TRUE(follower.in_time());
  const v1::ReplicaStatus& copying = response.replicas(1);
  EXPECT_EQ(copying.state(), v1::REPLICA_STATE_COPYING);
  EXPECT_EQ(copying.copied_bytes(), 5000u);
  EXPECT_FALSE(copying.has_lag());
  EXPECT_FALSE(copying.has_applied());
  EXPECT_FALSE(response.failover_loss().everything());
  EXPECT_EQ(response.failover_loss().bytes(), 640u);
  const v1::ReplicationCounts& counts = response.counts();
  EXPECT_EQ(counts.partial_resyncs(), 1u);
  EXPECT_EQ(counts.full_copies(), 2u);
  EXPECT_EQ(counts.resumed_copies(), 3u);
  EXPECT_EQ(counts.repeated_copies(), 4u);
  EXPECT_EQ(counts.completed_copies(), 5u);
  EXPECT_EQ(counts.refused(), 6u);
  EXPECT_EQ(counts.fell_behind(), 7u);
  EXPECT_EQ(counts.copied_bytes(), 8u);
  EXPECT_EQ(counts.chunks_kept(), 9u);
  EXPECT_EQ(counts.copy_log_bytes(), 10u);
  EXPECT_EQ(counts.writers_held(), 16u);
  EXPECT_EQ(counts.writers_refused(), 17u);
  EXPECT_EQ(response.log().writers_waiting(), 18u);
  EXPECT_EQ(response.log().writers_waiting_bytes(), 19u);
  EXPECT_EQ(response.log().held_bytes(), 20u);
  EXPECT_EQ(response.role(), v1::NODE_ROLE_PRIMARY);
}

TEST_F(FrontEndReplicationTest, APrimaryTellsThatItIsStoppedOrWaits) {
  control_.status = FakeReplication::Primary();
  control_.status.was_stopped = true;
  v1::ReplicationResponse response = Replication();
  EXPECT_EQ(response.role(), v1::NODE_ROLE_STOPPED);
  control_.status.was_stopped = false;
  control_.status.is_waiting = true;
  response = Replication();
  EXPECT_EQ(response.role(), v1::NODE_ROLE_WAITING);
}

TEST_F(FrontEndReplicationTest, AReplicaTellsWhomItFollowsAndHowFar) {
  control_.status = FakeReplication::Replica();
  control_.status.sink.continued = 11;
  control_.status.sink.copies_begun = 12;
  control_.status.sink.copies_resumed = 13;
  control_.status.sink.copies_installed = 14;
  control_.status.sink.copies_dropped = 15;
  v1::ReplicationResponse response = Replication();
  EXPECT_EQ(response.role(), v1::NODE_ROLE_REPLICA);
  EXPECT_EQ(response.source().endpoint(), "primary:17600");
  EXPECT_EQ(response.source().client_endpoint(), "primary:7600");
  EXPECT_EQ(response.source().node(), FakeReplication::Node(1).ToText());
  EXPECT_EQ(response.source().state(), v1::REPLICA_STATE_FOLLOWING);
  EXPECT_EQ(response.source().lag().sequences(), 10u);
  EXPECT_EQ(response.source().lag().time().nanos(), 125000000);
  EXPECT_EQ(response.source().staleness().nanos(), 250000000);
  EXPECT_TRUE(response.failover_loss().at_least());
  EXPECT_EQ(response.counts().own_partial_resyncs(), 11u);
  EXPECT_EQ(response.counts().own_full_copies(), 12u);
  EXPECT_EQ(response.counts().own_resumed_copies(), 13u);
  EXPECT_EQ(response.counts().own_installed_copies(), 14u);
  EXPECT_EQ(response.counts().own_dropped_copies(), 15u);
  // One that has just begun, and knows nothing.
  control_.status = {};
  control_.status.leads = false;
  control_.status.sink.follows = true;
  control_.status.sink.trouble = cluster::SinkTrouble::kDisconnected;
  response = Replication();
  EXPECT_EQ(response.source().state(), v1::REPLICA_STATE_DISCONNECTED);
  EXPECT_EQ(response.source().trouble(), "disconnected");
  EXPECT_FALSE(response.source().has_lag());
  EXPECT_FALSE(response.source().has_staleness());
  EXPECT_FALSE(response.has_position());
  EXPECT_FALSE(response.has_epoch());
  EXPECT_FALSE(response.log().is_open());
  EXPECT_TRUE(response.failover_loss().everything());
}

TEST_F(FrontEndReplicationTest, ReplicaOfReachesTheControlAndSaysWhoAsked) {
  EXPECT_TRUE(ReplicaOf("node:7600").ok());
  EXPECT_THAT(control_.told,
              testing::ContainsRegex("^ReplicaOf node:7600; asked for by .*127.0.0.1:"));
  EXPECT_TRUE(ReplicaOf("").ok());
  EXPECT_THAT(control_.asked, testing::ElementsAre("bus of node:7600", "nobody"));
  control_.result = absl::FailedPreconditionError("there is nothing to lead with");
  const grpc::Status refused = ReplicaOf("");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refused.error_message(), "ReplicaOf: there is nothing to lead with");
  EXPECT_EQ(ReplicaOf("nowhere").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Counted(Method::kReplicaOf), 4u);
}

TEST_F(FrontEndReplicationTest, ANodeWithoutABusNamesTheFlag) {
  RunningNode running;
  const auto cluster = v1::Cluster::NewStub(running.channel());
  PatientContext context;
  v1::ReplicationResponse response;
  const grpc::Status status = cluster->Replication(&context, v1::ReplicationRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("--bus_listen"));
  PatientContext replica_context;
  v1::ReplicaOfResponse replica;
  EXPECT_THAT(
      cluster->ReplicaOf(&replica_context, v1::ReplicaOfRequest(), &replica).error_message(),
      HasSubstr("--bus_listen"));
}

TEST_F(FrontEndReplicationTest, ADigestIsThatOfTheEntries) {
  const auto maintenance = v1::Maintenance::NewStub(channel_);
  const auto digest = [&](std::optional<uint32_t> slot) {
    PatientContext context;
    v1::DigestRequest request;
    if (slot.has_value()) request.set_slot(*slot);
    v1::DigestResponse response;
    const grpc::Status status = maintenance->Digest(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  Store("a", "1");
  const v1::DigestResponse one = digest(std::nullopt);
  EXPECT_EQ(one.digest().size(), 16u);
  EXPECT_EQ(one.entries(), 1u);
  EXPECT_EQ(digest(cluster::HashSlot("a")).digest(), one.digest());
  EXPECT_EQ(digest(cluster::HashSlot("b")).entries(), 0u);
  Store("b", "2");
  EXPECT_NE(digest(std::nullopt).digest(), one.digest());
  EXPECT_EQ(digest(std::nullopt).entries(), 2u);
}

}  // namespace
}  // namespace larder::server
