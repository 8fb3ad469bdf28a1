#ifndef LARDER_SERVER_RPC_TLS_SESSION_H_
#define LARDER_SERVER_RPC_TLS_SESSION_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "server/rpc/output_buffer.h"
#include "server/tls/tls_context.h"
#include "server/tls/tls_counters.h"

namespace larder::server {

// The server's side of one TLS connection as a machine without socket and clock: ciphertext comes
// in by Receive and leaves through output(). Not thread-safe.
class TlsSession {
 public:
  enum class State : uint8_t {
    kHandshake,
    kOpen,
    kEnded,   // the client has said that it sends no more; the server still may
    kClosed,  // nothing but what is in the output can be sent any more
  };

  // The most plaintext of one record.
  static constexpr size_t kRecordBytes = 16384;

  // The counters outlive the session.
  TlsSession(std::shared_ptr<const TlsContext> context, TlsCounters* counters);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Takes what came from the socket, all of it; returns the plaintext of the records that are
  // complete now. REQUIRES: room for ciphertext.size() + kRecordBytes at `plaintext`.
  std::string_view Receive(std::string_view ciphertext, char* plaintext);
  // Encrypts all of it, behind what is in the output. REQUIRES: can_send().
  void Send(std::string_view plaintext);
  // Tells the client that nothing more will be sent, if there is a client to tell.
  void End();
  // The connection is gone, or was given up: a handshake that was not over has failed for this.
  void Abandon(TlsFailure failure);

  State state() const { return state_; }
  bool can_send() const { return state_ == State::kOpen || state_ == State::kEnded; }
  // It ended within the handshake, in which the client began with HTTP/2's preface.
  bool was_plaintext_http2() const { return was_plaintext_http2_; }
  OutputBuffer& output() { return output_; }
  const OutputBuffer& output() const { return output_; }
  void ReleaseMemory();

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  static const BIO_METHOD* Method();
  static int ReadBio(BIO* bio, char* to, int size);
  static int WriteBio(BIO* bio, const char* from, int size);
  static long ControlBio(BIO* bio, int command, long number, void* pointer);
  static void OnInfo(const SSL* ssl, int where, int value);

  // After a read that gave nothing.
  void OnNothingRead(int result);
  void Fail(TlsFailure failure);

  const std::shared_ptr<const TlsContext> context_;
  TlsCounters* const counters_;
  std::string_view incoming_;  // ciphertext; empty but within Receive
  OutputBuffer output_;
  State state_ = State::kHandshake;
  bool has_begun_ = false;  // something was received
  bool was_plaintext_http2_ = false;
  uint32_t late_steps_ = 0;  // of the handshake protocol, since it is open
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_TLS_SESSION_H_
