// Calls over many keys whose items have several owners.

#include "tests/server/forwarding/forwarding_fixture.h"

namespace larder::server {
namespace {

constexpr char kMultiGet[] = "/larder.v1.Cache/MultiGet";
constexpr char kMultiSet[] = "/larder.v1.Cache/MultiSet";
constexpr char kMultiDelete[] = "/larder.v1.Cache/MultiDelete";

class MultiKeyForwardingTest : public testing::Test {
 protected:
  // The low slots are at the front node, the high ones at the other.
  MultiKeyForwardingTest() { front_.Publish(Halves({}, At(other_.endpoint()))); }

  template <typename Response>
  Response Ask(RpcChannel& channel, std::string_view path,
               const google::protobuf::MessageLite& request, Code expected = Code::kOk) {
    ProtoCall<Response> call(path, request);
    channel.Start(call);
    EXPECT_EQ(call.Wait(), expected) << path << ": " << call.status.message;
    return call.answer;
  }
  // What a MultiGet says of each key: its value, "(miss)" or "code N".
  std::vector<std::string> MultiGet(const std::vector<std::string>& keys) {
    v1::MultiGetRequest request;
    for (const std::string& key : keys) *request.add_items() = GetOf(key);
    const auto answer = Ask<v1::MultiGetResponse>(front_.channel(), kMultiGet, request);
    std::vector<std::string> values;
    for (const v1::MultiGetResult& result : answer.results()) {
      values.push_back(result.has_error()          ? absl::StrCat("code ", result.error().code())
                       : result.response().found() ? result.response().value()
                                                   : "(miss)");
    }
    return values;
  }

