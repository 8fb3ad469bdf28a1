#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "server/rpc/server_loop.h"
#include "server/tls/tls_rotation.h"
#include "tests/server/rpc/http2_peer.h"
#include "tests/server/rpc/loop_connection.h"
#include "tests/server/tls/tls_client.h"

namespace larder::server {
namespace {

// Long enough for a machine that is busy; a test ends as soon as it has what it waits for.
constexpr int kPatienceMs = 60000;

class Echo final : public UnaryMethod {
 public:
  explicit Echo(std::atomic<int>* runs) : runs_(runs) {}
  void Run(std::string_view request, RpcCall& call) override {
    ++*runs_;
    call.SendMessage(request);
    call.Finish(absl::OkStatus());
  }

 private:
  std::atomic<int>* const runs_;
};

// A loop that speaks TLS, and the client's end of a connection to it.
class ServerLoopTlsTest : public testing::Test {
 protected:
  ServerLoopTlsTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("server_loop_tls_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
    const TestCertificate node = authority_.Issue("node");
    std::ofstream(folder_ / "cert") << node.certificate;
    std::ofstream(folder_ / "key") << node.key;
    tls_ = TlsRotation::Create({(folder_ / "cert").string(), (folder_ / "key").string(), ""},
                               &counters_, {})
               .value();
  }
  ~ServerLoopTlsTest() override { std::filesystem::remove_all(folder_); }

  void Start(IoTimeouts timeouts = PatientTimeouts()) {
    methods_.Add("/test/Echo", std::make_unique<Echo>(&runs_));
    loop_ = ServerLoop::Start({&limits_, &methods_, timeouts, &state_, tls_.get()}).value();
    socket_ = ConnectTo(*loop_);
  }

  void Connect() {
    client_ = std::make_unique<TlsClient>(TlsClientOptions{.ca = authority_.certificate()});
    SendAll();
    while (!client_->is_open()) {
      ASSERT_TRUE(Read());
      SendAll();
    }
  }

