// What bounds calls between nodes, beside what forwarding_faults_test.cc has.

#include <filesystem>
#include <fstream>

#include "server/forwarding/forwarded_proof.h"
#include "server/forwarding/peer_channels.h"
#include "server/rpc/services/rpc_front_end.h"
#include "tests/server/forwarding/forwarding_fixture.h"
#include "tests/server/forwarding/pipeline_client.h"
#include "tests/server/tls/test_authority.h"

namespace larder::server {
namespace {

constexpr char kGet[] = "/larder.v1.Cache/Get";

// Leaves each Get open until it is told.
class HoldingHandler final : public CacheHandler {
 public:
  using CacheHandler::CacheHandler;

  void GetFor(std::string_view, const GetView&, storage::TimePoint, GetReply& reply) override {
    const storage::MutexLock lock(mutex_);
    held_.emplace_back(reply);
  }
  size_t held() {
    const storage::MutexLock lock(mutex_);
    return held_.size();
  }
  void AnswerAll() {
    const storage::MutexLock lock(mutex_);
    for (OpenReply<GetReply>& reply : held_) reply.Take().Complete({.found = false});
    held_.clear();
  }

 private:
  storage::Mutex mutex_;
  std::vector<OpenReply<GetReply>> held_ ABSL_GUARDED_BY(mutex_);
};

std::string GetAnswerOf(size_t bytes) {
  v1::GetResponse answer;
  answer.set_found(true);
  answer.set_value(std::string(bytes, 'v'));
  return answer.SerializeAsString();
}

class NoTime final : public TimeSource {
 public:
  storage::TimePoint Now() const override { return {}; }
};

// A node whose Gets are held, and which serves one call of other nodes at a time.
class ReceivedLimitTest : public testing::Test {
 protected:
  ReceivedLimitTest() : ReceivedLimitTest({.received_max = 1}) {}
  explicit ReceivedLimitTest(const ForwardingOptions& options) : forwarding_(options) {
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
    const std::string address = front_end_->endpoint().ToString();
    own_ = Connect({.address = address});
    other_node_ = Connect({.address = address, .metadata = {{"larder-forwarded", "1"}}});
  }
  void AwaitHeld(size_t count) {
    while (cache_.held() < count) std::this_thread::yield();
  }

