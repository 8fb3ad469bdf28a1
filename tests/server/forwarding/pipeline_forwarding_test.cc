// A Pipeline whose operations go to a node that the test plays: their order, what bounds them, and
// a client that does not read.

#include <map>
#include <optional>
#include <set>

#include "tests/server/forwarding/forwarding_fixture.h"
#include "tests/server/forwarding/pipeline_client.h"

namespace larder::server {
namespace {

constexpr char kGet[] = "/larder.v1.Cache/Get";
constexpr char kSet[] = "/larder.v1.Cache/Set";
constexpr char kMultiSet[] = "/larder.v1.Cache/MultiSet";
constexpr uint32_t kWide = 1 << 20;

v1::PipelineRequest GetOperation(uint64_t id, const std::string& key) {
  v1::PipelineRequest request;
  request.set_id(id);
  *request.mutable_get() = GetOf(key);
  return request;
}

v1::PipelineRequest SetOperation(uint64_t id, const std::string& key, const std::string& value) {
  v1::PipelineRequest request;
  request.set_id(id);
  *request.mutable_set() = SetOf(key, value);
  return request;
}

std::string OpeningOf(std::string_view method) {
  return HeaderBlock({{":path", std::string(method)}});
}

// The calls of a node to its peer are on streams 1, 3, 5, ...
class PipelineForwardingTest : public testing::Test {
 protected:
  void Start(const ServerConfig& config) {
    front_.emplace(config);
    front_->SendOnTo(owner_.address());
  }
  PipelineClient NewClient(uint32_t window = kWide) {
    return PipelineClient(front_->node().client_endpoint(), window);
  }
  // Has the node take all that the peer has sent before: by a call behind it, on this stream.
  void PassBy(larder::Peer& peer, uint32_t stream) {
    const std::string key = absl::StrCat(kHigh, "of stream ", stream);
    ProtoCall<v1::GetResponse> marker(kGet, GetOf(key));
    front_->channel().Start(marker);
    peer.ReadUntil(Message(GetOf(key).SerializeAsString()));
    peer.Answer(stream, "");
    EXPECT_EQ(marker.Wait(), Code::kOk);
  }