  void SendRaw(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void SendAll() { SendRaw(client_->Take()); }
  void Send(const std::string& plaintext) {
    client_->Write(plaintext);
    SendAll();
  }

  // Reads more of what the server sends; false: it has closed.
  bool Read() {
    pollfd poll_client{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    if (poll(&poll_client, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing comes";
      return false;
    }
    char buffer[65536];
    const ssize_t received = recv(socket_.number(), buffer, sizeof(buffer), 0);
    if (received <= 0) return false;
    const std::string_view bytes(buffer, static_cast<size_t>(received));
    raw_.append(bytes);
    if (client_ != nullptr) client_->Give(bytes);
    return true;
  }
  void ReadUntilClosed() {
    while (Read()) {
    }
  }
  void WaitUntilGone() {
    for (int i = 0; i < kPatienceMs && loop_->connections() > 0; ++i) {
      poll(nullptr, 0, 1);
    }
    EXPECT_EQ(loop_->connections(), 0u);
  }

  const std::filesystem::path folder_;
  const TestAuthority authority_{"authority"};
  TlsCounters counters_;
  std::unique_ptr<TlsRotation> tls_;
  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  std::atomic<int> runs_{0};
  std::unique_ptr<ServerLoop> loop_;
  FileDescriptor socket_;
  std::unique_ptr<TlsClient> client_;
  std::string raw_;
};

TEST_F(ServerLoopTlsTest, CallsAreAnswered) {
  Start();
  Connect();
  Send(Hello() + Headers(1, RequestFields("/test/Echo")) +
       Data(1, Message("hello"), http2::kEndStream));
  while (client_->received().find("grpc-status") == std::string::npos) ASSERT_TRUE(Read());
  Answers answers;
  answers.Add(client_->received());
  EXPECT_EQ(answers[1].body, Message("hello"));
  EXPECT_EQ(counters_.handshakes(), 1u);
}

TEST_F(ServerLoopTlsTest, LargeMessagesGoBothWays) {
  Start();
  Connect();
  Send(Hello({{http2::Setting::kInitialWindowSize, 1u << 30}}) + WindowUpdate(0, 1 << 30));
  // More than the sockets hold in either direction.
  std::string text(4 << 20, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i >> 3);
  const std::string message = Message(text);
  Send(Headers(1, RequestFields("/test/Echo")));
  for (size_t at = 0; at < message.size(); at += 16384) Send(Data(1, message.substr(at, 16384)));
  Send(Data(1, "", http2::kEndStream));
  while (client_->received().find("grpc-status") == std::string::npos) ASSERT_TRUE(Read());
  Answers answers;
  answers.Add(client_->received());
  EXPECT_TRUE(answers[1].body == message);
}

TEST_F(ServerLoopTlsTest, ACallThatIsCutOffIsNotRun) {
  Start();
  Connect();
  client_->Write(Hello() + Headers(1, RequestFields("/test/Echo")));
  client_->Write(Data(1, Message("never whole"), http2::kEndStream));
  const std::string ciphertext = client_->Take();
  SendRaw(std::string_view(ciphertext).substr(0, ciphertext.size() - 1));
  socket_.Close();  // without close_notify
  WaitUntilGone();
  EXPECT_EQ(runs_.load(), 0);
}

TEST_F(ServerLoopTlsTest, AClientThatEndsGetsItsAnswersAndTheEnd) {
  Start();
  Connect();
  client_->Write(Hello() + Headers(1, RequestFields("/test/Echo")) +
                 Data(1, Message("last"), http2::kEndStream));
  SSL_shutdown(client_->ssl());
  SendAll();
  ReadUntilClosed();
  EXPECT_NE(client_->received().find("last"), std::string::npos);
  EXPECT_TRUE(client_->has_ended());
}

TEST_F(ServerLoopTlsTest, AHandshakeThatTakesTooLongIsClosedAndCounted) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.handshake_within = absl::ZeroDuration();
  Start(timeouts);
  TlsClient client({.ca = authority_.certificate()});
  SendRaw(client.Take().substr(0, 20));
  ReadUntilClosed();
  WaitUntilGone();
  EXPECT_EQ(counters_.failures(TlsFailure::kTimeout), 1u);
}

TEST_F(ServerLoopTlsTest, AClientThatLeavesDuringItsHandshakeIsCounted) {
  Start();
  TlsClient client({.ca = authority_.certificate()});
  SendRaw(client.Take());
  ASSERT_TRUE(Read());
  socket_.Close();
  WaitUntilGone();
  EXPECT_EQ(counters_.failures(TlsFailure::kDisconnected), 1u);
}

TEST_F(ServerLoopTlsTest, AClientThatTakesNothingIsClosed) {
  IoTimeouts timeouts = PatientTimeouts();
  timeouts.unread_for = absl::ZeroDuration();
  Start(timeouts);
  Connect();
  Send(Hello({{http2::Setting::kInitialWindowSize, 1u << 30}}) + WindowUpdate(0, 1 << 30));
  const std::string message = Message(std::string(4 << 20, 'x'));
  client_->Write(Headers(1, RequestFields("/test/Echo")));
  for (size_t at = 0; at < message.size(); at += 16384) {
    client_->Write(Data(1, message.substr(at, 16384)));
  }
  client_->Write(Data(1, "", http2::kEndStream));
  SendAll();
  WaitUntilGone();
}

TEST_F(ServerLoopTlsTest, APlaintextHttp2ClientIsToldWhy) {
  Start();
  SendRaw(Hello());
  ReadUntilClosed();
  const auto frames = FramesOf(raw_);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].type, http2::FrameType::kGoaway);
  EXPECT_EQ(frames[0].error(), http2::ErrorCode::kInadequateSecurity);
  EXPECT_NE(frames[0].payload.find("TLS"), std::string::npos);
  EXPECT_EQ(counters_.failures(TlsFailure::kNotTls), 1u);
}

TEST_F(ServerLoopTlsTest, ARefusedClientGetsTheAlertBeforeTheEnd) {
  Start();
  client_ = std::make_unique<TlsClient>(
      TlsClientOptions{.ca = authority_.certificate(), .alpn = "\x08http/1.1"});
  SendAll();
  ReadUntilClosed();
  EXPECT_EQ(client_->reason(), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}

TEST_F(ServerLoopTlsTest, DrainEndsAConnectionInOrder) {
  Start();
  Connect();
  Send(Hello() + Headers(1, RequestFields("/test/Echo")));
  while (client_->received().empty()) ASSERT_TRUE(Read());
  loop_->Drain();
  const auto has_goaway = [&] {
    const auto frames = FramesOf(client_->received());
    return std::any_of(frames.begin(), frames.end(), [](const SentFrame& frame) {
      return frame.type == http2::FrameType::kGoaway;
    });
  };
  while (!has_goaway()) ASSERT_TRUE(Read());
  Send(Data(1, Message("last"), http2::kEndStream));
  ReadUntilClosed();
  EXPECT_NE(client_->received().find("last"), std::string::npos);
  EXPECT_TRUE(client_->has_ended());
}

TEST_F(ServerLoopTlsTest, DrainDoesNotWaitForAHandshake) {
  Start();
  loop_->Drain();
  ReadUntilClosed();
  EXPECT_EQ(raw_, "");
}

}  // namespace
}  // namespace larder::server
