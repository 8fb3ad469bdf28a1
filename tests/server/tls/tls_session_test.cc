#include "server/rpc/tls_session.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <algorithm>
#include <string>

#include "proto/http2/http2_frame.h"
#include "tests/server/tls/tls_client.h"

namespace larder::server {
namespace {

using State = TlsSession::State;

// A session and a client of it, without sockets.
class TlsSessionTest : public testing::Test {
 protected:
  TlsClientOptions Trusting() const { return {.ca = authority_.certificate()}; }

  // Gives the session what it gets, in pieces.
  void Receive(std::string_view ciphertext, size_t piece = SIZE_MAX) {
    while (!ciphertext.empty()) {
      const std::string_view part = ciphertext.substr(0, piece);
      ciphertext.remove_prefix(part.size());
      std::string plaintext(part.size() + TlsSession::kRecordBytes, '\0');
      received_ += session_.Receive(part, plaintext.data());
    }
  }
  std::string TakeOutput() {
    std::string bytes(session_.output().unsent());
    session_.output().MarkSent(bytes.size());
    return bytes;
  }
  // Carries bytes both ways until there are none.
  void Run(TlsClient& client, size_t piece = SIZE_MAX) {
    while (true) {
      const std::string to_server = client.Take();
      Receive(to_server, piece);
      const std::string to_client = TakeOutput();
      if (to_server.empty() && to_client.empty()) return;
      for (size_t at = 0; at < to_client.size(); at += std::min(piece, to_client.size())) {
        client.Give(std::string_view(to_client).substr(at, piece));
      }
    }
  }
  void ExpectRefused(TlsClientOptions options, TlsFailure failure, int client_reason) {
    TlsClient client(options);
    Run(client);
    EXPECT_EQ(session_.state(), State::kClosed);
    EXPECT_EQ(counters_.failures(failure), 1u);
    EXPECT_EQ(counters_.handshakes(), 0u);
    EXPECT_TRUE(client.has_failed());
    EXPECT_EQ(client.reason(), client_reason);
  }

  TestAuthority authority_{"authority"};
  TlsCounters counters_;
  std::shared_ptr<const TlsContext> context_ = ContextOf(authority_.Issue("node"));
  TlsSession session_{context_, &counters_};
  std::string received_;
};

TEST_F(TlsSessionTest, HandshakeComesInSingleBytes) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsSession session(context_, &counters_);
    TlsClientOptions options = Trusting();
    options.version = version;
    TlsClient client(options);
    char plaintext[1 + TlsSession::kRecordBytes];
    for (int round = 0; round < 10 && !client.is_open(); ++round) {
      for (const char byte : client.Take()) session.Receive({&byte, 1}, plaintext);
      const std::string answer(session.output().unsent());
      session.output().MarkSent(answer.size());
      for (const char& byte : answer) client.Give({&byte, 1});
    }
    for (const char byte : client.Take()) session.Receive({&byte, 1}, plaintext);
    ASSERT_TRUE(client.is_open());
    EXPECT_EQ(session.state(), State::kOpen);
    EXPECT_EQ(SSL_version(client.ssl()), version);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.ssl(), &protocol, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), size), "h2");
  }
  EXPECT_EQ(counters_.handshakes(), 2u);
}

TEST_F(TlsSessionTest, LargeMessagesGoBothWaysInPiecesOfAnySize) {
  TlsClient client(Trusting());
  Run(client);
  std::string expected;
  for (const size_t piece : {size_t{7}, size_t{1000}, size_t{16384}, size_t{100000}}) {
    std::string message(300000, '\0');
    for (size_t i = 0; i < message.size(); ++i) message[i] = static_cast<char>(i * 31 + piece);
    expected += message;
    client.Write(message);
    session_.Send(message);
    Run(client, piece);
    ASSERT_EQ(received_, expected);
    ASSERT_EQ(client.received(), expected);
  }
  EXPECT_EQ(session_.state(), State::kOpen);
}

TEST_F(TlsSessionTest, ErrorsThatOthersLeaveInOpenSslAreNotItsOwn) {
  TlsClient client(Trusting());
  Run(client);
  client.Write("request");
  const std::string ciphertext = client.Take();
  ERR_raise(ERR_LIB_USER, 1);
  Receive(ciphertext);
  EXPECT_EQ(session_.state(), State::kOpen);
  EXPECT_EQ(received_, "request");
}

