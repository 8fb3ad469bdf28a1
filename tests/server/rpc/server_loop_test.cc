#include "server/rpc/server_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>

#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"
#include "tests/server/rpc/loop_connection.h"

namespace larder::server {
namespace {

// Long enough for a machine that is busy; a test ends as soon as it has what it waits for.
constexpr int kPatienceMs = 60000;

// A loop, and the client's end of a connection to it.
class ServerLoopTest : public testing::Test {
 protected:
  void Start(IoTimeouts timeouts) {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    loop_ = ServerLoop::Start({&limits_, &methods_, timeouts, &state_}).value();
    client_ = ConnectTo(*loop_);
  }

  void Send(const std::string& bytes) {
    ASSERT_EQ(send(client_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // Reads more of what the server sends; false: it has closed.
  bool Read() {
    pollfd poll_client{.fd = client_.number(), .events = POLLIN, .revents = 0};
    if (poll(&poll_client, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing comes";
      return false;
    }
    char buffer[65536];
    const ssize_t received = recv(client_.number(), buffer, sizeof(buffer), 0);
    if (received <= 0) return false;
    received_.append(buffer, static_cast<size_t>(received));
    return true;
  }
  bool HasFrame(http2::FrameType type) {
    for (const SentFrame& frame : FramesOf(received_)) {
      if (frame.type == type && !frame.Has(http2::kAck)) return true;
    }
    return false;
  }
  void ReadUntil(http2::FrameType type) {
    while (!HasFrame(type)) ASSERT_TRUE(Read()) << "closed";
  }
  void ReadUntilClosed() {
    while (Read()) {
    }
  }

  // The connection has ended, and for this reason.
  void ExpectEnded(ConnectionEnd reason) {
    client_.Close();
    loop_.reset();
    for (size_t i = 0; i < kConnectionEndNames.size(); ++i) {
      const auto end = static_cast<ConnectionEnd>(i);
      EXPECT_EQ(state_.metrics.Read(end), end == reason ? 1u : 0u) << kConnectionEndNames[i];
    }
  }

  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  std::unique_ptr<ServerLoop> loop_;
  FileDescriptor client_;
  std::string received_;
};

TEST_F(ServerLoopTest, CallsAreAnswered) {
  Start(PatientTimeouts());
  Send(Hello() + Headers(1, RequestFields("/test/Echo")) +
       Data(1, Message("hello"), http2::kEndStream));
  Answers answers;
  while (received_.find("grpc-status") == std::string::npos) ASSERT_TRUE(Read());
  answers.Add(received_);
  EXPECT_EQ(answers[1].body, Message("hello"));
  EXPECT_EQ(loop_->connections(), 1u);
}

TEST_F(ServerLoopTest, ConnectionsThatArriveAsItEndsAreCounted) {
  const auto events = EventLoop::Create().value();
  events->RunAndWait([&] {
    auto loop = ServerLoop::Start({.limits = &limits_,
                                   .methods = &methods_,
                                   .timeouts = PatientTimeouts(),
                                   .state = &state_,
                                   .event_loop = events.get()})
                    .value();
    for (int i = 0; i < 3; ++i) loop->Add(FileDescriptor(socket(AF_UNIX, SOCK_STREAM, 0)));
  });
  EXPECT_EQ(state_.metrics.Read(ConnectionEnd::kDrain), 3u);
}

TEST_F(ServerLoopTest, AConnectionThatCannotBeWatchedIsCounted) {
  Start(PatientTimeouts());
  // Not a file that epoll takes.
  loop_->Add(FileDescriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)));
  // The test's own time limit ends this if it never happens.
  while (state_.metrics.Read(ConnectionEnd::kClient) != 1) std::this_thread::yield();
}

TEST_F(ServerLoopTest, AConnectionThatSaysNothingIsClosed) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.handshake_within = absl::ZeroDuration();
  Start(timeouts);
  ReadUntilClosed();
  EXPECT_EQ(received_, "");
  ExpectEnded(ConnectionEnd::kHandshakeTimeout);
}

TEST_F(ServerLoopTest, AClientThatAnswersPingsIsKeptAndOneThatDoesNotIsClosed) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.ping_after = absl::ZeroDuration();
  timeouts.pong_within = absl::ZeroDuration();
  Start(timeouts);
  Send(Hello());
  ReadUntil(http2::FrameType::kPing);
  Send(Frame(http2::FrameType::kPing, http2::kAck, 0, "LLLLLLLL"));
  received_.clear();
  ReadUntil(http2::FrameType::kPing);
  ReadUntilClosed();
  ExpectEnded(ConnectionEnd::kKeepaliveTimeout);
}

TEST_F(ServerLoopTest, AClientThatTakesNothingIsClosed) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.unread_for = absl::ZeroDuration();
  Start(timeouts);
  Send(Hello({{http2::Setting::kInitialWindowSize, 1u << 30}}) + WindowUpdate(0, 1 << 30));
  // More than the sockets hold, so that it waits in the server.
  const std::string message = Message(std::string(4 << 20, 'x'));
  Send(Headers(1, RequestFields("/test/Echo")));
  for (size_t at = 0; at < message.size(); at += 16384) Send(Data(1, message.substr(at, 16384)));
  Send(Data(1, "", http2::kEndStream));
  pollfd poll_client{.fd = client_.number(), .events = 0, .revents = 0};
  ASSERT_EQ(poll(&poll_client, 1, kPatienceMs), 1);
  EXPECT_NE(poll_client.revents & POLLHUP, 0);
  ExpectEnded(ConnectionEnd::kUnreadTimeout);
}

TEST_F(ServerLoopTest, AGarbledConnectionIsToldWhyAndClosed) {
  Start(PatientTimeouts());
  Send("GET / HTTP/1.1\r\n\r\n");
  ReadUntilClosed();
  EXPECT_TRUE(HasFrame(http2::FrameType::kGoaway));
  ExpectEnded(ConnectionEnd::kProtocolError);
}

TEST_F(ServerLoopTest, AnOldConnectionEndsWithItsLastCall) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.age_max = absl::ZeroDuration();
  Start(timeouts);
  Send(Hello() + Headers(1, RequestFields("/test/Echo")));
  ReadUntil(http2::FrameType::kGoaway);
  ReadUntil(http2::FrameType::kPing);
  Send(Frame(http2::FrameType::kPing, http2::kAck, 0, http2::kGoawayPing) +
       Data(1, Message("last"), http2::kEndStream));
  ReadUntilClosed();
  EXPECT_NE(received_.find("last"), std::string::npos);
  EXPECT_NE(received_.find("max_connection_age"), std::string::npos);
  ExpectEnded(ConnectionEnd::kMaxAge);
}

