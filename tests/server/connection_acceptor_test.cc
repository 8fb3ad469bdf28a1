#include "server/connections/connection_acceptor.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/client_socket.h"
#include "tests/server/one_more_file.h"

// The table asks for numbers of sockets that may belong to others by now, and knows by the inode;
// ThreadSanitizer takes that for a race.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:InodeOf\n"; }

namespace larder::server {
namespace {

using testing::HasSubstr;

// Takes the connections that an acceptor hands over.
class ConnectionAcceptorTest : public testing::Test {
 protected:
  ConnectionAcceptorTest() : table_(2) { Start(ConnectionAcceptor::Protocol::kHttp2); }

  void Start(ConnectionAcceptor::Protocol protocol) {
    auto listening = Listen({"127.0.0.1", 0});
    acceptor_ = ConnectionAcceptor::Start(
                    *std::move(listening), &table_,
                    [this](int socket) {
                      const std::lock_guard lock(mutex_);
                      sockets_.emplace_back(socket);
                      changed_.notify_all();
                    },
                    protocol)
                    .value();
  }

  std::unique_ptr<ClientSocket> Connect() {
    return std::make_unique<ClientSocket>(acceptor_->endpoint());
  }

  void WaitForSockets(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sockets_.size() >= count; });
  }

  void CloseFirst() {
    const std::lock_guard lock(mutex_);
    sockets_.front().Close();
  }

  ConnectionTable table_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<FileDescriptor> sockets_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

TEST_F(ConnectionAcceptorTest, HandsOverUpToTheLimit) {
  const auto first = Connect();
  const auto second = Connect();
  WaitForSockets(2);
  EXPECT_EQ(table_.current(), 2u);
  EXPECT_EQ(table_.accepted(), 2u);
  EXPECT_EQ(table_.refused(), 0u);
}

TEST_F(ConnectionAcceptorTest, OneOverTheLimitGetsAnAlertWhereClientsSpeakTls) {
  Start(ConnectionAcceptor::Protocol::kTls);
  const auto first = Connect();
  const auto second = Connect();
  WaitForSockets(2);
  EXPECT_EQ(Connect()->ReadAll(), std::string("\x15\x03\x03\x00\x02\x02\x50", 7));
  EXPECT_EQ(table_.refused(), 1u);
}

TEST_F(ConnectionAcceptorTest, OneOverTheLimitIsToldToGoAway) {
  const auto first = Connect();
  const auto second = Connect();
  WaitForSockets(2);
  const auto third = Connect();
  third->Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const std::string answer = third->ReadAll();
  ASSERT_GE(answer.size(), 17u);
  EXPECT_EQ(static_cast<size_t>(answer[2]), answer.size() - 9);
  EXPECT_EQ(answer[3], 7);                                       // GOAWAY
  EXPECT_EQ(answer.substr(13, 4), std::string("\0\0\0\xb", 4));  // ENHANCE_YOUR_CALM
  EXPECT_THAT(answer.substr(17), HasSubstr("2 connections (--max_connections)"));
  EXPECT_EQ(table_.refused(), 1u);
  EXPECT_EQ(table_.current(), 2u);
}

TEST_F(ConnectionAcceptorTest, ClosedConnectionsMakeRoomWithoutASweep) {
  const auto first = Connect();
  const auto second = Connect();
  WaitForSockets(2);
  CloseFirst();
  const auto third = Connect();
  WaitForSockets(3);
  EXPECT_EQ(table_.refused(), 0u);
  EXPECT_EQ(table_.current(), 2u);
  EXPECT_EQ(table_.accepted(), 3u);
}

TEST_F(ConnectionAcceptorTest, SweepForgetsClosedConnectionsWhoseNumberIsInUseAgain) {
  const auto first = Connect();
  WaitForSockets(1);
  CloseFirst();
  const FileDescriptor same_number(::socket(AF_INET, SOCK_STREAM, 0));
  table_.Sweep();
  EXPECT_EQ(table_.current(), 0u);
}

TEST_F(ConnectionAcceptorTest, WaitsForDescriptorsAndCountsThat) {
  std::unique_ptr<ClientSocket> client;
  // UBSan takes descriptors to look at an object on which a function is called first.
  WaitForSockets(0);
  {
    const OneMoreFile for_the_client;
    client = Connect();
    // The test's own time limit ends this if it never happens.
    while (table_.accept_failures() < 2) std::this_thread::yield();
    EXPECT_EQ(table_.accepted(), 0u);
  }
  WaitForSockets(1);
  EXPECT_EQ(table_.accepted(), 1u);
}

TEST_F(ConnectionAcceptorTest, StopClosesThePort) {
  const Endpoint endpoint = acceptor_->endpoint();
  acceptor_->Stop();
  EXPECT_FALSE(ClientSocket(endpoint).is_connected());
  acceptor_->Stop();
}

}  // namespace
}  // namespace larder::server
