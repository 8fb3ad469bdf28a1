#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/channel/channel_tls_context.h"
#include "server/rpc/server_loop.h"
#include "server/tls/tls_rotation.h"
#include "server/transport/transport_state.h"
#include "tests/client/channel/channel_fixture.h"
#include "tests/client/channel/channel_tls_fixture.h"
#include "tests/server/tls/test_authority.h"

namespace larder::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Against our own server.
class RpcChannelTlsServerTest : public RpcChannelTlsTest {
 protected:
  RpcChannelTlsServerTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                absl::StrCat("channel_tls_", getpid())) {
    std::filesystem::create_directory(folder_);
    methods_.Add("/test/Echo", std::make_unique<Echo>());
  }
  ~RpcChannelTlsServerTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  void Start(const TestCertificate& node, const std::string& client_ca = "") {
    const TlsFiles files{Write("cert", node.certificate), Write("key", node.key),
                         client_ca.empty() ? "" : Write("ca", client_ca)};
    tls_ = TlsRotation::Create(files, &counters_, {}).value();
    loop_ = ServerLoop::Start({&limits_, &methods_, {}, &state_, tls_.get()}).value();
  }
  void Serve() {
    FileDescriptor socket = listener_.Accept().Take();
    ASSERT_EQ(fcntl(socket.number(), F_SETFL, O_NONBLOCK), 0);
    loop_->Add(std::move(socket));
  }
  // What becomes of one call on the channel.
  absl::StatusCode Call() {
    WaitingCall call("hello");
    channel_->Start(call);
    Serve();
    const absl::StatusCode code = call.Wait();
    EXPECT_EQ(call.response, code == absl::StatusCode::kOk ? "hello" : "");
    said_ = call.status.message;
    return code;
  }
  void ExpectRefused(const std::string& why, TlsFailure failure) {
    const uint64_t before = counters_.failures(failure);
    EXPECT_EQ(Call(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(said_, why);
    // The server is told, too.
    for (int i = 0; i < kPatienceMs && counters_.failures(failure) == before; ++i) {
      poll(nullptr, 0, 1);
    }
    EXPECT_EQ(counters_.failures(failure), before + 1);
  }

  const std::filesystem::path folder_;
  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  TlsCounters counters_;
  std::unique_ptr<TlsRotation> tls_;
  std::unique_ptr<ServerLoop> loop_;
  std::string said_;
};

TEST_F(RpcChannelTlsServerTest, ACallIsAnswered) {
  Start(authority_.Issue("node"));
  OpenTrusting();
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
  EXPECT_EQ(counters_.handshakes(), 1u);
}

TEST_F(RpcChannelTlsServerTest, LargeMessagesGoBothWaysManyAtOnce) {
  limits_.request_bytes_max = size_t{16} << 20;
  Start(authority_.Issue("node"));
  ChannelOptions options;
  options.limits.answer_bytes_max = size_t{16} << 20;
  OpenTrusting(options);
  std::vector<std::string> messages;
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 4; ++i) {
    std::string message(size_t{5} << 20, 'x');
    for (size_t at = 0; at < message.size(); at += 1000) message[at] = static_cast<char>(at + i);
    calls.push_back(std::make_unique<WaitingCall>(message));
    channel_->Start(*calls.back());
    messages.push_back(std::move(message));
  }
  Serve();
  for (size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i]->Wait(), absl::StatusCode::kOk) << calls[i]->status.message;
    EXPECT_TRUE(calls[i]->response == messages[i]);
  }
}

TEST_F(RpcChannelTlsServerTest, ManyThreadsOverManyConnections) {
  Start(authority_.Issue("node"));
  OpenTrusting({.connections = 3, .io_threads = 2});
  ExpectAnswersToManyThreads(*channel_, [&] {
    for (int i = 0; i < 3; ++i) Serve();
  });
  EXPECT_EQ(counters_.handshakes(), 3u);
}

TEST_F(RpcChannelTlsServerTest, ADrainedServerLosesNoCall) {
  Start(authority_.Issue("node"));
  OpenTrusting();
  ASSERT_EQ(Call(), absl::StatusCode::kOk);
  std::vector<std::unique_ptr<WaitingCall>> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(std::make_unique<WaitingCall>(absl::StrCat(i)));
    channel_->Start(*calls.back());
    if (i == 50) loop_->Drain();
  }
  // Those that came too late connect again, to the next one.
  const auto next = ServerLoop::Start({&limits_, &methods_, {}, &state_, tls_.get()}).value();
  std::thread acceptor([&] {
    FileDescriptor socket = listener_.Accept().Take();
    ASSERT_EQ(fcntl(socket.number(), F_SETFL, O_NONBLOCK), 0);
    next->Add(std::move(socket));
  });
  for (const auto& call : calls) {
    EXPECT_EQ(call->Wait(), absl::StatusCode::kOk) << call->status.message;
  }
  WaitingCall last("last");
  channel_->Start(last);
  EXPECT_EQ(last.Wait(), absl::StatusCode::kOk);
  acceptor.join();
}

