#include "client/channel/rpc_channel.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/channel/event_loop.h"
#include "server/rpc/server_loop.h"
#include "server/transport/transport_state.h"
#include "tests/client/channel/channel_fixture.h"
#include "tests/loopback.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

using ::testing::HasSubstr;

// Against our own server.
class RpcChannelServerTest : public ::testing::Test {
 protected:
  RpcChannelServerTest() {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    loop_ = ServerLoop::Start({&limits_, &methods_, {}, &state_}).value();
  }
  void Serve() {
    FileDescriptor socket = listener_.Accept().Take();
    ASSERT_EQ(fcntl(socket.number(), F_SETFL, O_NONBLOCK), 0);
    loop_->Add(std::move(socket));
  }

  Listener listener_;
  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  std::unique_ptr<ServerLoop> loop_;
};

TEST_F(RpcChannelServerTest, ACallIsAnswered) {
  const auto channel = Connect({.address = listener_.address()});
  WaitingCall call("hello");
  channel->Start(call);
  Serve();
  EXPECT_EQ(call.Wait(), absl::StatusCode::kOk);
  EXPECT_EQ(call.response, "hello");
}

TEST_F(RpcChannelServerTest, ANameIsResolved) {
  const auto channel = Connect({.address = absl::StrCat("localhost:", listener_.port())});
  WaitingCall call("hello");
  channel->Start(call);
  Serve();
  EXPECT_EQ(call.Wait(), absl::StatusCode::kOk);
}

TEST_F(RpcChannelServerTest, ManyThreadsOverManyConnections) {
  const auto channel = Connect({.address = listener_.address(), .connections = 3, .io_threads = 2});
  ExpectAnswersToManyThreads(*channel, [&] {
    for (int i = 0; i < 3; ++i) Serve();
  });
  EXPECT_EQ(loop_->connections(), 3u);
}

TEST_F(RpcChannelServerTest, LargeMessagesGoBothWays) {
  limits_.request_bytes_max = size_t{16} << 20;
  ChannelOptions options{.address = listener_.address()};
  options.limits.answer_bytes_max = size_t{16} << 20;
  const auto channel = Connect(options);
  std::string message(size_t{12} << 20, 'x');
  for (size_t i = 0; i < message.size(); i += 1000) message[i] = static_cast<char>(i);
  WaitingCall call(message);
  channel->Start(call);
  Serve();
  EXPECT_EQ(call.Wait(), absl::StatusCode::kOk) << call.status.message;
  EXPECT_TRUE(call.response == message);
}

// Starts another call from within OnDone, some times.
class ChainedCall final : public ChannelCall {
 public:
  ChainedCall(RpcChannel* channel, int times) : channel_(channel), left_(times) {
    path = "/test/Echo";
    ResizeRequest(0);
    deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  }
  void OnDone() override {
    if (status.code != 0 || --left_ == 0) return done.set_value(status.code);
    channel_->Start(*this);
  }
  std::promise<int> done;

 private:
  RpcChannel* const channel_;
  int left_;
};

TEST_F(RpcChannelServerTest, ACallMayBeStartedWhenAnotherIsDone) {
  const auto channel = Connect({.address = listener_.address()});
  ChainedCall call(channel.get(), 100);
  channel->Start(call);
  Serve();
  EXPECT_EQ(call.done.get_future().get(), 0);
}

TEST_F(RpcChannelServerTest, ADrainedServerLosesNoCall) {
  ChannelOptions options{.address = listener_.address()};
  const auto channel = Connect(options);
  WaitingCall first("first");
  channel->Start(first);
  Serve();
  ASSERT_EQ(first.Wait(), absl::StatusCode::kOk);
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(std::make_unique<WaitingCall>(absl::StrCat(i)));
    channel->Start(*calls.back());
    if (i == 50) loop_->Drain();
  }
  // Those that came too late connect again, to the next one.
  const auto next = ServerLoop::Start({&limits_, &methods_, {}, &state_}).value();
  WaitingCall last("last");
  std::thread acceptor([&] {
    FileDescriptor socket = listener_.Accept().Take();
    ASSERT_EQ(fcntl(socket.number(), F_SETFL, O_NONBLOCK), 0);
    next->Add(std::move(socket));
  });
  for (const auto& call : calls)
    EXPECT_EQ(call->Wait(), absl::StatusCode::kOk) << call->status.message;
  channel->Start(last);
  EXPECT_EQ(last.Wait(), absl::StatusCode::kOk);
  acceptor.join();
}

TEST_F(RpcChannelServerTest, ChannelsMayShareALoop) {
  const auto events = EventLoop::Create().value();
  const ChannelOptions options{
      .address = listener_.address(), .connections = 2, .event_loop = events.get()};
  const auto one = Connect(options);
  auto two = Connect(options);
  ExpectAnswersToManyThreads(*one, [&] {
    for (int i = 0; i < 2; ++i) Serve();
  });
  ExpectAnswersToManyThreads(*two, [&] {
    for (int i = 0; i < 2; ++i) Serve();
  });
  two.reset();
  WaitingCall call("hello");
  one->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kOk);
}

