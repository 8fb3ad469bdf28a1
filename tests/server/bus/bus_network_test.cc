// What lies between two nodes: connections that are cut or go silent, ports that are no bus ports,
// TLS, secrets in files.

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/bus/cluster_secret.h"
#include "server/connections/listening_socket.h"
#include "tests/server/bus/bus_fixture.h"
#include "tests/server/bus/relay.h"
#include "tests/server/state_file/temporary_folder.h"
#include "tests/server/tls/test_authority.h"

namespace larder::server {
namespace {

using cluster::LogBatch;
using cluster::SourceMessage;
using ::testing::HasSubstr;

class BusNetworkTest : public BusFixture {
 protected:
  void UseTls(const TemporaryFolder& folder, const std::string& name,
              const TestAuthority& authority, const TestAuthority& trusted, TlsFiles* files) {
    const TestCertificate certificate = authority.Issue(name);
    folder.WriteFile(name + ".crt", certificate.certificate);
    folder.WriteFile(name + ".key", certificate.key);
    folder.WriteFile(name + ".ca", trusted.certificate());
    *files = {folder.Path(name + ".crt"), folder.Path(name + ".key"), folder.Path(name + ".ca")};
  }
  void ExpectGood(const Pair& pair) {
    ASSERT_TRUE(
        pair.source.heard->Send(pair.source.stream.get(), SourceMessage(LogBatch{1, 2, "good"})));
    ASSERT_TRUE(pair.replica.heard->Next().has_value());
  }
};

TEST_F(BusNetworkTest, APeerThatIsKilledIsGoneForBoth) {
  StartServer();
  Relay relay(server_->endpoint());
  const Pair pair = Greet(Connect(relay.endpoint()));
  ExpectGood(pair);
  pair.replica.stream->ReadNext();
  relay.Cut();
  const absl::Status end = pair.replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(end.message()), HasSubstr(relay.endpoint().ToString()));
  EXPECT_EQ(pair.source.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
}

TEST_F(BusNetworkTest, APeerThatIsSilentIsFoundOutByBoth) {
  options_.keepalive_time = absl::Milliseconds(100);
  options_.keepalive_timeout = absl::Milliseconds(100);
  StartServer();
  Relay relay(server_->endpoint());
  const Pair pair = Greet(Connect(relay.endpoint()));
  ExpectGood(pair);
  pair.replica.stream->ReadNext();
  relay.Stall();
  EXPECT_FALSE(pair.replica.heard->WaitUntilClosed().ok());
  EXPECT_FALSE(pair.source.heard->WaitUntilClosed().ok());
}

TEST_F(BusNetworkTest, APortThatNeverAnswersIsGivenUp) {
  // The system takes the connection; nobody accepts it.
  const ListeningSocket mute = *Listen({"127.0.0.1", 0});
  options_.connect_timeout = absl::Milliseconds(100);
  const Follower replica = Connect(mute.endpoint);
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_TRUE(end.code() == absl::StatusCode::kDeadlineExceeded ||
              end.code() == absl::StatusCode::kUnavailable)
      << end;
  EXPECT_THAT(std::string(end.message()), HasSubstr(mute.endpoint.ToString()));
}

// gRPC crashes when its last channel is destroyed on a thread that runs callbacks.
TEST_F(BusNetworkTest, StreamsMayEndWhereNothingElseUsesGrpc) {
  for (int round = 0; round < 300; ++round) {
    Follower replica = Connect({"127.0.0.1", 1});
    replica.stream.reset();  // what has the stream now is its last reaction
    EXPECT_EQ(replica.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
    client_.reset();
  }
}

TEST_F(BusNetworkTest, AnotherGrpcPortIsNamed) {
  grpc::health::v1::Health::CallbackService health;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&health);
  const std::unique_ptr<grpc::Server> other = builder.BuildAndStart();
  ASSERT_NE(other, nullptr);
  const Follower replica = Connect({"127.0.0.1", static_cast<uint16_t>(port)});
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(end.message()), HasSubstr("not a node's bus port (--bus_listen)"));
}

TEST_F(BusNetworkTest, AnHttp1PortIsNamed) {
  const ListeningSocket listening = *Listen({"127.0.0.1", 0});
  std::thread server([&listening] {
    pollfd polled{listening.socket.number(), POLLIN, 0};
    ::poll(&polled, 1, -1);
    const FileDescriptor client(
        ::accept4(listening.socket.number(), nullptr, nullptr, SOCK_CLOEXEC));
    char bytes[4096];
    (void)!::recv(client.number(), bytes, sizeof(bytes), 0);
    const std::string answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    (void)!::send(client.number(), answer.data(), answer.size(), MSG_NOSIGNAL);
    (void)!::recv(client.number(), bytes, sizeof(bytes), MSG_WAITALL);
  });
  const Follower replica = Connect(listening.endpoint);
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_FALSE(end.ok());
  EXPECT_THAT(std::string(end.message()), HasSubstr("cannot be reached, or does not speak"));
  server.join();
}

TEST_F(BusNetworkTest, WithMutualTlsBothMustBeOfTheAuthority) {
  const TemporaryFolder folder;
  const TestAuthority ours("ours");
  const TestAuthority other("other");
  UseTls(folder, "node", ours, ours, &options_.tls);
  StartServer();
  ExpectGood(Open());
  // One with a certificate of another authority, which trusts ours.
  BusOptions stranger = options_;
  UseTls(folder, "stranger", other, ours, &stranger.tls);
  Follower replica = ConnectWith(stranger, server_->endpoint());
  EXPECT_EQ(replica.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
  // One that trusts another authority.
  UseTls(folder, "distrust", ours, other, &stranger.tls);
  replica = ConnectWith(stranger, server_->endpoint());
  EXPECT_EQ(replica.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
  // Plaintext.
  stranger.tls = {};
  replica = ConnectWith(stranger, server_->endpoint());
  EXPECT_EQ(replica.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(counters_.streams_opened.load(), 1u);
}

TEST_F(BusNetworkTest, FilesThatCanNotBeReadAreNamed) {
  options_.tls = {"/nowhere/node.crt", "/nowhere/node.key", ""};
  const auto server = BusServer::Start(options_, &acceptor_, &counters_);
  EXPECT_EQ(server.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("/nowhere/node.crt"));
  const auto client = BusClient::Create(options_, &client_counters_);
  const auto stream = client->Connect({"127.0.0.1", 1}, std::make_shared<ReplicaRecorder>());
  EXPECT_EQ(stream.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(BusNetworkTest, APortThatIsTakenIsNamed) {
  StartServer();
  options_.listen = server_->endpoint();
  const auto second = BusServer::Start(options_, &acceptor_, &counters_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(options_.listen.ToString()));
}

TEST(ClusterSecretTest, AFileHoldsASecretOfABoundedLength) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("secret");
  const std::string flag = "--cluster_secret_file: " + path + ": ";
  EXPECT_EQ(ReadClusterSecret(path).status(),
            absl::FailedPreconditionError(flag + "No such file or directory"));
  folder.WriteFile("secret", "0123456789abcdef\r\n\n");
  EXPECT_EQ(ReadClusterSecret(path).value(), "0123456789abcdef");
  folder.WriteFile("secret", "0123456789abcde\n");
  EXPECT_EQ(ReadClusterSecret(path).status(),
            absl::FailedPreconditionError(flag + "a secret of 15 bytes; at least 16"));
  folder.WriteFile("secret", std::string(1024, 's'));
  EXPECT_EQ(ReadClusterSecret(path).value().size(), 1024u);
  for (const size_t bytes : {size_t{1025}, size_t{100000}}) {
    folder.WriteFile("secret", std::string(bytes, 's'));
    EXPECT_EQ(ReadClusterSecret(path).status(),
              absl::FailedPreconditionError(flag + "longer than 1024 bytes"));
  }
}

TEST(ClusterSecretTest, SecretsAreComparedWhole) {
  EXPECT_TRUE(IsSameSecret("0123456789abcdef", "0123456789abcdef"));
  EXPECT_FALSE(IsSameSecret("0123456789abcdef", "0123456789abcdeF"));
  EXPECT_FALSE(IsSameSecret("0123456789abcdef", "0123456789abcdef0"));
  EXPECT_FALSE(IsSameSecret("", "0"));
}

}  // namespace
}  // namespace larder::server