  storage::HybridClock versions_{1};
  ServedKeyspace keyspace_{
      storage::Keyspace::Create({.memory_bytes = 64 << 20}, &versions_).value()};
  NoTime time_;
  HoldingHandler cache_{&keyspace_, &time_, Limits(), LeaseTokenCodec(1, 2)};
  MultiKeyHandler multi_key_{&cache_};
  RequestMetrics requests_;
  InflightLimit inflight_{1, absl::Milliseconds(1)};
  TransportState transport_;
  Readiness readiness_;
  ConnectionTable connections_{100};
  Forwarding forwarding_;
  std::unique_ptr<FrontEnd> front_end_;
  std::unique_ptr<RpcChannel> own_;
  std::unique_ptr<RpcChannel> other_node_;
};

TEST_F(ReceivedLimitTest, CallsOfOtherNodesHaveTheirOwnPlaces) {
  ProtoCall<v1::GetResponse> own(kGet, GetOf("k"));
  own_->Start(own);
  AwaitHeld(1);  // the node is full of its own
  ProtoCall<v1::GetResponse> forwarded(kGet, GetOf("k"));
  other_node_->Start(forwarded);
  AwaitHeld(2);
  ProtoCall<v1::GetResponse> own_more(kGet, GetOf("k"));
  own_->Start(own_more);
  EXPECT_EQ(own_more.Wait(), Code::kResourceExhausted);
  EXPECT_THAT(own_more.status.message, HasSubstr("--max_inflight"));
  ProtoCall<v1::GetResponse> more(kGet, GetOf("k"));
  other_node_->Start(more);
  EXPECT_EQ(more.Wait(), Code::kResourceExhausted);
  EXPECT_THAT(more.status.message, HasSubstr("--max_forwarded_received"));
  EXPECT_TRUE(more.has_retry_info());
  EXPECT_EQ(forwarding_.received.current(), 1u);
  cache_.AnswerAll();
  EXPECT_EQ(own.Wait(), Code::kOk);
  EXPECT_EQ(forwarded.Wait(), Code::kOk);
  EXPECT_EQ(forwarding_.metrics.received[static_cast<size_t>(Method::kGet)], 2u);
  EXPECT_EQ(forwarding_.received.refused(), 1u);
}

// With what is counted open to the test.
class CountedBytesTest : public ReceivedLimitTest {
 protected:
  void AwaitNoneHeld() {
    while (forwarding_.bytes.used() != 0 || forwarding_.sent.current() != 0) {
      std::this_thread::yield();
    }
  }
  // Has the node take all that the peer has sent before: by a call behind it, on this stream.
  void PassBy(larder::Peer& peer, const std::string& key, uint32_t stream) {
    ProtoCall<v1::GetResponse> marker(kGet, GetOf(key));
    own_->Start(marker);
    peer.ReadUntil(Message(GetOf(key).SerializeAsString()));
    peer.Answer(stream, "");
    EXPECT_EQ(marker.Wait(), Code::kOk);
  }
};

TEST_F(CountedBytesTest, AnswersThatWaitForOthersOfTheirCallAreCounted) {
  Listener low;
  Listener high;
  forwarding_.routing.Publish(Halves(At(low.address()), At(high.address())));
  v1::MultiGetRequest request;
  for (const std::string& key : {kHigh, kLow}) *request.add_items() = GetOf(key);
  ProtoCall<v1::MultiGetResponse> call("/larder.v1.Cache/MultiGet", request);
  own_->Start(call);
  larder::Peer first = low.Greet();
  larder::Peer second = high.Greet();
  v1::MultiGetResponse answer;
  answer.add_results()->mutable_response()->set_value(std::string(12000, 'v'));
  first.ReadUntil(kLow);
  first.Answer(1, answer.SerializeAsString());
  PassBy(first, kLow + "marker", 3);
  EXPECT_GE(forwarding_.bytes.used(), 12000 + request.ByteSizeLong());
  second.ReadUntil(kHigh);
  second.Answer(1, answer.SerializeAsString());
  EXPECT_EQ(call.Wait(), Code::kOk);
  EXPECT_EQ(call.answer.results(1).response().value().size(), 12000u);
  AwaitNoneHeld();
}

TEST_F(CountedBytesTest, AnswersThatTheirClientDoesNotReadAreCountedUntilItEnds) {
  Listener owner;
  forwarding_.routing.Publish(Routing::AllAt(owner.address(), 1));
  auto client = std::make_optional<PipelineClient>(front_end_->endpoint(), /*window=*/0);
  for (uint64_t id = 1; id <= 10; ++id) {
    v1::PipelineRequest get;
    get.set_id(id);
    *get.mutable_get() = GetOf(absl::StrCat("key", id));
    client->Send(get);
  }
  larder::Peer peer = owner.Greet();
  peer.ReadUntil(Message(GetOf("key10").SerializeAsString()));
  for (uint32_t stream = 1; stream < 20; stream += 2) peer.Answer(stream, GetAnswerOf(15000));
  PassBy(peer, "marker", 21);
  EXPECT_GE(forwarding_.bytes.used(), 9 * 15000u);  // all but the one that was sent first
  EXPECT_GE(forwarding_.sent.current(), 9u);
  client.reset();
  AwaitNoneHeld();
}

TEST(PeerChannelsTest, TheOneThatWasNotUsedForLongestGoes) {
  Forwarding forwarding(ForwardingOptions{.peers_max = 2});
  const auto events = EventLoop::Create().value();
  auto channels = std::make_unique<PeerChannels>(&forwarding, events.get());
  events->RunAndWait([&] {
    Peer* const first = channels->Use("127.0.0.1:1").value();
    Peer* const second = channels->Use("127.0.0.1:2").value();
    EXPECT_EQ(channels->Use("127.0.0.1:1").value(), first);
    // Both have calls open.
    EXPECT_EQ(channels->Use("127.0.0.1:3").status().code(), Code::kUnavailable);
    channels->Release(*second);
    EXPECT_TRUE(channels->Use("127.0.0.1:3").ok());
    EXPECT_EQ(channels->Use("127.0.0.1:2").status().code(), Code::kUnavailable);
    EXPECT_EQ(channels->Use("127.0.0.1:1").value(), first);
  });
}

TEST(ForwardedProofTest, IsThatOfOneSecret) {
  const std::string proof = ForwardedProofOf("a secret of this cluster");
  EXPECT_EQ(proof.size(), 32u);
  EXPECT_EQ(proof, ForwardedProofOf("a secret of this cluster"));
  EXPECT_NE(proof, ForwardedProofOf("a secret of that cluster"));
  EXPECT_EQ(ForwardedProofOf(""), "");
}

// A node with a secret, and with one place each for its own calls and for those of other nodes.
class ProvenCallsTest : public ReceivedLimitTest {
 protected:
  ProvenCallsTest() : ReceivedLimitTest({.received_max = 1, .proof = ForwardedProofOf(kSecret)}) {}

