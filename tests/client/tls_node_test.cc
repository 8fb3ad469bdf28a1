#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "tests/client/real_node_fixture.h"
#include "tests/client/transports.h"
#include "tests/server/tls/test_authority.h"

namespace larder {
namespace {

using ::testing::HasSubstr;

// A larderd that speaks TLS, for 127.0.0.1 and node.example.
class TlsNodeTest : public RealNodeTest {
 protected:
  void SetUp() override {
    RealNodeTest::SetUp();
    folder_ = std::filesystem::path(::testing::TempDir()) / absl::StrCat("tls_node_", getpid());
    std::filesystem::create_directory(folder_);
    ca_ = Write("ca", authority_.certificate());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  void StartTlsNode(std::vector<std::string> flags = {}) {
    const TestCertificate node = authority_.Issue("node");
    flags.push_back("--tls_cert_file=" + Write("node.pem", node.certificate));
    flags.push_back("--tls_key_file=" + Write("node.key", node.key));
    StartNode(flags);
  }
  TlsOptions WithCertificateOf(const TestAuthority& authority) {
    const TestCertificate own = authority.Issue("client");
    return {.ca_file = ca_,
            .cert_file = Write("client.pem", own.certificate),
            .key_file = Write("client.key", own.key)};
  }
  std::unique_ptr<Client> ConnectWith(std::optional<TlsOptions> tls) {
    ClientOptions options;
    options.tls = std::move(tls);
    options.retry.attempts_max = 1;
    return Connect(std::move(options));
  }
  // What is said to a client that gets no connection.
  std::string Refusal(std::optional<TlsOptions> tls) {
    const absl::Status status = ConnectWith(std::move(tls))->Get("k").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    return std::string(status.message());
  }
  bool is_native() const { return GetParam() == ClientOptions::Transport::kNative; }

  const TestAuthority authority_{"authority"};
  std::filesystem::path folder_;
  std::string ca_;
};

TEST_P(TlsNodeTest, CallsOfAnySizeManyAtOnce) {
  StartTlsNode();
  const auto client = ConnectWith(TlsOptions{.ca_file = ca_});
  const std::string large((size_t{4} << 20) - (64 << 10), 'x');
  ASSERT_TRUE(client->Set("large", large).ok());
  ASSERT_TRUE(client->Set("small", "v").ok());
  constexpr int kCalls = 500;
  std::atomic<int> good{0};
  std::atomic<int> ended{0};
  std::promise<void> all;
  for (int i = 0; i < kCalls; ++i) {
    const bool is_large = i % 100 == 0;
    client->GetAsync(is_large ? "large" : "small", {}, [&, is_large](const auto& result) {
      good += result.ok() && result->value == (is_large ? large : "v") ? 1 : 0;
      if (++ended == kCalls) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(good, kCalls);
}

TEST_P(TlsNodeTest, ANodeThatNobodyVouchesForIsRefused) {
  StartTlsNode();
  const TestAuthority other("other");
  const std::string said = Refusal(TlsOptions{.ca_file = Write("other", other.certificate())});
  EXPECT_THAT(said, HasSubstr("see tls_ca_file"));
  if (is_native()) {
    EXPECT_THAT(said, HasSubstr("certificate verify failed: unable to get local issuer"));
  }
}

TEST_P(TlsNodeTest, TheNameMayBeAnotherThanTheAddress) {
  StartTlsNode();
  EXPECT_TRUE(
      ConnectWith(TlsOptions{.ca_file = ca_, .server_name = "node.example"})->Set("k", "v").ok());
  const std::string said = Refusal(TlsOptions{.ca_file = ca_, .server_name = "other.example"});
  EXPECT_THAT(said, HasSubstr("other.example"));
  EXPECT_THAT(said, Not(HasSubstr("tls_ca_file")));
}

TEST_P(TlsNodeTest, ANodeMayDemandACertificate) {
  StartTlsNode({"--tls_client_ca_file=" + ca_});
  EXPECT_TRUE(ConnectWith(WithCertificateOf(authority_))->Set("k", "v").ok());
  EXPECT_THAT(Refusal(TlsOptions{.ca_file = ca_}), HasSubstr("demands a client's certificate"));
  const std::string said = Refusal(WithCertificateOf(TestAuthority("other")));
  EXPECT_THAT(said, Not(HasSubstr("demands")));
  if (is_native()) {
    EXPECT_THAT(said, HasSubstr("the server refused: tlsv1 alert unknown ca"));
  }
}

TEST_P(TlsNodeTest, BothWaysOfTalkingPastEachOtherAreExplained) {
  StartTlsNode();
  EXPECT_THAT(Refusal(std::nullopt), HasSubstr("speaks TLS"));
  node_.reset();
  StartNode();
  EXPECT_THAT(Refusal(TlsOptions{.ca_file = ca_}), HasSubstr("speaks no TLS"));
}

TEST_P(TlsNodeTest, FilesAreReadOnce) {
  StartTlsNode();
  const auto client = ConnectWith(TlsOptions{.ca_file = ca_});
  Write("ca", "nothing any more");
  EXPECT_TRUE(client->Set("k", "v").ok());
}

TEST_P(TlsNodeTest, RetriesOutlastARestart) {
  StartTlsNode();
  ClientOptions options;
  options.tls = TlsOptions{.ca_file = ca_};
  ExpectRetriesOutlast(std::move(options), [&] { StartTlsNode(); });
}

INSTANTIATE_TEST_SUITE_P(Transports, TlsNodeTest, testing::kTransports, testing::TransportName);

}  // namespace
}  // namespace larder