TEST_F(TlsSessionTest, AllRecordsThatCameTogetherAreReadAtOnce) {
  TlsClient client(Trusting());
  Run(client);
  for (int i = 0; i < 100; ++i) client.Write("record " + std::to_string(i) + ";");
  std::string ciphertext = client.Take();
  // The last one comes in part: the rest brings it, and nothing but that.
  const std::string rest = ciphertext.substr(ciphertext.size() - 3);
  ciphertext.resize(ciphertext.size() - 3);
  std::string plaintext(ciphertext.size() + TlsSession::kRecordBytes, '\0');
  const std::string read(session_.Receive(ciphertext, plaintext.data()));
  EXPECT_TRUE(read.starts_with("record 0;record 1;")) << read;
  EXPECT_TRUE(read.ends_with("record 98;")) << read;
  EXPECT_EQ(session_.Receive(rest, plaintext.data()), "record 99;");
}

TEST_F(TlsSessionTest, ARecordThatBeganBeforeFitsBehindAPieceThatIsSmallerThanIt) {
  TlsClient client(Trusting());
  Run(client);
  const std::string message(TlsSession::kRecordBytes, 'x');
  client.Write(message);
  const std::string ciphertext = client.Take();
  Receive(std::string_view(ciphertext).substr(0, ciphertext.size() - 1));
  EXPECT_EQ(received_, "");
  Receive(std::string_view(ciphertext).substr(ciphertext.size() - 1));
  EXPECT_EQ(received_, message);
}

TEST_F(TlsSessionTest, OnlyAsMuchIsEncryptedAsMayWait) {
  TlsClient client(Trusting());
  Run(client);
  const std::string message(300000, 'x');
  OutputBuffer plaintext;
  plaintext.Append(message);
  int turns = 0;
  for (; !plaintext.empty(); ++turns) {
    const size_t before = plaintext.size();
    session_.SendFrom(plaintext);
    EXPECT_LT(plaintext.size(), before);
    EXPECT_LT(session_.output().size(), size_t{70000});
    session_.SendFrom(plaintext);
    EXPECT_EQ(session_.has_enough_output(), !plaintext.empty());
    Run(client);
  }
  EXPECT_EQ(turns, 5);
  EXPECT_EQ(client.received(), message);
}

TEST_F(TlsSessionTest, AClientWithoutAlpnIsRefused) {
  TlsClientOptions options = Trusting();
  options.alpn = "";
  ExpectRefused(options, TlsFailure::kNoApplicationProtocol,
                SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}

TEST_F(TlsSessionTest, AClientThatOffersNoHttp2IsRefused) {
  TlsClientOptions options = Trusting();
  options.alpn = "\x08http/1.1";
  ExpectRefused(options, TlsFailure::kNoApplicationProtocol,
                SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}

TEST_F(TlsSessionTest, Tls11IsRefused) {
  TlsClientOptions options = Trusting();
  options.version = TLS1_1_VERSION;
  ExpectRefused(options, TlsFailure::kProtocolVersion, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
}

TEST_F(TlsSessionTest, AClientThatDoesNotTrustTheNodeIsCounted) {
  TlsClientOptions options = Trusting();
  const TestAuthority other("other");
  options.ca = other.certificate();
  ExpectRefused(options, TlsFailure::kClientAlert, SSL_R_CERTIFICATE_VERIFY_FAILED);
}

class MutualTlsTest : public TlsSessionTest {
 protected:
  MutualTlsTest() { context_ = ContextOf(authority_.Issue("node"), authority_.certificate()); }

  // What becomes of a client that presents a certificate.
  void Connect(const TestCertificate& certificate) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsSession session(context_, &counters_);
      TlsClientOptions options = Trusting();
      options.certificate = certificate;
      options.version = version;
      TlsClient client(options);
      std::string plaintext(100000, '\0');
      for (int round = 0; round < 5; ++round) {
        session.Receive(client.Take(), plaintext.data());
        client.Give(session.output().unsent());
        session.output().MarkSent(session.output().size());
      }
      EXPECT_EQ(session.state() == State::kOpen, client.is_open());
    }
  }
};

TEST_F(MutualTlsTest, OnlyCertificatesOfTheAuthorityForClientsAreTaken) {
  Connect(authority_.Issue("client"));
  EXPECT_EQ(counters_.handshakes(), 2u);
  Connect(authority_.Issue("client", 3600, "clientAuth"));
  EXPECT_EQ(counters_.handshakes(), 4u);
  Connect({});
  EXPECT_EQ(counters_.failures(TlsFailure::kNoClientCertificate), 2u);
  const TestAuthority other("authority");
  Connect(other.Issue("client"));
  EXPECT_EQ(counters_.failures(TlsFailure::kBadClientCertificate), 2u);
  Connect(authority_.Issue("client", -3600));
  EXPECT_EQ(counters_.failures(TlsFailure::kBadClientCertificate), 4u);
  Connect(authority_.Issue("client", 3600, "serverAuth"));
  EXPECT_EQ(counters_.failures(TlsFailure::kBadClientCertificate), 6u);
  EXPECT_EQ(counters_.handshakes(), 4u);
}

TEST_F(TlsSessionTest, ASessionIsResumedByTicketUntilTheCertificateIsReplaced) {
  TlsClientOptions options = Trusting();
  std::unique_ptr<SSL_SESSION, OpensslFree<SSL_SESSION_free>> session;
  {
    TlsClient client(options);
    Run(client);
    SSL_shutdown(client.ssl());  // or OpenSSL would not resume it
    session.reset(SSL_get1_session(client.ssl()));
  }
  options.session = session.get();
  const auto is_resumed = [&](const std::shared_ptr<const TlsContext>& context) {
    TlsSession again(context, &counters_);
    TlsClient client(options);
    std::string plaintext(100000, '\0');
    for (int round = 0; round < 5; ++round) {
      again.Receive(client.Take(), plaintext.data());
      client.Give(again.output().unsent());
      again.output().MarkSent(again.output().size());
    }
    EXPECT_TRUE(client.is_open());
    return SSL_session_reused(client.ssl()) == 1;
  };
  EXPECT_TRUE(is_resumed(context_));
  EXPECT_FALSE(is_resumed(ContextOf(authority_.Issue("node"))));
}

TEST_F(TlsSessionTest, RenegotiationIsRefused) {
  TlsClientOptions options = Trusting();
  options.version = TLS1_2_VERSION;
  TlsClient client(options);
  Run(client);
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  SSL_do_handshake(client.ssl());
  Receive(client.Take());
  EXPECT_EQ(session_.state(), State::kOpen);  // the client may go on without
  client.Give(TakeOutput());
  EXPECT_EQ(client.reason(), SSL_R_NO_RENEGOTIATION);
  EXPECT_EQ(counters_.handshakes(), 1u);
}

TEST_F(TlsSessionTest, KeysAreUpdatedButNotWithoutEnd) {
  TlsClientOptions options = Trusting();
  options.version = TLS1_3_VERSION;
  TlsClient client(options);
  Run(client);
  int updates = 0;
  while (session_.state() == State::kOpen && updates < 10000) {
    ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client.ssl()), 1);
    Run(client);
    if (++updates == 100) {
      client.Write("after many keys");
      Run(client);
      ASSERT_EQ(received_, "after many keys");
    }
  }
  EXPECT_GT(updates, 500);
  EXPECT_LT(updates, 5000);
  EXPECT_EQ(session_.state(), State::kClosed);
}

