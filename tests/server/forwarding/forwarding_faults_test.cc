// A node that sends calls on to one that the test plays: what is sent, and what fails.

#include "absl/strings/escaping.h"
#include "server/messages/redirect.h"
#include "server/messages/status_details.h"
#include "tests/server/forwarding/forwarding_fixture.h"

namespace larder::server {
namespace {

constexpr char kGet[] = "/larder.v1.Cache/Get";
constexpr char kSet[] = "/larder.v1.Cache/Set";

std::string OpeningOf(std::string_view method) {
  return HeaderBlock({{":path", std::string(method)}});
}

class ForwardingFaultsTest : public testing::Test {
 protected:
  ForwardingFaultsTest() { Restart({}); }

  void Restart(const ServerConfig& config) {
    node_ = std::make_unique<RoutedNode>(config);
    node_->SendOnTo(listener_.address());
  }
  template <typename Response>
  std::unique_ptr<ProtoCall<Response>> Start(
      const char* path, const google::protobuf::MessageLite& request,
      std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    auto call = std::make_unique<ProtoCall<Response>>(path, request, timeout);
    node_->channel().Start(*call);
    return call;
  }
  auto StartGet(std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    return Start<v1::GetResponse>(kGet, GetOf("k"), timeout);
  }
  auto StartSet(std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    return Start<v1::SetResponse>(kSet, SetOf("k", "v"), timeout);
  }
  // The connection of the node, on which all of this many requests have come.
  Peer GreetAndRead(const std::string& last_request) {
    Peer peer = listener_.Greet();
    peer.ReadUntil(Message(last_request));
    return peer;
  }