// Against a server that the test plays.
class RpcChannelPeerTest : public ::testing::Test {
 protected:
  void Open(ChannelOptions options = {}) {
    options.address = listener_.address();
    channel_ = Connect(options);
  }

  Listener listener_;
  std::unique_ptr<RpcChannel> channel_;
};

TEST_F(RpcChannelPeerTest, TheDeadlineEndsACallAndTheServerIsTold) {
  Open();
  WaitingCall call("x", std::chrono::milliseconds(30));
  channel_->Start(call);
  Peer peer = listener_.Greet();
  EXPECT_EQ(call.Wait(), absl::StatusCode::kDeadlineExceeded);
  // Not before the server knew of it: else it never comes.
  if (peer.received().find("/test/Echo") != std::string::npos) {
    peer.ReadUntil(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4)));
  }
  WaitingCall next("y");
  channel_->Start(next);
  peer.ReadUntil(Message("y"));
  peer.Answer(peer.received().find(Message("x")) == std::string::npos ? 1 : 3, "good");
  EXPECT_EQ(next.Wait(), absl::StatusCode::kOk);
}

TEST_F(RpcChannelPeerTest, TheDeadlineEndsACallThatHasNoConnection) {
  Open();
  WaitingCall call("x", std::chrono::milliseconds(5));
  channel_->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(call.status.message, HasSubstr("before there was a connection"));
}

TEST_F(RpcChannelPeerTest, AServerThatSaysNothingIsNoConnection) {
  Open({.connect_timeout = absl::Milliseconds(20)});
  WaitingCall call("x");
  channel_->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(call.status.message, "no connection within 20ms");
}

