// A server and a channel to its peer on one EventLoop: calls are forwarded without another thread.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/channel/event_loop.h"
#include "client/channel/rpc_channel.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/server_loop.h"
#include "server/transport/transport_state.h"
#include "tests/client/channel/channel_fixture.h"
#include "tests/server/rpc/echo_method.h"

namespace larder::server {
namespace {

using ::testing::HasSubstr;

// Record of which threads have had a hand in forwarding, and what is left of it. Thread-safe.
class Trail {
 public:
  void NoteThread() {
    const storage::MutexLock lock(mutex_);
    threads_.insert(std::this_thread::get_id());
  }
  std::set<std::thread::id> threads() {
    const storage::MutexLock lock(mutex_);
    return threads_;
  }

  std::atomic<int> forwarded{0};  // that were sent to the peer
  std::atomic<int> open{0};       // objects

 private:
  storage::Mutex mutex_;
  std::set<std::thread::id> threads_ ABSL_GUARDED_BY(mutex_);
};

// Answers with what the peer has said.
class PeerAnswer final : public CallCompletion {
 public:
  PeerAnswer(ChannelStatus status, std::string response, Trail* trail)
      : status_(std::move(status)), response_(std::move(response)), trail_(trail) {
    ++trail_->open;
  }
  ~PeerAnswer() override { --trail_->open; }
  void Run(RpcCall& call) override {
    trail_->NoteThread();
    if (status_.code != 0) {
      return call.Finish(
          absl::Status(static_cast<absl::StatusCode>(status_.code), status_.message));
    }
    Echo().Run(response_, call);
  }

 private:
  const ChannelStatus status_;
  const std::string response_;
  Trail* const trail_;
};

// A call to the peer; owns itself.
class ForwardedCall final : public ChannelCall {
 public:
  ForwardedCall(std::string_view request, CallTicket ticket, Trail* trail)
      : ticket_(std::move(ticket)), trail_(trail) {
    path = "/test/Echo";
    deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
    std::memcpy(ResizeRequest(request.size()), request.data(), request.size());
    ++trail_->open;
  }
  void OnDone() override {
    trail_->NoteThread();
    ticket_.Complete(std::make_unique<PeerAnswer>(std::move(status), std::move(response), trail_));
    --trail_->open;
    delete this;
  }

 private:
  CallTicket ticket_;
  Trail* const trail_;
};

// Asks the peer, by way of a channel that is there when the first call comes.
class Forward final : public UnaryMethod {
 public:
  Forward(const std::unique_ptr<RpcChannel>* channel, Trail* trail)
      : channel_(channel), trail_(trail) {}
  void Run(std::string_view request, RpcCall& call) override {
    trail_->NoteThread();
    auto* const forwarded = new ForwardedCall(request, call.Defer(), trail_);
    (*channel_)->Start(*forwarded);
    ++trail_->forwarded;
  }

 private:
  const std::unique_ptr<RpcChannel>* const channel_;
  Trail* const trail_;
};

class ForwardingCall {
 public:
  explicit ForwardingCall(std::string_view message) : call_(message) {
    call_.path = "/test/Forward";
  }
  WaitingCall* operator->() { return &call_; }
  WaitingCall& operator*() { return call_; }

 private:
  WaitingCall call_;
};

class ForwardingTest : public testing::Test {
 protected:
  ForwardingTest() {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    methods_.Add("/test/Forward", std::make_unique<Forward>(&channel_, &trail_));
    events_->RunAndWait([this] { thread_ = std::this_thread::get_id(); });
    front_ = ServerLoop::Start({.limits = &limits_,
                                .methods = &methods_,
                                .timeouts = {},
                                .state = &state_,
                                .event_loop = events_.get()})
                 .value();
  }
  ~ForwardingTest() override {
    End();
    EXPECT_EQ(trail_.open, 0);
  }

  // Ends in the order in which a node does: who forwards, what is forwarded, the loop of both.
  void End() {
    front_.reset();
    channel_.reset();
    events_.reset();
  }

  static void Serve(Listener& listener, ServerLoop& loop) {
    FileDescriptor socket = listener.Accept().Take();
    ASSERT_EQ(fcntl(socket.number(), F_SETFL, O_NONBLOCK), 0);
    loop.Add(std::move(socket));
  }
  // Lets the node forward to what this one accepts.
  void ForwardTo(const Listener& peer) {
    channel_ = Connect({.address = peer.address(), .event_loop = events_.get()});
  }
  void ConnectClient() {
    client_ = Connect({.address = front_listener_.address()});
    WaitingCall call("hello");
    client_->Start(call);
    Serve(front_listener_, *front_);
    ASSERT_EQ(call.Wait(), absl::StatusCode::kOk);
  }
  void StartPeer() {
    peer_ = ServerLoop::Start({&limits_, &methods_, {}, &state_}).value();
    ForwardTo(peer_listener_);
  }
  std::vector<std::unique_ptr<ForwardingCall>> StartCalls(int count) {
    std::vector<std::unique_ptr<ForwardingCall>> calls;
    for (int i = 0; i < count; ++i) {
      calls.push_back(std::make_unique<ForwardingCall>(absl::StrCat("call ", i)));
      client_->Start(**calls.back());
    }
    return calls;
  }
  // Starts calls that the peer has got, and does not answer by itself.
  Peer StartCallsThatWait(int count) {
    ForwardTo(peer_listener_);
    ConnectClient();
    calls_ = StartCalls(count);
    Peer peer = peer_listener_.Greet();
    peer.ReadUntil(Message(absl::StrCat("call ", count - 1)));
    return peer;
  }
  void ExpectAllUnavailable() {
    for (const auto& call : calls_) EXPECT_EQ((*call)->Wait(), absl::StatusCode::kUnavailable);
  }
  void WaitUntilForwarded(int count) {
    while (trail_.forwarded < count) std::this_thread::yield();
  }
  void ExpectOneThread() { EXPECT_EQ(trail_.threads(), std::set<std::thread::id>{thread_}); }

