#ifndef LARDER_TESTS_CLIENT_CHANNEL_CHANNEL_FIXTURE_H_
#define LARDER_TESTS_CLIENT_CHANNEL_CHANNEL_FIXTURE_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/channel/file_descriptor.h"
#include "client/channel/rpc_channel.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_method.h"
#include "tests/loopback.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder {

// Long enough for a machine that is busy; a test ends as soon as it has what it waits for.
inline constexpr int kPatienceMs = 60000;

// A call whose end can be waited for.
class WaitingCall final : public ChannelCall {
 public:
  explicit WaitingCall(std::string_view message,
                       std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    path = "/test/Echo";
    std::memcpy(ResizeRequest(message.size()), message.data(), message.size());
    deadline = std::chrono::steady_clock::now() + timeout;
  }
  void OnDone() override { done_.set_value(); }

  absl::StatusCode Wait() {
    done_.get_future().wait();
    return static_cast<absl::StatusCode>(status.code);
  }

 private:
  std::promise<void> done_;
};

// A whole answer.
inline std::string AnswerOf(uint32_t stream, const std::string& message) {
  return Headers(stream, {{":status", "200"}, {"content-type", "application/grpc"}}) +
         Data(stream, Message(message)) +
         Headers(stream, {{"grpc-status", "0"}}, http2::kEndStream);
}

// The test's end of one connection, and what it reads there.
class Peer {
 public:
  explicit Peer(FileDescriptor socket) : socket_(std::move(socket)) {}

  void Send(const std::string& bytes) {
    ASSERT_EQ(send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Until the bytes are among those that came.
  void ReadUntil(const std::string& bytes) {
    while (received_.find(bytes) == std::string::npos) ASSERT_TRUE(Read()) << "closed";
  }
  void ReadUntilClosed() {
    while (Read()) {
    }
  }
  void Close() { socket_.Close(); }
  FileDescriptor Take() { return std::move(socket_); }
  const std::string& received() const { return received_; }

  // Answers one that was asked on a stream.
  void Answer(uint32_t stream, const std::string& message) { Send(AnswerOf(stream, message)); }

 private:
  bool Read() {
    pollfd readable{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing comes";
      return false;
    }
    char buffer[65536];
    const ssize_t received = recv(socket_.number(), buffer, sizeof(buffer), 0);
    if (received <= 0) return false;
    received_.append(buffer, static_cast<size_t>(received));
    return true;
  }

  FileDescriptor socket_;
  std::string received_;
};

// A listening socket, whose connections a test plays itself or gives to a server.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = LoopbackAddress(0);
    socklen_t bytes = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_.number(), any, sizeof(address)), 0);
    EXPECT_EQ(listen(socket_.number(), 64), 0);
    EXPECT_EQ(getsockname(socket_.number(), any, &bytes), 0);
    port_ = ntohs(address.sin_port);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  int port() const { return port_; }

  Peer Accept() {
    pollfd readable{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, kPatienceMs), 1) << "nobody connects";
    return Peer(FileDescriptor(accept(socket_.number(), nullptr, nullptr)));
  }
  // Accepts a connection, sends the server's first frame, and has read the client's preface.
  Peer Greet(const std::string& settings = Settings()) {
    Peer peer = Accept();
    peer.ReadUntil("SM\r\n\r\n");
    peer.Send(settings);
    return peer;
  }

 private:
  FileDescriptor socket_;
  int port_ = 0;
};

// Calls by four threads at once, for which `serve` accepts the connections.
template <typename Serve>
void ExpectAnswersToManyThreads(RpcChannel& channel, const Serve& serve) {
  std::vector<std::thread> callers;
  std::atomic<int> answers{0};
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < 300; ++j) {
        const std::string message = absl::StrCat(i, " ", j, std::string(j * 20, 'x'));
        WaitingCall call(message);
        channel.Start(call);
        if (call.Wait() == absl::StatusCode::kOk && call.response == message) ++answers;
      }
    });
  }
  serve();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(answers, 4 * 300);
}

inline std::unique_ptr<RpcChannel> Connect(ChannelOptions options) {
  return RpcChannel::Create(options).value();
}

}  // namespace larder

#endif  // LARDER_TESTS_CLIENT_CHANNEL_CHANNEL_FIXTURE_H_
