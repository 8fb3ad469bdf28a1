// A node with a copy of another one's data, whose replication the test plays: which Gets it answers
// itself.

#include "server/forwarding/forwarding.h"
#include "server/handlers/node_id_bytes.h"
#include "server/rpc/services/rpc_front_end.h"
#include "tests/server/forwarding/forwarding_fixture.h"
#include "tests/server/forwarding/pipeline_client.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

constexpr char kGet[] = "/larder.v1.Cache/Get";
constexpr char kMultiGet[] = "/larder.v1.Cache/MultiGet";
constexpr cluster::NodeId kNode{7, 8};

class ReplicaReadsTest : public HandlerTest {
 protected:
  ReplicaReadsTest() {
    cache_.SetReplicatedData(&data_);
    HandlerTest::Set("k", "of the replica");
    primary_.Set("k", "of the primary");
    forwarding_.routing.Publish(
        Routing::AllOf({SlotOwner::Place::kPeer, primary_.endpoint(), /*has_copy_here=*/true}, 3));
    data_.Follow(
        {cluster::History::Create({.beginnings = {{cluster::Epoch{1, 0, kNode}, 1}}}).value(), 150},
        150, /*is_of_source=*/true);
    data_.SetFreshAsOf(now_ - cluster::Millis(100));
    ServerConfig config;
    config.listen = {"127.0.0.1", 0};
    config.io_threads = 1;
    front_end_ = StartRpcFrontEnd(config,
                                  {.cache = &cache_,
                                   .multi_key = &multi_key_,
                                   .metrics = &requests_,
                                   .inflight = &inflight_,
                                   .transport = &transport_,
                                   .readiness = &readiness_,
                                   .forwarding = &forwarding_},
                                  &connections_, nullptr)
                     .value();
    channel_ = Connect({.address = front_end_->endpoint().ToString()});
  }

  // A Get that allows for so much staleness, and perhaps asks for a position.
  static v1::GetRequest GetWithin(int milliseconds, uint64_t sequence = 0, uint64_t term = 1) {
    v1::GetRequest request = GetOf("k");
    request.mutable_max_staleness()->set_nanos(milliseconds * 1000000);
    if (sequence == 0) return request;
    request.mutable_min_position()->mutable_epoch()->set_term(term);
    std::string* const node = request.mutable_min_position()->mutable_epoch()->mutable_node();
    node->resize(kNodeIdBytes);
    WriteNodeId(kNode, node->data());
    request.mutable_min_position()->set_sequence(sequence);
    return request;
  }
  // What the replica answers: the value, or the code.
  std::string Ask(const v1::GetRequest& request) {
    ProtoCall<v1::GetResponse> call(kGet, request);
    channel_->Start(call);
    const Code code = call.Wait();
    return code == Code::kOk ? call.answer.value() : absl::StrCat("code ", static_cast<int>(code));
  }

  cluster::BootTime now_{cluster::Millis(1000000)};
  ReplicatedData data_{[this] { return now_; }};
  RequestMetrics requests_;
  InflightLimit inflight_{100, absl::Milliseconds(1)};
  TransportState transport_;
  Readiness readiness_;
  ConnectionTable connections_{100};
  Forwarding forwarding_{ForwardingOptions{.connect_timeout = absl::Minutes(1)}};
  RoutedNode primary_;
  std::unique_ptr<FrontEnd> front_end_;
  std::unique_ptr<RpcChannel> channel_;
};

TEST_F(ReplicaReadsTest, AGetIsAnsweredHereIfTheCopyIsFreshEnough) {
  EXPECT_EQ(Ask(GetWithin(100)), "of the replica");
  EXPECT_EQ(Ask(GetWithin(99)), "of the primary");
  EXPECT_EQ(Ask(GetOf("k")), "of the primary");
  data_.SetFreshAsOf(std::nullopt);
  EXPECT_EQ(Ask(GetWithin(900)), "of the primary");
}

TEST_F(ReplicaReadsTest, ANodeWithoutACopyAsksTheOwner) {
  forwarding_.routing.Publish(Routing::AllAt(primary_.endpoint(), 4));
  EXPECT_EQ(Ask(GetWithin(900)), "of the primary");
}

TEST_F(ReplicaReadsTest, APositionThatTheCopyHasNotReachedIsAskedForAtThePrimary) {
  EXPECT_EQ(Ask(GetWithin(900, 150)), "of the replica");
  data_.Advance(160);
  EXPECT_EQ(Ask(GetWithin(900, 160)), "of the replica");
  // This one keeps no log, and says so.
  const std::string at_primary = absl::StrCat("code ", static_cast<int>(Code::kFailedPrecondition));
  EXPECT_EQ(Ask(GetWithin(900, 161)), at_primary);
  data_.Advance(161);
  EXPECT_EQ(Ask(GetWithin(900, 161)), "of the replica");
  EXPECT_EQ(Ask(GetWithin(900, 1, /*term=*/2)), at_primary);
}

TEST_F(ReplicaReadsTest, AClientThatRoutesIsRedirectedFromACopyThatIsTooOld) {
  const auto router = Connect(
      {.address = front_end_->endpoint().ToString(), .metadata = {{"larder-routing", "redirect"}}});
  ProtoCall<v1::GetResponse> fresh(kGet, GetWithin(100));
  router->Start(fresh);
  EXPECT_EQ(fresh.Wait(), Code::kOk);
  EXPECT_EQ(fresh.answer.value(), "of the replica");
  ProtoCall<v1::GetResponse> old(kGet, GetWithin(99));
  router->Start(old);
  EXPECT_EQ(old.Wait(), Code::kFailedPrecondition);
  EXPECT_EQ(old.redirect().endpoint(), primary_.endpoint());
}

TEST_F(ReplicaReadsTest, EachItemOfAMultiGetGoesWhereItMayBeRead) {
  v1::MultiGetRequest request;
  for (const int milliseconds : {99, 100, 50, 900}) *request.add_items() = GetWithin(milliseconds);
  ProtoCall<v1::MultiGetResponse> call(kMultiGet, request);
  channel_->Start(call);
  EXPECT_EQ(call.Wait(), Code::kOk);
  std::vector<std::string> values;
  for (const auto& result : call.answer.results()) values.push_back(result.response().value());
  EXPECT_THAT(values, testing::ElementsAre("of the primary", "of the replica", "of the primary",
                                           "of the replica"));
}

TEST_F(ReplicaReadsTest, APipelineReadsTheCopyToo) {
  PipelineClient client(front_end_->endpoint());
  for (const int milliseconds : {100, 99}) {
    v1::PipelineRequest request;
    request.set_id(static_cast<uint64_t>(milliseconds));
    *request.mutable_get() = GetWithin(milliseconds);
    client.Send(request);
    EXPECT_EQ(client.Read().get().value(),
              milliseconds == 100 ? "of the replica" : "of the primary");
  }
}

TEST_F(ReplicaReadsTest, AWriteGoesToThePrimary) {
  ProtoCall<v1::SetResponse> set("/larder.v1.Cache/Set", SetOf("k", "new"));
  channel_->Start(set);
  EXPECT_EQ(set.Wait(), Code::kOk);
  EXPECT_EQ(primary_.Get("k"), "new");
  EXPECT_EQ(Ask(GetWithin(100)), "of the replica");
}

}  // namespace
}  // namespace larder::server