  Listener listener_;
  std::unique_ptr<RoutedNode> node_;
};

TEST_F(ForwardingFaultsTest, TheRequestGoesOnAsItCameAndIsMarked) {
  // With a field that this node does not know.
  const std::string request = SetOf("k", "v").SerializeAsString() + "\xa2\x06\x03new";
  WaitingCall call(request);
  call.path = kSet;
  node_->channel().Start(call);
  Peer peer = GreetAndRead(request);
  EXPECT_THAT(peer.received(), HasSubstr(OpeningOf(kSet)));
  EXPECT_THAT(peer.received(), HasSubstr(HeaderBlock({{"larder-forwarded", "1"}})));
  // What is left of a minute, rounded up by at most 1/16.
  EXPECT_THAT(peer.received(), HasSubstr(HeaderBlock({{"grpc-timeout", "61440m"}})));
  const std::string answer = "\xa2\x06\x03old";  // goes back as it came, too
  peer.Answer(1, answer);
  EXPECT_EQ(call.Wait(), Code::kOk);
  EXPECT_EQ(call.response, answer);
}

TEST_F(ForwardingFaultsTest, NothingIsAppliedByANodeThatCannotBeReached) {
  node_->SendOnTo(std::make_unique<Listener>()->address());  // gone by now
  const auto set = StartSet();
  EXPECT_EQ(set->Wait(), Code::kUnavailable);
  EXPECT_THAT(set->status.message, HasSubstr("not applied"));
  EXPECT_FALSE(set->status.details.empty());  // so a client knows whose word it is
}

TEST_F(ForwardingFaultsTest, NothingIsAppliedByANodeThatClosesBeforeItHasSpoken) {
  const auto set = StartSet();
  listener_.Accept().Close();
  EXPECT_EQ(set->Wait(), Code::kUnavailable);
  EXPECT_THAT(set->status.message, HasSubstr("not applied"));
}

TEST_F(ForwardingFaultsTest, AWriteMayHaveBeenAppliedWhenItsAnswerIsLost) {
  const auto set = StartSet();
  GreetAndRead(SetOf("k", "v").SerializeAsString()).Close();
  EXPECT_EQ(set->Wait(), Code::kUnknown);
  EXPECT_THAT(set->status.message, HasSubstr("may have been applied"));
}

TEST_F(ForwardingFaultsTest, AReadMayBeRepeatedWhenItsAnswerIsLost) {
  const auto get = StartGet();
  GreetAndRead(GetOf("k").SerializeAsString()).Close();
  EXPECT_EQ(get->Wait(), Code::kUnavailable);
}

TEST_F(ForwardingFaultsTest, HalfAnAnswerIsNone) {
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  const std::string answer = AnswerOf(1, std::string(100, 'x'));
  peer.Send(answer.substr(0, answer.size() / 2));
  peer.Close();
  EXPECT_EQ(set->Wait(), Code::kUnknown);
}

TEST_F(ForwardingFaultsTest, AWriteThatWasRefusedUnseenTwiceWasNotApplied) {
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  const auto refusal = [](uint32_t stream) {
    return Frame(http2::FrameType::kRstStream, 0, stream,
                 BigEndian(static_cast<uint32_t>(http2::ErrorCode::kRefusedStream), 4));
  };
  peer.Send(refusal(1));
  peer.ReadUntil(Data(3, Message(SetOf("k", "v").SerializeAsString()), http2::kEndStream));
  peer.Send(refusal(3));
  EXPECT_EQ(set->Wait(), Code::kUnavailable);
}

TEST_F(ForwardingFaultsTest, TheOwnersWordIsPassedOn) {
  const absl::Status word = absl::UnavailableError("loading");
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  peer.Send(ErrorAnswer(1, Code::kUnavailable, "loading", StatusDetailsOf(word)));
  EXPECT_EQ(set->Wait(), Code::kUnavailable);
  EXPECT_EQ(set->status.message, "loading");
  EXPECT_EQ(set->status.details, StatusDetailsOf(word));
}

// A proxy, for instance.
TEST_F(ForwardingFaultsTest, AnErrorThatIsNotTheOwnersSaysNothing) {
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  peer.Send(Headers(1, {{":status", "503"}}, http2::kEndStream));
  EXPECT_EQ(set->Wait(), Code::kUnknown);
}

TEST_F(ForwardingFaultsTest, ANodeThatHangsEndsTheCallByItsDeadlineAndIsTold) {
  const auto set = StartSet(std::chrono::milliseconds(50));
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  EXPECT_EQ(set->Wait(), Code::kDeadlineExceeded);
  peer.ReadUntil(Frame(http2::FrameType::kRstStream, 0, 1,
                       BigEndian(static_cast<uint32_t>(http2::ErrorCode::kCancel), 4)));
}

TEST_F(ForwardingFaultsTest, ANodeThatHangsIsNoticedWithoutADeadline) {
  ServerConfig config;
  config.peer_keepalive_time = absl::Seconds(1);
  config.peer_keepalive_timeout = absl::Seconds(1);
  Restart(config);
  ProtoCall<v1::SetResponse> set(kSet, SetOf("k", "v"));
  set.deadline = kNoTime;
  node_->channel().Start(set);
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  EXPECT_EQ(set.Wait(), Code::kUnknown);
  EXPECT_THAT(set.status.message, HasSubstr("no answer to a ping"));
}

TEST_F(ForwardingFaultsTest, ACallerThatGoesCancelsWhatWasSentOn) {
  auto channel = node_->NewChannel();
  WaitingCall call(GetOf("k").SerializeAsString());
  call.path = kGet;
  channel->Start(call);
  Peer peer = GreetAndRead(GetOf("k").SerializeAsString());
  channel.reset();
  EXPECT_EQ(call.Wait(), Code::kUnavailable);
  peer.ReadUntil(Frame(http2::FrameType::kRstStream, 0, 1,
                       BigEndian(static_cast<uint32_t>(http2::ErrorCode::kCancel), 4)));
  // And the connection goes on.
  const auto get = StartGet();
  peer.Send(AnswerOf(1, "late"));
  peer.ReadUntil(Message(GetOf("k").SerializeAsString()));
  peer.Answer(3, "");
  EXPECT_EQ(get->Wait(), Code::kOk);
}

TEST_F(ForwardingFaultsTest, NoMoreAreSentOnThanTheirLimit) {
  ServerConfig config;
  config.max_forwarded = 1;
  Restart(config);
  const auto first = StartGet();
  Peer peer = GreetAndRead(GetOf("k").SerializeAsString());
  const auto second = StartGet();
  EXPECT_EQ(second->Wait(), Code::kResourceExhausted);
  EXPECT_THAT(second->status.message, HasSubstr("--max_forwarded)"));
  EXPECT_TRUE(second->has_retry_info());
  // Its own are not concerned.
  node_->Publish(Halves({}, At(listener_.address())));
  EXPECT_EQ(node_->Set(kLow, "own"), Code::kOk);
  EXPECT_EQ(node_->Get(kLow), "own");
  peer.Answer(1, "");
  EXPECT_EQ(first->Wait(), Code::kOk);
  const auto third = Start<v1::GetResponse>(kGet, GetOf(kHigh));
  peer.ReadUntil(Message(GetOf(kHigh).SerializeAsString()));
  peer.Answer(3, "");
  EXPECT_EQ(third->Wait(), Code::kOk);
}

TEST_F(ForwardingFaultsTest, NoMoreBytesAreSentOnThanTheirLimit) {
  ServerConfig config;
  config.limits.max_value_bytes = 60000;
  config.max_request_bytes = 100000;
  config.limits.max_response_bytes = 100000;
  config.limits.max_multi_items = 100;
  config.limits.max_scan_limit = 100;
  config.max_forwarded_bytes = 200000;
  Restart(config);
  const auto value = [](char c) { return std::string(59000, c); };
  std::vector<std::unique_ptr<ProtoCall<v1::SetResponse>>> open;
  for (const char c : {'a', 'b', 'c'}) {
    open.push_back(Start<v1::SetResponse>(kSet, SetOf("k", value(c))));
  }
  Peer peer = listener_.Greet();
  const auto more = Start<v1::SetResponse>(kSet, SetOf("k", value('d')));
  EXPECT_EQ(more->Wait(), Code::kResourceExhausted);
  EXPECT_THAT(more->status.message, HasSubstr("--max_forwarded_bytes"));
  EXPECT_TRUE(more->has_retry_info());
  // An answer that does not fit, either: 177 kB of requests, 30 kB of it.
  const auto get = StartGet();
  peer.ReadUntil(OpeningOf(kGet));
  peer.Send(Headers(7, {{":status", "200"}, {"content-type", "application/grpc"}}) +
            Data(7, Message(std::string(30000, 'x')).substr(0, 16000)));
  EXPECT_EQ(get->Wait(), Code::kResourceExhausted);
  EXPECT_THAT(get->status.message, HasSubstr("--max_forwarded_bytes"));
  // What has ended has given its bytes back.
  peer.Close();
  for (const auto& call : open) EXPECT_EQ(call->Wait(), Code::kUnknown);
  RoutedNode owner;
  node_->SendOnTo(owner.endpoint());
  EXPECT_EQ(node_->Set("k", value('e')), Code::kOk);
}

TEST_F(ForwardingFaultsTest, ADrainWaitsForWhatWasSentOn) {
  const auto get = StartGet();
  Peer peer = GreetAndRead(GetOf("k").SerializeAsString());
  std::thread drain([&] { node_->node().Drain(); });
  // Nobody new is accepted any more.
  while (true) {
    const auto probe = node_->NewChannel();
    WaitingCall call("");
    call.path = kGet;
    probe->Start(call);
    if (call.Wait() == Code::kUnavailable) break;
  }
  peer.Answer(1, "");
  EXPECT_EQ(get->Wait(), Code::kOk);
  drain.join();
}

TEST_F(ForwardingFaultsTest, ANodeMayEndWithCallsOpen) {
  const auto get = StartGet();
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  node_->Stop();
  EXPECT_EQ(get->Wait(), Code::kUnavailable);
  EXPECT_EQ(set->Wait(), Code::kUnavailable);  // as the channel of the test has it
  peer.ReadUntilClosed();
}

TEST_F(ForwardingFaultsTest, ARedirectToNobodyIsUnavailable) {
  const absl::Status redirect =
      WithRedirect(absl::FailedPreconditionError("moved"), {.slot = 5, .endpoint = ""});
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  peer.Send(ErrorAnswer(1, Code::kFailedPrecondition, "moved", StatusDetailsOf(redirect)));
  EXPECT_EQ(set->Wait(), Code::kUnavailable);
}

TEST_F(ForwardingFaultsTest, TheSecondNodeThatIsNamedMayBeGone) {
  const std::string gone = std::make_unique<Listener>()->address();
  const absl::Status redirect =
      WithRedirect(absl::FailedPreconditionError("moved"), {.slot = 5, .endpoint = gone});
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  peer.Send(ErrorAnswer(1, Code::kFailedPrecondition, "moved", StatusDetailsOf(redirect)));
  EXPECT_EQ(set->Wait(), Code::kUnavailable);
  EXPECT_THAT(set->status.message, HasSubstr(gone));
}

TEST_F(ForwardingFaultsTest, GarbageFromTheOwnerIsNoAnswer) {
  const auto set = StartSet();
  Peer peer = GreetAndRead(SetOf("k", "v").SerializeAsString());
  peer.Send(std::string(100, '\xff'));
  EXPECT_EQ(set->Wait(), Code::kUnknown);
}

}  // namespace
}  // namespace larder::server
