#ifndef LARDER_TESTS_CLIENT_CHANNEL_TLS_PEER_H_
#define LARDER_TESTS_CLIENT_CHANNEL_TLS_PEER_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>

#include "client/channel/file_descriptor.h"
#include "proto/tls/tls_credentials.h"
#include "proto/tls/tls_engine.h"
#include "tests/client/channel/channel_fixture.h"
#include "tests/server/tls/test_authority.h"

namespace larder {

// A server's context that knows no ALPN.
inline SslContext ContextWithoutAlpn(const TestCertificate& certificate) {
  SslContext context = NewSslContext(TLS_server_method()).value();
  EXPECT_TRUE(
      UseCertificates(ParseCertificates(certificate.certificate).value(), context.get()).ok());
  EXPECT_TRUE(UseKey(certificate.key, "certificate", context.get()).ok());
  return context;
}

// The test's end of one TLS connection, as Peer is of one without.
class TlsPeer {
 public:
  TlsPeer(Peer peer, SSL_CTX* context)
      : socket_(peer.Take()), engine_(std::make_unique<TlsEngine>(context)) {}

  TlsEngine& engine() { return *engine_; }
  const std::string& received() const { return received_; }

  // Until the handshake is over; false: it failed, or the client has closed.
  bool Handshake() {
    while (!engine_->was_open()) {
      if (!Read()) return false;
    }
    return true;
  }
  void ReadUntil(const std::string& bytes) {
    while (received_.find(bytes) == std::string::npos) ASSERT_TRUE(Read()) << "closed";
  }
  void ReadUntilClosed() {
    while (Read()) {
    }
  }
  void Send(const std::string& plaintext) {
    ASSERT_TRUE(engine_->can_send());
    engine_->Send(plaintext);
    SendOutput();
  }
  void SendRaw(const std::string& bytes) {
    ASSERT_EQ(send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void End() {
    engine_->End();
    SendOutput();
  }
  void Answer(uint32_t stream, const std::string& message) { Send(AnswerOf(stream, message)); }

 private:
  void SendOutput() {
    OutputBuffer& output = engine_->output();
    // A client that has seen enough may be gone.
    send(socket_.number(), output.unsent().data(), output.size(), MSG_NOSIGNAL);
    output.MarkSent(output.size());
  }
  bool Read() {
    pollfd readable{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing comes";
      return false;
    }
    char ciphertext[65536];
    const ssize_t count = recv(socket_.number(), ciphertext, sizeof(ciphertext), 0);
    if (count <= 0) return false;
    std::string plaintext(sizeof(ciphertext) + TlsEngine::kRecordBytes, '\0');
    received_ += engine_->Receive({ciphertext, static_cast<size_t>(count)}, plaintext.data());
    SendOutput();
    return engine_->state() == TlsEngine::State::kHandshake || engine_->can_send();
  }

  FileDescriptor socket_;
  std::unique_ptr<TlsEngine> engine_;
  std::string received_;
};

}  // namespace larder

#endif  // LARDER_TESTS_CLIENT_CHANNEL_TLS_PEER_H_