TEST_F(ServerLoopTest, AfterTheGraceAnOldConnectionIsClosedWithItsCalls) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.age_max = absl::ZeroDuration();
  timeouts.age_grace = absl::ZeroDuration();
  Start(timeouts);
  Send(Hello() + Headers(1, RequestFields("/test/Echo")));
  ReadUntil(http2::FrameType::kGoaway);
  ReadUntilClosed();
  EXPECT_EQ(received_.find("grpc-status"), std::string::npos);
  ExpectEnded(ConnectionEnd::kMaxAgeGrace);
}

TEST_F(ServerLoopTest, DrainEndsAConnectionWithItsLastCall) {
  Start(PatientTimeouts());
  Send(Hello() + Headers(1, RequestFields("/test/Echo")));
  ReadUntil(http2::FrameType::kSettings);
  loop_->Drain();
  ReadUntil(http2::FrameType::kGoaway);
  Send(Data(1, Message("last"), http2::kEndStream));
  ReadUntilClosed();
  EXPECT_NE(received_.find("last"), std::string::npos);
  ExpectEnded(ConnectionEnd::kDrain);
}

TEST_F(ServerLoopTest, AConnectionToWhichAllWasSaidLingersUntilItsClientClosesIt) {
  Start(PatientTimeouts());
  Send(Hello() + Headers(1, RequestFields("/test/Echo")));
  ReadUntil(http2::FrameType::kSettings);
  EXPECT_EQ(loop_->lingering(), 0u);
  loop_->Drain();
  ReadUntil(http2::FrameType::kGoaway);
  EXPECT_EQ(loop_->lingering(), 0u) << "a call is open";
  Send(Data(1, Message("last"), http2::kEndStream));
  // The test's own time limit ends this if it never happens.
  while (loop_->lingering() != 1) std::this_thread::yield();
  EXPECT_EQ(loop_->connections(), 1u);
  client_.Close();
  while (loop_->connections() != 0) std::this_thread::yield();
  EXPECT_EQ(loop_->lingering(), 0u);
}

}  // namespace
}  // namespace larder::server