  Trail trail_;
  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  Listener front_listener_;
  Listener peer_listener_;
  std::thread::id thread_;  // of the loop
  std::unique_ptr<EventLoop> events_ = EventLoop::Create().value();
  std::unique_ptr<RpcChannel> channel_;
  std::unique_ptr<ServerLoop> front_;
  std::unique_ptr<ServerLoop> peer_;
  std::vector<std::unique_ptr<ForwardingCall>> calls_;
  std::unique_ptr<RpcChannel> client_;
};

TEST_F(ForwardingTest, APeerAnswersByWayOfOneThread) {
  StartPeer();
  ConnectClient();
  ForwardingCall call("far");
  client_->Start(*call);
  Serve(peer_listener_, *peer_);
  EXPECT_EQ(call->Wait(), absl::StatusCode::kOk) << call->status.message;
  EXPECT_EQ(call->response, "far");
  ExpectOneThread();
}

TEST_F(ForwardingTest, ManyCallsInFlightGetTheirOwnAnswers) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 250;  // of each thread, at once
  StartPeer();
  ConnectClient();
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const auto calls = StartCalls(kCalls);
      for (int j = 0; j < kCalls; ++j) {
        const bool is_ok = (*calls[static_cast<size_t>(j)])->Wait() == absl::StatusCode::kOk;
        right += is_ok && (*calls[static_cast<size_t>(j)])->response == absl::StrCat("call ", j);
      }
    });
  }
  Serve(peer_listener_, *peer_);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kCalls);
  EXPECT_EQ(trail_.forwarded, kThreads * kCalls);
  ExpectOneThread();
}

// Both ends of the channel are on the loop, so nothing of either may wait for the other.
TEST_F(ForwardingTest, ANodeMayForwardToItself) {
  ForwardTo(front_listener_);
  ConnectClient();
  ForwardingCall large(std::string(size_t{3} << 20, 'x'));
  client_->Start(*large);
  Serve(front_listener_, *front_);
  EXPECT_EQ(large->Wait(), absl::StatusCode::kOk) << large->status.message;
  EXPECT_TRUE(large->response == std::string(size_t{3} << 20, 'x'));
  for (const auto& call : StartCalls(100)) EXPECT_EQ((*call)->Wait(), absl::StatusCode::kOk);
  EXPECT_EQ(front_->connections(), 2u);
  ExpectOneThread();
}

TEST_F(ForwardingTest, TheClientHearsThatThePeerCannotBeReached) {
  ForwardTo(*std::make_unique<Listener>());  // gone by now
  ConnectClient();
  ForwardingCall call("x");
  client_->Start(*call);
  EXPECT_EQ(call->Wait(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(call->status.message, "cannot connect: Connection refused");
  ExpectOneThread();
}

TEST_F(ForwardingTest, TheClientHearsThatThePeerIsGoneAndTheNodeGoesOn) {
  Peer peer = StartCallsThatWait(20);
  peer.Answer(1, "good");
  EXPECT_EQ((*calls_[0])->Wait(), absl::StatusCode::kOk);
  peer.Close();
  for (size_t i = 1; i < calls_.size(); ++i) {
    EXPECT_EQ((*calls_[i])->Wait(), absl::StatusCode::kUnavailable);
    EXPECT_THAT((*calls_[i])->status.message, HasSubstr("the connection broke"));
  }
  WaitingCall own("own");
  client_->Start(own);
  EXPECT_EQ(own.Wait(), absl::StatusCode::kOk);
  ExpectOneThread();
}

TEST_F(ForwardingTest, TheNodeMayEndBeforeThePeerHasAnswered) {
  Peer peer = StartCallsThatWait(20);
  WaitUntilForwarded(20);
  End();
  ExpectAllUnavailable();
}

TEST_F(ForwardingTest, TheNodeMayEndBeforeThePeerHasAcceptedTheConnection) {
  ForwardTo(peer_listener_);
  ConnectClient();
  calls_ = StartCalls(20);
  WaitUntilForwarded(20);
  End();
  ExpectAllUnavailable();
}

TEST_F(ForwardingTest, TheChannelMayEndBeforeTheServerWhichThenAnswers) {
  Peer peer = StartCallsThatWait(20);
  WaitUntilForwarded(20);
  channel_.reset();
  for (const auto& call : calls_) {
    EXPECT_EQ((*call)->Wait(), absl::StatusCode::kUnavailable);
    EXPECT_EQ((*call)->status.message, "the channel was closed");
  }
  peer.ReadUntilClosed();
  ExpectOneThread();
}

TEST_F(ForwardingTest, AClientThatCancelsLeavesNothingBehind) {
  Peer peer = StartCallsThatWait(3);
  client_.reset();
  while (front_->connections() > 0) std::this_thread::yield();
  for (const uint32_t stream : {1u, 3u, 5u}) peer.Answer(stream, "nobody wants this");
  while (trail_.open > 0) std::this_thread::yield();
}

TEST_F(ForwardingTest, TheLoopsOwnTasksMayEndAChannel) {
  ForwardTo(peer_listener_);
  ConnectClient();
  calls_ = StartCalls(5);
  WaitUntilForwarded(5);
  events_->RunAndWait([this] { channel_.reset(); });
  ExpectAllUnavailable();
}

}  // namespace
}  // namespace larder::server