TEST_F(TlsSessionTest, AClientThatEndsIsHeardAndAnswered) {
  TlsClient client(Trusting());
  Run(client);
  client.Write("last");
  SSL_shutdown(client.ssl());
  Receive(client.Take());
  EXPECT_EQ(received_, "last");
  EXPECT_EQ(session_.state(), State::kEnded);
  ASSERT_TRUE(session_.can_send());
  session_.Send("answer");
  session_.End();
  client.Give(TakeOutput());
  EXPECT_EQ(client.received(), "answer");
  EXPECT_TRUE(client.has_ended());
}

TEST_F(TlsSessionTest, ADamagedRecordEndsTheConnectionWithAnAlert) {
  TlsClient client(Trusting());
  Run(client);
  client.Write("whole");
  client.Write("damaged");
  std::string ciphertext = client.Take();
  ciphertext.back() = static_cast<char>(ciphertext.back() ^ 1);
  Receive(ciphertext);
  EXPECT_EQ(received_, "whole");
  EXPECT_EQ(session_.state(), State::kClosed);
  EXPECT_FALSE(session_.can_send());
  client.Give(TakeOutput());
  EXPECT_EQ(client.reason(), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
  // The handshake was fine.
  EXPECT_EQ(counters_.failures(TlsFailure::kOther), 0u);
}

TEST_F(TlsSessionTest, PlaintextHttp2IsTold) {
  Receive(std::string(http2::kPreface) + "frames");
  EXPECT_EQ(session_.state(), State::kClosed);
  EXPECT_TRUE(session_.was_plaintext_http2());
  EXPECT_EQ(counters_.failures(TlsFailure::kNotTls), 1u);
}

TEST_F(TlsSessionTest, OtherPlaintextIsRefused) {
  Receive("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(session_.state(), State::kClosed);
  EXPECT_FALSE(session_.was_plaintext_http2());
  EXPECT_EQ(counters_.failures(TlsFailure::kNotTls), 1u);
}

TEST_F(TlsSessionTest, AHandshakeThatIsGivenUpIsCountedOnce) {
  TlsClient client(Trusting());
  Receive(client.Take());
  EXPECT_EQ(session_.state(), State::kHandshake);
  session_.Abandon(TlsFailure::kTimeout);
  session_.Abandon(TlsFailure::kDisconnected);
  EXPECT_EQ(counters_.failures(TlsFailure::kTimeout), 1u);
  EXPECT_EQ(counters_.failures(TlsFailure::kDisconnected), 0u);
}

}  // namespace
}  // namespace larder::server