  Listener owner_;
  std::optional<RoutedNode> front_;
};

std::string GetAnswer(size_t bytes) {
  v1::GetResponse answer;
  answer.set_found(true);
  answer.set_value(std::string(bytes, 'v'));
  return answer.SerializeAsString();
}

TEST_F(PipelineForwardingTest, AnswersWaitWhileTheClientDoesNotRead) {
  ServerConfig config;
  config.max_unread_bytes = 32 << 10;
  Start(config);
  PipelineClient client = NewClient(/*window=*/0);
  for (uint64_t id = 1; id <= 30; ++id) client.Send(GetOperation(id, absl::StrCat("key", id)));
  larder::Peer peer = owner_.Greet();
  peer.ReadUntil(Message(GetOf("key30").SerializeAsString()));
  for (uint32_t i = 0; i < 30; ++i) peer.Answer(2 * i + 1, GetAnswer(15000));
  PassBy(peer, 61);
  client.Ping();
  EXPECT_FALSE(client.IsOver());
  // Nor is more of its stream read.
  client.Send(GetOperation(31, "key31"));
  client.Ping();
  PassBy(peer, 63);
  EXPECT_EQ(peer.received().find("key31"), std::string::npos);
  client.Allow(20000);
  EXPECT_EQ(client.Read().get().value().size(), 15000u);
  client.Allow(kWide);
  std::set<uint64_t> ids;
  for (int i = 1; i < 30; ++i) ids.insert(client.Read().id());
  EXPECT_EQ(ids.size(), 29u);
  peer.ReadUntil(Message(GetOf("key31").SerializeAsString()));
  peer.Answer(65, GetAnswer(1));
  EXPECT_EQ(client.Read().id(), 31u);
  client.End();
  EXPECT_EQ(client.Status(), "0");
}

TEST_F(PipelineForwardingTest, AUnaryAnswerWaitsWhileItsConnectionIsNotRead) {
  ServerConfig config;
  config.max_unread_bytes = 4 << 10;
  Start(config);
  PipelineClient client = NewClient(/*window=*/0);
  client.Send(GetOperation(1, "key1"));
  client.Call(3, kSet, SetOf("k", "v").SerializeAsString());
  larder::Peer peer = owner_.Greet();
  peer.ReadUntil(Message(SetOf("k", "v").SerializeAsString()));
  // Whichever of both came first.
  const bool get_is_first = peer.received().find("key1") < peer.received().find(OpeningOf(kSet));
  peer.ReadUntil("key1");
  peer.Answer(get_is_first ? 1 : 3, GetAnswer(15000));
  PassBy(peer, 5);
  peer.Answer(get_is_first ? 3 : 1, v1::SetResponse().SerializeAsString());
  PassBy(peer, 7);
  client.Ping();
  EXPECT_FALSE(client.IsOver(3));
  client.Allow(kWide);
  client.Allow(kWide, 3);
  EXPECT_EQ(client.Read().id(), 1u);
  EXPECT_EQ(client.Status(3), "0");
}

TEST_F(PipelineForwardingTest, WhatWaitsBehindALargeOneIsCounted) {
  ServerConfig config;
  config.limits.max_value_bytes = 60000;
  config.max_request_bytes = 100000;
  config.limits.max_response_bytes = 100000;
  config.limits.max_multi_items = 100;
  config.limits.max_scan_limit = 100;
  config.max_forwarded_bytes = 200000;
  Start(config);
  PipelineClient client = NewClient();
  const auto value = [](uint64_t id) { return std::string(59000, static_cast<char>('a' + id)); };
  for (uint64_t id = 1; id <= 4; ++id) client.Send(SetOperation(id, "k", value(id)));
  const v1::PipelineResponse refused = client.Read();
  EXPECT_EQ(refused.id(), 4u);
  EXPECT_EQ(refused.error().code(), static_cast<int>(Code::kResourceExhausted));
  EXPECT_THAT(refused.error().message(), HasSubstr("--max_forwarded_bytes"));
  larder::Peer peer = owner_.Greet();
  peer.Send(WindowUpdate(0, kWide));
  for (uint64_t id = 1; id <= 3; ++id) {
    peer.ReadUntil(value(id).substr(0, 1000));
    if (id < 3) {
      EXPECT_EQ(peer.received().find(value(id + 1).substr(0, 1000)), std::string::npos);
    }
    peer.Answer(static_cast<uint32_t>(2 * id - 1), "");
    EXPECT_EQ(client.Read().id(), id);
  }
  // And has been given back.
  client.Send(SetOperation(5, "k", value(5)));
  peer.ReadUntil(value(5).substr(0, 1000));
  peer.Answer(7, "");
  EXPECT_EQ(client.Read().id(), 5u);
}

TEST_F(PipelineForwardingTest, OneThatIsTakenApartWaitsForALargeOneAndRunsItsOwnPartAtOnce) {
  Start({});
  front_->Publish(Halves({}, At(owner_.address())));
  PipelineClient client = NewClient();
  client.Send(SetOperation(1, kHigh, std::string(50000, 'l')));
  v1::PipelineRequest several;
  several.set_id(2);
  *several.mutable_multi_set()->add_items() = SetOf(kHigh, "after the large one");
  *several.mutable_multi_set()->add_items() = SetOf(kLow, "before what follows");
  client.Send(several);
  client.Send(SetOperation(3, kLow, "what follows"));
  client.Send(SetOperation(4, kHigh, "the last"));
  EXPECT_EQ(client.Read().id(), 3u);
  EXPECT_EQ(front_->Get(kLow), "what follows");
  larder::Peer peer = owner_.Greet();
  peer.ReadUntil(std::string(1000, 'l'));
  PassBy(peer, 3);
  EXPECT_EQ(peer.received().find(OpeningOf(kMultiSet)), std::string::npos);
  EXPECT_EQ(peer.received().find("the last"), std::string::npos);
  peer.Answer(1, "");
  peer.ReadUntil("the last");
  EXPECT_LT(peer.received().find(OpeningOf(kMultiSet)), peer.received().find("the last"));
  v1::MultiSetResponse stored;
  stored.add_results()->mutable_response()->mutable_stored()->set_version(7);
  peer.Answer(5, stored.SerializeAsString());
  peer.Answer(7, "");
  client.End();
  std::map<uint64_t, v1::PipelineResponse> answers;
  for (int i = 0; i < 3; ++i) {
    const v1::PipelineResponse answer = client.Read();
    answers[answer.id()] = answer;
  }
  EXPECT_EQ(client.Status(), "0");
  ASSERT_EQ(answers[2].multi_set().results_size(), 2);
  EXPECT_EQ(answers[2].multi_set().results(0).response().stored().version(), 7u);
  EXPECT_TRUE(answers[2].multi_set().results(1).response().has_stored());
  EXPECT_EQ(front_->Get(kLow), "what follows");
}

TEST_F(PipelineForwardingTest, WhatIsBehindALargeOneThatIsTakenApartWaitsForIt) {
  Start({});
  front_->Publish(Halves({}, At(owner_.address())));
  PipelineClient client = NewClient();
  v1::PipelineRequest several;
  several.set_id(1);
  *several.mutable_multi_set()->add_items() = SetOf(kHigh, std::string(50000, 'l'));
  *several.mutable_multi_set()->add_items() = SetOf(kLow, "here");
  client.Send(several);
  client.Send(SetOperation(2, kHigh, "the last"));
  larder::Peer peer = owner_.Greet();
  peer.ReadUntil(std::string(1000, 'l'));
  client.Ping();
  PassBy(peer, 3);
  EXPECT_EQ(peer.received().find("the last"), std::string::npos);
  v1::MultiSetResponse stored;
  stored.add_results()->mutable_response()->mutable_stored()->set_version(7);
  peer.Answer(1, stored.SerializeAsString());
  peer.ReadUntil("the last");
  peer.Answer(5, "");
  EXPECT_EQ(client.Read().id(), 1u);
  EXPECT_EQ(client.Read().id(), 2u);
}

}  // namespace
}  // namespace larder::server
