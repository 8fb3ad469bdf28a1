#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "server/rpc/server_loop.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"
#include "tests/server/rpc/loop_connection.h"

namespace larder::server {
namespace {

constexpr int kPatienceMs = 60000;
constexpr size_t kBytesMax = 400'000;
constexpr size_t kPart = 40'000;
constexpr int kGreedy = 20;  // together they would hold several times what may be held

// The client's end of a connection.
class Client {
 public:
  explicit Client(FileDescriptor socket) : socket_(std::move(socket)) {}

  void Send(const std::string& bytes) {
    // Fails if the node has ended the connection.
    static_cast<void>(send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

  // The status of a call, or "closed".
  std::string Echo(const std::string& text) {
    stream_ += 2;
    Send(Headers(stream_, RequestFields("/test/Echo")) +
         Data(stream_, Message(text), http2::kEndStream));
    while (!answers_[stream_].is_complete) {
      if (!Read()) return "closed";
    }
    return answers_[stream_].fields["grpc-status"];
  }

  // Reads until nothing more comes. Whether the node has closed.
  bool IsClosed() {
    while (HasMore(0)) {
      char buffer[65536];
      if (recv(socket_.number(), buffer, sizeof(buffer), 0) <= 0) return true;
    }
    return false;
  }

 private:
  bool HasMore(int timeout_ms) const {
    pollfd poll_socket{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    return poll(&poll_socket, 1, timeout_ms) == 1;
  }
  bool Read() {
    char buffer[65536];
    if (!HasMore(kPatienceMs)) return false;
    const ssize_t received = recv(socket_.number(), buffer, sizeof(buffer), 0);
    if (received <= 0) return false;
    rest_.append(buffer, static_cast<size_t>(received));
    while (rest_.size() >= http2::FrameHeader::kBytes) {
      const size_t bytes =
          http2::FrameHeader::kBytes + http2::FrameHeader::Read(rest_.data()).payload_bytes;
      if (rest_.size() < bytes) break;
      answers_.Add(rest_.substr(0, bytes));
      rest_.erase(0, bytes);
    }
    return true;
  }

  FileDescriptor socket_;
  uint32_t stream_ = 1001;
  std::string rest_;
  Answers answers_;
};

// A loop on a node whose connections may hold little together.
class GreedyConnectionsTest : public testing::Test {
 protected:
  GreedyConnectionsTest() : state_(kBytesMax, kBytesMax) {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    loop_ = ServerLoop::Start({.limits = &limits_,
                               .methods = &methods_,
                               .timeouts = PatientTimeouts(),
                               .state = &state_,
                               .event_loop = events_.get()})
                .value();
  }

  std::unique_ptr<Client> Connect() {
    auto client = std::make_unique<Client>(ConnectTo(*loop_));
    client->Send(Hello());
    return client;
  }

  // Greedy clients come one after the other and each holds `held`, while a good one calls.
  void ExpectTheGoodAreServed(const std::string& held, const ByteBudget& budget) {
    const auto good = Connect();
    std::vector<std::unique_ptr<Client>> greedy;
    for (int i = 0; i < kGreedy; ++i) {
      greedy.push_back(Connect());
      greedy.back()->Send(held);
      // In the first turn or a later one what was sent before is there.
      EXPECT_EQ(good->Echo("a"), "0");
      EXPECT_EQ(good->Echo("b"), "0");
      // Between turns: in the middle of one it may be more, until some are ended.
      events_->RunAndWait([&] { EXPECT_LT(budget.used_bytes(), kBytesMax); });
    }
    const uint64_t ended = state_.metrics.Read(ConnectionEnd::kMemory);
    EXPECT_GT(ended, 0u);
    EXPECT_LT(ended, static_cast<uint64_t>(kGreedy)) << "more than need be";
    EXPECT_EQ(loop_->connections(), kGreedy + 1 - ended);
    EXPECT_TRUE(greedy.front()->IsClosed());
    EXPECT_FALSE(good->IsClosed());
  }

  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  const std::unique_ptr<EventLoop> events_ = EventLoop::Create().value();
  std::unique_ptr<ServerLoop> loop_;
};

TEST_F(GreedyConnectionsTest, ThoseThatDoNotReadAreEndedBeforeOthersAreRefused) {
  std::string calls;
  for (uint32_t stream = 1; stream < 9; stream += 2) {
    calls += Headers(stream, RequestFields("/test/Echo"));
    const std::string message = Message(std::string(kPart, 'v'));
    for (size_t at = 0; at < message.size(); at += 16384) {
      const std::string piece = message.substr(at, 16384);
      calls += Data(stream, piece, at + piece.size() == message.size() ? http2::kEndStream : 0);
    }
  }
  ExpectTheGoodAreServed(calls, state_.unread);
}

TEST_F(GreedyConnectionsTest, ThoseThatDoNotEndTheirRequestsAreEndedBeforeOthersAreRefused) {
  const std::string half = Message(std::string(2 * kPart, 'v')).substr(0, kPart);
  std::string calls;
  for (uint32_t stream = 1; stream < 5; stream += 2) {
    calls += Headers(stream, RequestFields("/test/Echo"));
    for (size_t at = 0; at < half.size(); at += 16384)
      calls += Data(stream, half.substr(at, 16384));
  }
  ExpectTheGoodAreServed(calls, state_.incomplete);
}

TEST_F(GreedyConnectionsTest, WhatIsNotScarceEndsNobody) {
  const auto slow = Connect();
  slow->Send(Headers(1, RequestFields("/test/Echo")) + Data(1, Message("x").substr(0, 3)));
  // All of the other budget is held, by a connection of another loop.
  ByteShare other(&state_.unread);
  other.Report(kBytesMax);
  const auto good = Connect();
  EXPECT_EQ(good->Echo("a"), "8");
  other.Report(0);
  EXPECT_EQ(good->Echo("a"), "0");
  EXPECT_EQ(state_.metrics.Read(ConnectionEnd::kMemory), 0u);
}

}  // namespace
}  // namespace larder::server
