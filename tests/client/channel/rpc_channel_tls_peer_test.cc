#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "client/channel/channel_tls_context.h"
#include "tests/client/channel/channel_fixture.h"
#include "tests/client/channel/channel_tls_fixture.h"
#include "tests/client/channel/tls_peer.h"
#include "tests/server/tls/test_authority.h"
#include "tests/server/tls/tls_client.h"

namespace larder::server {
namespace {

using ::testing::StartsWith;

// Against a server that the test plays.
class RpcChannelTlsPeerTest : public RpcChannelTlsTest {
 protected:
  TlsPeer Accept() { return TlsPeer(listener_.Accept(), context_->get()); }
  TlsPeer Greet() {
    TlsPeer peer = Accept();
    EXPECT_TRUE(peer.Handshake());
    peer.ReadUntil("SM\r\n\r\n");
    peer.Send(Settings());
    return peer;
  }

  const std::shared_ptr<const TlsContext> context_ = ContextOf(authority_.Issue("node"));
};

TEST_F(RpcChannelTlsPeerTest, BothVersionsAreSpokenAndNoneBefore) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    OpenTrusting();
    WaitingCall call("x");
    channel_->Start(call);
    TlsPeer peer = Accept();
    SSL_set_max_proto_version(peer.engine().ssl(), version);
    ASSERT_TRUE(peer.Handshake());
    EXPECT_EQ(SSL_version(peer.engine().ssl()), version);
    peer.Send(Settings());
    peer.ReadUntil(Message("x"));
    peer.Answer(1, "good");
    EXPECT_EQ(call.Wait(), absl::StatusCode::kOk);
    EXPECT_EQ(call.response, "good");
  }
  OpenTrusting();
  WaitingCall call("x");
  channel_->Start(call);
  TlsPeer peer = Accept();
  SSL_set_security_level(peer.engine().ssl(), 0);  // or it would not be spoken by the server
  SSL_set_cipher_list(peer.engine().ssl(), "ALL");
  SSL_set_min_proto_version(peer.engine().ssl(), TLS1_1_VERSION);
  SSL_set_max_proto_version(peer.engine().ssl(), TLS1_1_VERSION);
  EXPECT_FALSE(peer.Handshake());
  EXPECT_EQ(Refusal(call), "TLS: the server refused: tlsv1 alert protocol version");
}

TEST_F(RpcChannelTlsPeerTest, TheServerIsAskedForByNameButNotByAddress) {
  OpenTrusting({.tls_server_name = "node.example"});
  WaitingCall by_name("x", std::chrono::milliseconds(1));
  channel_->Start(by_name);
  TlsPeer named = Accept();
  ASSERT_TRUE(named.Handshake());
  EXPECT_STREQ(SSL_get_servername(named.engine().ssl(), TLSEXT_NAMETYPE_host_name), "node.example");
  by_name.Wait();
  OpenTrusting();
  WaitingCall by_address("x", std::chrono::milliseconds(1));
  channel_->Start(by_address);
  TlsPeer numbered = Accept();
  ASSERT_TRUE(numbered.Handshake());
  EXPECT_EQ(SSL_get_servername(numbered.engine().ssl(), TLSEXT_NAMETYPE_host_name), nullptr);
  by_address.Wait();
}

TEST_F(RpcChannelTlsPeerTest, AServerWithoutAlpnIsRefused) {
  const SslContext without = ContextWithoutAlpn(authority_.Issue("node"));
  OpenTrusting();
  WaitingCall call("x");
  channel_->Start(call);
  TlsPeer peer(listener_.Accept(), without.get());
  peer.ReadUntilClosed();
  EXPECT_EQ(Refusal(call), "TLS: the server did not choose HTTP/2 (ALPN h2)");
  EXPECT_EQ(peer.received(), "");
}

TEST_F(RpcChannelTlsPeerTest, AServerThatClosesInTheHandshakeIsNoConnection) {
  OpenTrusting();
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.ReadUntil("h2");  // in the first message
  peer.Close();
  EXPECT_EQ(Refusal(call), "the connection broke: closed by the server in the TLS handshake");
}

TEST_F(RpcChannelTlsPeerTest, AHandshakeThatStallsEndsWithTheTimeToConnect) {
  OpenTrusting({.connect_timeout = absl::Milliseconds(20)});
  WaitingCall call("x");
  channel_->Start(call);
  EXPECT_EQ(Refusal(call), "no connection within 20ms: the TLS handshake has not ended");
}

TEST_F(RpcChannelTlsPeerTest, AHandshakeThatBeganAndStallsDoesToo) {
  OpenTrusting({.connect_timeout = absl::Milliseconds(20)});
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.Send("\x16\x03\x03");
  EXPECT_EQ(Refusal(call), "no connection within 20ms: the TLS handshake has not ended");
}