  RoutedNode other_;
  RoutedNode front_;
};

TEST_F(MultiKeyForwardingTest, ResultsComeInTheOrderAsked) {
  v1::MultiSetRequest set;
  for (const std::string& key : {kHigh + "1", kLow + "1", kLow + "2", kHigh + "2"}) {
    *set.add_items() = SetOf(key, absl::StrCat("of ", key));
  }
  const auto stored = Ask<v1::MultiSetResponse>(front_.channel(), kMultiSet, set);
  ASSERT_EQ(stored.results_size(), 4);
  for (const auto& result : stored.results()) EXPECT_TRUE(result.response().has_stored());
  EXPECT_EQ(other_.Get(kHigh + "2"), "of " + kHigh + "2");
  EXPECT_EQ(other_.Get(kLow + "2"), "(miss)");
  EXPECT_THAT(MultiGet({kLow + "2", kHigh + "1", "none", kHigh + "1", kLow + "1", kHigh + "x"}),
              testing::ElementsAre("of " + kLow + "2", "of " + kHigh + "1", "(miss)",
                                   "of " + kHigh + "1", "of " + kLow + "1", "(miss)"));
  v1::MultiDeleteRequest erase;
  for (const std::string& key : {kLow + "1", kHigh + "1", kHigh + "none"}) {
    erase.add_items()->set_key(key);
  }
  const auto erased = Ask<v1::MultiDeleteResponse>(front_.channel(), kMultiDelete, erase);
  ASSERT_EQ(erased.results_size(), 3);
  EXPECT_TRUE(erased.results(0).response().deleted());
  EXPECT_TRUE(erased.results(1).response().deleted());
  EXPECT_FALSE(erased.results(2).response().deleted());
}

TEST_F(MultiKeyForwardingTest, AnItemThatIsNoGoodConcernsNoOther) {
  front_.Set(kLow, "low");
  other_.Set(kHigh, "high");
  EXPECT_THAT(MultiGet({kLow, "", kHigh, kHigh + std::string(20000, 'k')}),
              testing::ElementsAre("low", "code 3", "high", "code 3"));
}

TEST_F(MultiKeyForwardingTest, PreviousValuesComeFromAllOwners) {
  front_.Set(kLow, "low");
  other_.Set(kHigh, "high");
  v1::MultiSetRequest set;
  for (const std::string& key : {kHigh, kLow}) {
    *set.add_items() = SetOf(key, "new");
    set.mutable_items(set.items_size() - 1)->set_return_previous(true);
  }
  const auto stored = Ask<v1::MultiSetResponse>(front_.channel(), kMultiSet, set);
  EXPECT_EQ(stored.results(0).response().previous().value(), "high");
  EXPECT_EQ(stored.results(1).response().previous().value(), "low");
}

TEST_F(MultiKeyForwardingTest, ItemsOfANodeThatIsGoneHaveItsError) {
  front_.Set(kLow, "low");
  other_.Stop();
  EXPECT_THAT(MultiGet({kHigh, kLow, kHigh + "2"}),
              testing::ElementsAre("code 14", "low", "code 14"));
}

TEST_F(MultiKeyForwardingTest, ItemsWithoutAnOwnerAreUnavailable) {
  front_.Set(kLow, "low");
  front_.Publish(Halves({}, {SlotOwner::Place::kNobody}));
  EXPECT_THAT(MultiGet({kHigh, kLow}), testing::ElementsAre("code 14", "low"));
}

TEST_F(MultiKeyForwardingTest, ThreeNodesAnswerOneCall) {
  RoutedNode low;
  front_.Publish(Halves(At(low.endpoint()), At(other_.endpoint())));
  low.Set(kLow, "low");
  other_.Set(kHigh, "high");
  EXPECT_THAT(MultiGet({kHigh, kLow, kHigh}), testing::ElementsAre("high", "low", "high"));
}

TEST_F(MultiKeyForwardingTest, ItemsThatHaveMovedAreAskedForThere) {
  // The front node believes that both shards are at `other_`, which has the low slots only.
  RoutedNode third;
  front_.Publish(Halves(At(other_.endpoint()), At(other_.endpoint())));
  other_.Publish(Halves({}, At(third.endpoint())));
  other_.Set(kLow, "low");
  third.Set(kHigh, "high");
  EXPECT_THAT(MultiGet({kHigh, kLow}), testing::ElementsAre("high", "low"));
  EXPECT_THAT(MultiGet({kHigh, kHigh}), testing::ElementsAre("high", "high"));
  // A shard that has been divided.
  front_.Publish(Routing::BySlot({At(other_.endpoint()), {}}, {}, 10));
  EXPECT_THAT(MultiGet({kHigh, kLow}), testing::ElementsAre("high", "low"));
}

TEST_F(MultiKeyForwardingTest, WhatWasSentOnWholeTellsOfNoRedirects) {
  front_.SendOnTo(other_.endpoint());
  other_.Publish(Halves({}, At("127.0.0.1:1")));
  other_.Set(kLow, "low");
  EXPECT_THAT(MultiGet({kHigh, kLow}), testing::ElementsAre("code 14", "low"));
}

TEST_F(MultiKeyForwardingTest, ItemsThatHaveMovedTwiceAreUnavailable) {
  RoutedNode third;
  RoutedNode fourth;
  front_.Publish(Halves({}, At(other_.endpoint())));
  other_.SendOnTo(third.endpoint());
  third.SendOnTo(fourth.endpoint());
  front_.Set(kLow, "low");
  EXPECT_THAT(MultiGet({kHigh, kLow}), testing::ElementsAre("code 14", "low"));
}

TEST_F(MultiKeyForwardingTest, AClientThatRoutesHearsWhoOwnsEachItem) {
  front_.Set(kLow, "low");
  const auto channel = front_.NewChannel({{"larder-routing", "redirect"}});
  v1::MultiGetRequest request;
  for (const std::string& key : {kHigh, kLow}) *request.add_items() = GetOf(key);
  const auto answer = Ask<v1::MultiGetResponse>(*channel, kMultiGet, request);
  ASSERT_EQ(answer.results_size(), 2);
  EXPECT_EQ(answer.results(0).error().code(), static_cast<int>(Code::kFailedPrecondition));
  EXPECT_EQ(answer.results(0).error().redirect().endpoint(), other_.endpoint());
  EXPECT_EQ(answer.results(0).error().redirect().slot(), cluster::HashSlot(kHigh));
  EXPECT_EQ(answer.results(1).response().value(), "low");
  // Of one owner, it is told once.
  request.mutable_items()->RemoveLast();
  ProtoCall<v1::MultiGetResponse> whole(kMultiGet, request);
  channel->Start(whole);
  EXPECT_EQ(whole.Wait(), Code::kFailedPrecondition);
  EXPECT_EQ(whole.redirect().endpoint(), other_.endpoint());
}

TEST_F(MultiKeyForwardingTest, TheAnswerStaysBelowItsLimit) {
  ServerConfig config;
  config.limits.max_value_bytes = 60000;
  config.limits.max_response_bytes = 100000;
  config.limits.max_multi_items = 100;
  config.limits.max_scan_limit = 100;
  RoutedNode front(config);
  front.Publish(Halves({}, At(other_.endpoint())));
  front.Set(kLow, std::string(50000, 'l'));
  other_.Set(kHigh, std::string(60000, 'h'));
  v1::MultiGetRequest request;
  for (const std::string& key : {kHigh, kLow}) *request.add_items() = GetOf(key);
  const auto answer = Ask<v1::MultiGetResponse>(front.channel(), kMultiGet, request);
  ASSERT_EQ(answer.results_size(), 2);
  EXPECT_EQ(answer.results(0).response().value().size(), 60000u);
  EXPECT_EQ(answer.results(1).error().code(), static_cast<int>(Code::kResourceExhausted));
  EXPECT_LE(answer.ByteSizeLong(), 100000u);
}

TEST_F(MultiKeyForwardingTest, ThousandsOfItemsAreAnsweredInOrder) {
  v1::MultiSetRequest set;
  for (int i = 0; i < 9000; ++i) {
    *set.add_items() = SetOf(absl::StrCat("key ", i), absl::StrCat("value ", i));
  }
  Ask<v1::MultiSetResponse>(front_.channel(), kMultiSet, set);
  std::vector<std::string> keys;
  for (int i = 0; i < 9000; ++i) keys.push_back(absl::StrCat("key ", i));
  const std::vector<std::string> values = MultiGet(keys);
  ASSERT_EQ(values.size(), 9000u);
  for (int i = 0; i < 9000; ++i) {
    ASSERT_EQ(values[static_cast<size_t>(i)], absl::StrCat("value ", i));
  }
}

TEST_F(MultiKeyForwardingTest, ANodeWithSeveralShardsIsAskedOnce) {
  Listener owner;
  Routing::ShardOfSlot shards{};
  shards[cluster::HashSlot(kHigh)] = 1;
  shards[cluster::HashSlot(kLow)] = 2;
  front_.Publish(Routing::BySlot({{}, At(owner.address()), At(owner.address())}, shards, 10));
  v1::MultiGetRequest request;
  v1::MultiGetRequest sent_on;
  v1::MultiGetResponse answer;
  for (const std::string& key : {kHigh, std::string("here"), kLow}) {
    *request.add_items() = GetOf(key);
    if (key == "here") continue;
    *sent_on.add_items() = GetOf(key);
    answer.add_results()->mutable_response()->set_value(key);
  }
  ProtoCall<v1::MultiGetResponse> call(kMultiGet, request);
  front_.channel().Start(call);
  Peer peer = owner.Greet();
  peer.ReadUntil(Message(sent_on.SerializeAsString()));
  peer.Answer(1, answer.SerializeAsString());
  EXPECT_EQ(call.Wait(), Code::kOk);
  ASSERT_EQ(call.answer.results_size(), 3);
  EXPECT_EQ(call.answer.results(0).response().value(), kHigh);
  EXPECT_EQ(call.answer.results(2).response().value(), kLow);
}

TEST_F(MultiKeyForwardingTest, ACallerMayGoWhileNodesHaveNotAnswered) {
  Listener silent;
  front_.Publish(Halves({}, At(silent.address())));
  auto channel = front_.NewChannel();
  v1::MultiGetRequest request;
  for (const std::string& key : {kHigh, kLow}) *request.add_items() = GetOf(key);
  WaitingCall call(request.SerializeAsString());
  call.path = kMultiGet;
  channel->Start(call);
  Peer peer = silent.Greet();
  peer.ReadUntil(GetOf(kHigh).SerializeAsString());
  channel.reset();
  EXPECT_EQ(call.Wait(), Code::kUnavailable);
  peer.ReadUntil(Frame(http2::FrameType::kRstStream, 0, 1,
                       BigEndian(static_cast<uint32_t>(http2::ErrorCode::kCancel), 4)));
  EXPECT_EQ(front_.Set(kLow, "still there"), Code::kOk);
}

TEST_F(MultiKeyForwardingTest, ANodeThatAnswersTooFewItemsIsNotBelieved) {
  Listener liar;
  front_.Publish(Halves({}, At(liar.address())));
  v1::MultiGetRequest request;
  for (const std::string& key : {kHigh, kLow, kHigh}) *request.add_items() = GetOf(key);
  ProtoCall<v1::MultiGetResponse> call(kMultiGet, request);
  front_.channel().Start(call);
  Peer peer = liar.Greet();
  peer.ReadUntil(GetOf(kHigh).SerializeAsString());
  v1::MultiGetResponse one;
  one.add_results()->mutable_response()->set_found(true);
  peer.Answer(1, one.SerializeAsString());
  EXPECT_EQ(call.Wait(), Code::kOk);
  ASSERT_EQ(call.answer.results_size(), 3);
  EXPECT_TRUE(call.answer.results(0).response().found());
  EXPECT_EQ(call.answer.results(2).error().code(), static_cast<int>(Code::kUnknown));
}

}  // namespace
}  // namespace larder::server