TEST_F(RpcChannelTlsServerTest, AServerOfAnotherAuthorityIsRefused) {
  const TestAuthority other("other");
  Start(other.Issue("node"));
  OpenTrusting();
  ExpectRefused("TLS: certificate verify failed: unable to get local issuer certificate",
                TlsFailure::kClientAlert);
}

TEST_F(RpcChannelTlsServerTest, AnAuthorityOfTheSameNameIsNoSubstitute) {
  const TestAuthority other("authority");
  Start(other.Issue("node"));
  OpenTrusting();
  ExpectRefused("TLS: certificate verify failed: certificate signature failure",
                TlsFailure::kClientAlert);
}

TEST_F(RpcChannelTlsServerTest, ACertificateThatHasExpiredIsRefused) {
  Start(authority_.Issue("node", -60));
  OpenTrusting();
  ExpectRefused("TLS: certificate verify failed: certificate has expired",
                TlsFailure::kClientAlert);
}

TEST_F(RpcChannelTlsServerTest, ACertificateForClientsIsNoServers) {
  Start(authority_.Issue("node", 3600, "clientAuth"));
  OpenTrusting();
  EXPECT_EQ(Call(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(said_, StartsWith("TLS: certificate verify failed: un"));
  EXPECT_THAT(said_, HasSubstr("certificate purpose"));
}

TEST_F(RpcChannelTlsServerTest, TheCertificateMustBeForTheNameThatIsAskedFor) {
  Start(authority_.Issue("node"));
  OpenTrusting({.tls_server_name = "node.example"});
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
  OpenTrusting({.tls_server_name = "node.example."});
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
  OpenTrusting({.tls_server_name = "127.0.0.1"});
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
  OpenTrusting({.tls_server_name = "other.example"});
  ExpectRefused("TLS: certificate verify failed: hostname mismatch, it is not for 'other.example'",
                TlsFailure::kClientAlert);
  OpenTrusting({.tls_server_name = "127.0.0.2"});
  ExpectRefused("TLS: certificate verify failed: IP address mismatch, it is not for '127.0.0.2'",
                TlsFailure::kClientAlert);
}

TEST_F(RpcChannelTlsServerTest, AHostsNameIsThatOfTheAddress) {
  Start(authority_.IssueFor("DNS:localhost", "node"));
  OpenTrusting();  // to 127.0.0.1
  ExpectRefused("TLS: certificate verify failed: IP address mismatch, it is not for '127.0.0.1'",
                TlsFailure::kClientAlert);
  ChannelOptions options{.address = absl::StrCat("localhost:", listener_.port())};
  options.tls = ChannelTlsContext::Create({{"trusted", authority_.certificate()}, {}, {}}).value();
  channel_ = Connect(options);
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
}

TEST_F(RpcChannelTlsServerTest, NamesInTheSubjectDoNotCount) {
  Start(authority_.IssueFor("", "node.example"));
  OpenTrusting({.tls_server_name = "node.example"});
  ExpectRefused("TLS: certificate verify failed: hostname mismatch, it is not for 'node.example'",
                TlsFailure::kClientAlert);
}

TEST_F(RpcChannelTlsServerTest, WhoIsNamedIsTrustedThoughAnotherHasSignedIt) {
  const TestCertificate node = authority_.Issue("node");
  Start(node);
  Open(node.certificate);
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
}

TEST_F(RpcChannelTlsServerTest, TheSystemIsTrustedUnlessAuthoritiesAreNamed) {
  Start(authority_.Issue("node"));
  setenv("SSL_CERT_FILE", Write("system", authority_.certificate()).c_str(), 1);
  Open("");
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
  const TestAuthority other("other");
  Open(other.certificate());
  EXPECT_EQ(Call(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(said_, HasSubstr("certificate verify failed"));
  unsetenv("SSL_CERT_FILE");
}

TEST_F(RpcChannelTlsServerTest, AClientsCertificateIsPresented) {
  Start(authority_.Issue("node"), authority_.certificate());
  Open(authority_.certificate(), {}, authority_.Issue("client"));
  EXPECT_EQ(Call(), absl::StatusCode::kOk) << said_;
}

TEST_F(RpcChannelTlsServerTest, AClientWithoutOneIsToldThatItNeedsOne) {
  Start(authority_.Issue("node"), authority_.certificate());
  OpenTrusting();
  ExpectRefused("TLS: the server refused: tlsv13 alert certificate required",
                TlsFailure::kNoClientCertificate);
}

TEST_F(RpcChannelTlsServerTest, AClientOfAnotherAuthorityIsToldSo) {
  Start(authority_.Issue("node"), authority_.certificate());
  const TestAuthority other("other");
  Open(authority_.certificate(), {}, other.Issue("client"));
  ExpectRefused("TLS: the server refused: tlsv1 alert unknown ca",
                TlsFailure::kBadClientCertificate);
}

}  // namespace
}  // namespace larder::server