TEST_F(RpcChannelTlsPeerTest, ThePlainDeadlineOfACallIsNotHeldUpByAHandshake) {
  OpenTrusting({.connect_timeout = absl::Hours(1)});
  WaitingCall call("x", std::chrono::milliseconds(5));
  channel_->Start(call);
  EXPECT_EQ(call.Wait(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(RpcChannelTlsPeerTest, AHandshakeThatCannotBeginIsSaidAtOnce) {
  const auto context =
      ChannelTlsContext::Create({{"trusted", authority_.certificate()}, {}, {}}).value();
  SSL_CTX_set_max_proto_version(context->get(), TLS1_1_VERSION);  // as the system's policy may
  channel_ =
      Connect({.address = listener_.address(), .tls = context, .connect_timeout = absl::Hours(1)});
  WaitingCall call("x");
  channel_->Start(call);
  EXPECT_EQ(Refusal(call), "TLS handshake failed: no protocols available");
}

TEST_F(RpcChannelTlsPeerTest, ANameThatNoCertificateCanHaveIsRefused) {
  for (const std::string& name : {std::string(300, 'x'), std::string(".example")}) {
    OpenTrusting({.tls_server_name = name, .connect_timeout = absl::Hours(1)});
    WaitingCall call("x");
    channel_->Start(call);
    EXPECT_EQ(Refusal(call), "TLS: no certificate can be for '" + name + "'");
  }
}

TEST_F(RpcChannelTlsPeerTest, AServerThatSpeaksNoTlsIsRefused) {
  OpenTrusting();
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.Send(Settings());
  EXPECT_EQ(Refusal(call), "TLS handshake failed: wrong version number");
}

TEST_F(RpcChannelTlsPeerTest, AnAlertIsSaid) {
  OpenTrusting();
  WaitingCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.Send(std::string("\x15\x03\x03\x00\x02\x02\x50", 7));
  EXPECT_EQ(Refusal(call), "TLS: the server refused: tlsv1 alert internal error");
}

TEST_F(RpcChannelTlsPeerTest, ADamagedRecordFailsTheCallsInFlightAndTheNextConnectsAgain) {
  OpenTrusting({.backoff_initial = absl::ZeroDuration()});
  WaitingCall good("good");
  WaitingCall lost("lost");
  channel_->Start(good);
  TlsPeer peer = Greet();
  peer.ReadUntil(Message("good"));
  channel_->Start(lost);
  peer.ReadUntil(Message("lost"));
  peer.Answer(1, "1");
  EXPECT_EQ(good.Wait(), absl::StatusCode::kOk);
  peer.SendRaw(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_EQ(Refusal(lost), "TLS: decryption failed or bad record mac");
  peer.ReadUntilClosed();
  WaitingCall next("next");
  channel_->Start(next);
  TlsPeer again = Greet();
  again.ReadUntil(Message("next"));
  again.Answer(1, "2");
  EXPECT_EQ(next.Wait(), absl::StatusCode::kOk);
}

TEST_F(RpcChannelTlsPeerTest, AnAnswerBeforeTheEndCountsAndWhatIsInFlightIsLost) {
  OpenTrusting();
  WaitingCall answered("answered");
  WaitingCall lost("lost");
  channel_->Start(answered);
  TlsPeer peer = Greet();
  peer.ReadUntil(Message("answered"));
  channel_->Start(lost);
  peer.ReadUntil(Message("lost"));
  peer.Answer(1, "1");
  peer.End();
  EXPECT_EQ(answered.Wait(), absl::StatusCode::kOk);
  EXPECT_EQ(Refusal(lost), "the connection broke: closed by the server");
}

TEST_F(RpcChannelTlsPeerTest, AnEndIsSaidToTheServer) {
  OpenTrusting();
  WaitingCall call("x");
  channel_->Start(call);
  TlsPeer peer = Greet();
  peer.ReadUntil(Message("x"));
  peer.Send(Frame(http2::FrameType::kGoaway, 0, 0, BigEndian(1, 4) + BigEndian(0, 4)));
  peer.Answer(1, "1");
  EXPECT_EQ(call.Wait(), absl::StatusCode::kOk);
  while (peer.engine().state() == TlsEngine::State::kOpen) peer.ReadUntilClosed();
  EXPECT_EQ(peer.engine().state(), TlsEngine::State::kEnded);
}

TEST(ChannelTlsContextTest, WhatIsWrongWithATextIsSaid) {
  const TestAuthority authority("authority");
  const TestCertificate one = authority.Issue("one");
  const TestCertificate two = authority.Issue("two");
  const auto refusal = [](const ChannelTlsTexts& texts) {
    const absl::Status status = ChannelTlsContext::Create(texts).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_EQ(refusal({{"ca", "nothing"}, {}, {}}), "ca: holds no certificate in PEM");
  std::string damaged = one.certificate;
  damaged.replace(damaged.size() / 2, 8, "********");
  EXPECT_THAT(refusal({{"ca", one.certificate + damaged}, {}, {}}),
              StartsWith("ca: certificate 2 is damaged: "));
  EXPECT_EQ(refusal({{}, {"cert", one.key}, {"key", one.key}}),
            "cert: holds no certificate in PEM");
  EXPECT_EQ(refusal({{}, {"cert", one.certificate}, {"key", two.key}}),
            "key: does not belong to the certificate in cert");
  const TestKey key(EVP_EC_gen("P-256"));
  EXPECT_EQ(
      refusal(
          {{}, {"cert", one.certificate}, {"key", TestAuthority::PemOf(key.get(), "passphrase")}}),
      "key: is encrypted, and there is no passphrase");
}

}  // namespace
}  // namespace larder::server