TEST_F(RpcChannelPeerTest, AServerThatSpeaksHttp1IsNoConnection) {
  Open();
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.ReadUntil("SM\r\n\r\n");
  peer.Send("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
}

TEST_F(RpcChannelPeerTest, AConnectionThatIsRefusedSaysWhy) {
  Open();
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.Send(Frame(http2::FrameType::kGoaway, 0, 0, BigEndian(0, 4) + BigEndian(11, 4) + "full"));
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(call.status.message, HasSubstr("GOAWAY with code 11 (full)"));
}

TEST_F(RpcChannelPeerTest, ACallInFlightFailsWithItsConnectionAndTheNextConnectsAgain) {
  Open();
  WaitingCall good("good");
  channel_->Start(good);
  Peer peer = listener_.Greet();
  peer.ReadUntil(Message("good"));
  peer.Answer(1, "1");
  ASSERT_EQ(good.Wait(), absl::StatusCode::kOk);
  WaitingCall lost("lost");
  channel_->Start(lost);
  peer.ReadUntil(Message("lost"));
  peer.Close();
  EXPECT_EQ(lost.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(lost.status.message, HasSubstr("the connection broke"));
  WaitingCall next("next");
  channel_->Start(next);
  Peer again = listener_.Greet();
  again.ReadUntil(Message("next"));
  again.Answer(1, "2");
  EXPECT_EQ(next.Wait(), absl::StatusCode::kOk);
}

TEST_F(RpcChannelPeerTest, ACallThatGoawayGivesBackMovesToANewConnection) {
  Open();
  WaitingCall first("first");
  channel_->Start(first);
  Peer peer = listener_.Greet();
  peer.ReadUntil(Message("first"));
  peer.Answer(1, "1");
  ASSERT_EQ(first.Wait(), absl::StatusCode::kOk);
  WaitingCall kept("kept");
  WaitingCall moved("moved");
  channel_->Start(kept);
  channel_->Start(moved);
  peer.ReadUntil(Message("moved"));
  peer.Send(Frame(http2::FrameType::kGoaway, 0, 0, BigEndian(3, 4) + BigEndian(0, 4)));
  Peer next = listener_.Greet();
  next.ReadUntil(Message("moved"));
  next.Answer(1, "2");
  EXPECT_EQ(moved.Wait(), absl::StatusCode::kOk);
  peer.Answer(3, "3");
  EXPECT_EQ(kept.Wait(), absl::StatusCode::kOk);
  peer.ReadUntilClosed();  // as soon as nothing is left there
}

TEST_F(RpcChannelPeerTest, ACallThatIsRefusedTwiceFails) {
  Open();
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Greet();
  for (const uint32_t stream : {1u, 3u}) {
    peer.ReadUntil(Data(stream, Message("x"), http2::kEndStream));
    peer.Send(Frame(http2::FrameType::kRstStream, 0, stream, BigEndian(7, 4)));
  }
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
}

TEST_F(RpcChannelPeerTest, CallsBeyondTheServersLimitWaitForTheirTurn) {
  Open();
  WaitingCall one("one");
  WaitingCall two("two");
  channel_->Start(one);
  channel_->Start(two);
  Peer peer = listener_.Greet(Settings({{http2::Setting::kMaxConcurrentStreams, 1}}));
  peer.ReadUntil(Message("one"));
  EXPECT_EQ(peer.received().find(Message("two")), std::string::npos);
  peer.Answer(1, "1");
  peer.ReadUntil(Message("two"));
  peer.Answer(3, "2");
  EXPECT_EQ(one.Wait(), absl::StatusCode::kOk);
  EXPECT_EQ(two.Wait(), absl::StatusCode::kOk);
}

TEST_F(RpcChannelPeerTest, OpenCallsEndWithTheirChannel) {
  Open();
  WaitingCall in_flight("in flight");
  channel_->Start(in_flight);
  Peer peer = listener_.Greet(Settings({{http2::Setting::kMaxConcurrentStreams, 1}}));
  peer.ReadUntil(Message("in flight"));
  WaitingCall waiting("waiting");
  channel_->Start(waiting);
  channel_.reset();
  EXPECT_EQ(in_flight.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(waiting.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(waiting.status.message, "the channel was closed");
}

// A call that begins itself again, a few times.
class RetriedCall final : public ChannelCall {
 public:
  explicit RetriedCall(RpcChannel* channel) : channel_(channel) {
    path = "/test/Echo";
    ResizeRequest(1);
    deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  }
  void OnDone() override {
    EXPECT_EQ(status.message, "the channel was closed");
    if (++ends < 4) channel_->Start(*this);
  }

  std::atomic<int> ends{0};

 private:
  RpcChannel* const channel_;
};

TEST_F(RpcChannelPeerTest, CallsThatOnDoneBeginsAgainEndWithTheirChannelToo) {
  for (const int threads : {1, 2}) {
    Open({.connections = threads, .io_threads = threads});
    std::vector<std::unique_ptr<RetriedCall>> calls;
    for (int i = 0; i < 3; ++i) {
      calls.push_back(std::make_unique<RetriedCall>(channel_.get()));
      channel_->Start(*calls.back());
    }
    std::vector<Peer> peers;
    for (int i = 0; i < threads; ++i) peers.push_back(listener_.Greet());
    delete channel_.release();  // which those that end still begin calls on
    for (const auto& call : calls) EXPECT_EQ(call->ends, 4);
  }
}

// A host that has gone without a word: nothing comes, nothing is reset.
TEST_F(RpcChannelPeerTest, AConnectionThatIsHalfOpenIsNoticed) {
  Open({.ping_after = absl::ZeroDuration(), .pong_within = absl::ZeroDuration()});
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Greet();
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(call.status.message, HasSubstr("no answer to a ping"));
  peer.ReadUntil(Frame(http2::FrameType::kPing, 0, 0, "LLLLLLLL"));
}

TEST(RpcChannelConnectTest, WithoutAServerCallsFailAndLaterOnesFindIt) {
  auto listener = std::make_unique<Listener>();
  const std::string address = listener->address();
  const int port = listener->port();
  listener.reset();
  const auto channel = Connect({.address = address, .backoff_initial = absl::Milliseconds(1)});
  WaitingCall call("x");
  channel->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(call.status.message, "cannot connect: Connection refused");
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  const int on = 1;
  setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in again = LoopbackAddress(static_cast<uint16_t>(port));
  ASSERT_EQ(bind(socket.number(), reinterpret_cast<const sockaddr*>(&again), sizeof(again)), 0);
  ASSERT_EQ(listen(socket.number(), 8), 0);
  // Refused at once until the backoff is over, and then it waits for the server's SETTINGS.
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  for (std::unique_ptr<WaitingCall> next; code == absl::StatusCode::kUnavailable;) {
    next = std::make_unique<WaitingCall>("y", std::chrono::milliseconds(20));
    channel->Start(*next);
    code = next->Wait();
  }
  EXPECT_EQ(code, absl::StatusCode::kDeadlineExceeded);
}

TEST(RpcChannelConnectTest, AUnixSocketThatIsNotThereIsUnavailable) {
  const auto channel = Connect({.address = "unix:/nonexistent/socket"});
  WaitingCall call("x");
  channel->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(call.status.message, "cannot connect: No such file or directory");
}

TEST(RpcChannelConnectTest, ANameThatIsUnknownIsUnavailable) {
  const auto channel =
      Connect({.address = "no-such-host.invalid:1", .connect_timeout = absl::Minutes(1)});
  WaitingCall call("x");
  channel->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(call.status.message, HasSubstr("cannot find no-such-host.invalid"));
}

TEST(RpcChannelConnectTest, AChannelThatWasNotUsedEnds) {
  Connect({.address = "127.0.0.1:1", .connections = 4, .io_threads = 4});
}

}  // namespace
}  // namespace larder::server