  // Whoever says that it is a node, with this proof.
  std::unique_ptr<RpcChannel> NodeWith(const std::string& proof) const {
    return Connect({.address = front_end_->endpoint().ToString(),
                    .metadata = {{"larder-forwarded", absl::StrCat("1 ", proof)}}});
  }
  static constexpr char kSecret[] = "a secret of this cluster";
};

TEST_F(ProvenCallsTest, StrangersTakeNoPlacesOfNodes) {
  const auto liar = NodeWith(ForwardedProofOf("a secret of that cluster"));
  ProtoCall<v1::GetResponse> of_liar(kGet, GetOf("k"));
  liar->Start(of_liar);
  AwaitHeld(1);
  // One without any proof is a client like the other, and there is no more room for clients.
  ProtoCall<v1::GetResponse> of_stranger(kGet, GetOf("k"));
  other_node_->Start(of_stranger);
  EXPECT_EQ(of_stranger.Wait(), Code::kResourceExhausted);
  EXPECT_THAT(of_stranger.status.message, HasSubstr("--max_inflight"));
  EXPECT_EQ(forwarding_.received.current(), 0u);
  const auto node = NodeWith(ForwardedProofOf(kSecret));
  ProtoCall<v1::GetResponse> of_node(kGet, GetOf("k"));
  node->Start(of_node);
  AwaitHeld(2);
  EXPECT_EQ(forwarding_.received.current(), 1u);
  cache_.AnswerAll();
  EXPECT_EQ(of_liar.Wait(), Code::kOk);
  EXPECT_EQ(of_node.Wait(), Code::kOk);
  EXPECT_EQ(forwarding_.metrics.received[static_cast<size_t>(Method::kGet)], 1u);
}

TEST_F(ProvenCallsTest, WhatAStrangerSaysIsSentOnIsNotSentOnAgain) {
  forwarding_.routing.Publish(Routing::AllAt("127.0.0.1:1", 3));
  ProtoCall<v1::GetResponse> call(kGet, GetOf("k"));
  other_node_->Start(call);
  EXPECT_EQ(call.Wait(), Code::kFailedPrecondition);
  EXPECT_EQ(call.redirect().endpoint(), "127.0.0.1:1");
}

TEST_F(ProvenCallsTest, ANodeProvesItselfToTheOwner) {
  Listener owner;
  forwarding_.routing.Publish(Routing::AllAt(owner.address(), 3));
  ProtoCall<v1::GetResponse> call(kGet, GetOf("k"));
  own_->Start(call);
  larder::Peer peer = owner.Greet();
  peer.ReadUntil(
      HeaderBlock({{"larder-forwarded", absl::StrCat("1 ", ForwardedProofOf(kSecret))}}));
  peer.Answer(1, "");
  EXPECT_EQ(call.Wait(), Code::kOk);
}

TEST(ForwardedBytesTest, AreBoundedTogether) {
  ForwardedBytes bytes(10);
  EXPECT_TRUE(bytes.Take(6));
  EXPECT_FALSE(bytes.Take(5));
  EXPECT_TRUE(bytes.Take(4));
  EXPECT_EQ(bytes.used(), 10u);
  bytes.Return(10);
  EXPECT_EQ(bytes.used(), 0u);
}

TEST(ForwardingTlsTest, NodesSpeakTlsToEachOtherWithTheirOwnCertificates) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("forwarding_tls_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const TestAuthority authority("authority");
  const TestAuthority stranger("stranger");
  const TestCertificate certificate = authority.Issue("node");
  std::ofstream(folder / "cert") << certificate.certificate;
  std::ofstream(folder / "key") << certificate.key;
  std::ofstream(folder / "ca") << authority.certificate();
  std::ofstream(folder / "stranger") << stranger.certificate();
  ServerConfig config;
  config.tls = {.cert_file = (folder / "cert").string(),
                .key_file = (folder / "key").string(),
                .client_ca_file = (folder / "ca").string()};
  RoutedNode owner(config);
  RoutedNode front(config);
  front.SendOnTo(owner.endpoint());
  config.tls.peer_ca_file = (folder / "stranger").string();
  RoutedNode distrustful(config);
  distrustful.SendOnTo(owner.endpoint());
  const auto client_tls =
      ChannelTlsContext::Create({.authorities = {"ca", authority.certificate()},
                                 .certificates = {"cert", certificate.certificate},
                                 .key = {"key", certificate.key}})
          .value();
  const auto ask = [&](const RoutedNode& node, ProtoCall<v1::SetResponse>& call) {
    const auto channel = Connect(
        {.address = node.endpoint(), .tls = client_tls, .connect_timeout = absl::Minutes(1)});
    channel->Start(call);
    return call.Wait();
  };
  ProtoCall<v1::SetResponse> good("/larder.v1.Cache/Set", SetOf("k", "v"));
  EXPECT_EQ(ask(front, good), Code::kOk) << good.status.message;
  ProtoCall<v1::SetResponse> bad("/larder.v1.Cache/Set", SetOf("k", "v"));
  EXPECT_EQ(ask(distrustful, bad), Code::kUnavailable);
  EXPECT_THAT(bad.status.message, HasSubstr("certificate verify failed"));
  // New certificates are used by new connections.
  const TestCertificate next = authority.Issue("node");
  std::ofstream(folder / "cert") << next.certificate;
  std::ofstream(folder / "key") << next.key;
  EXPECT_THAT(front.node().Reload().text, HasSubstr("is valid until"));
  ProtoCall<v1::SetResponse> renewed("/larder.v1.Cache/Set", SetOf("k", "v"));
  EXPECT_EQ(ask(front, renewed), Code::kOk) << renewed.status.message;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace larder::server
