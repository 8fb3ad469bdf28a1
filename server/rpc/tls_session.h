#ifndef LARDER_SERVER_RPC_TLS_SESSION_H_
#define LARDER_SERVER_RPC_TLS_SESSION_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proto/http2/output_buffer.h"
#include "proto/tls/tls_engine.h"
#include "server/tls/tls_context.h"
#include "server/tls/tls_counters.h"

namespace larder::server {

// The server's side of one TLS connection: a TlsEngine, and what became of the handshake is
// counted. Not thread-safe.
class TlsSession {
 public:
  using State = TlsEngine::State;
  static constexpr size_t kRecordBytes = TlsEngine::kRecordBytes;

  // The counters outlive the session.
  TlsSession(std::shared_ptr<const TlsContext> context, TlsCounters* counters);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // What TlsEngine says of them.
  std::string_view Receive(std::string_view ciphertext, char* plaintext);
  void Send(std::string_view plaintext) { engine_.Send(plaintext); }
  void SendFrom(OutputBuffer& plaintext) { engine_.SendFrom(plaintext); }
  bool has_enough_output() const { return engine_.has_enough_output(); }
  void End() { engine_.End(); }

  // The connection is gone, or was given up: a handshake that was not over has failed for this.
  void Abandon(TlsFailure failure);

  State state() const { return engine_.state(); }
  // The common name in the client's certificate; empty: it has presented none.
  std::string client_name() const;
  bool can_send() const { return engine_.can_send(); }
  // It ended within the handshake, in which the client began with HTTP/2's preface.
  bool was_plaintext_http2() const { return was_plaintext_http2_; }
  OutputBuffer& output() { return engine_.output(); }
  const OutputBuffer& output() const { return engine_.output(); }
  void ReleaseMemory() { engine_.ReleaseMemory(); }

 private:
  const std::shared_ptr<const TlsContext> context_;
  TlsCounters* const counters_;
  TlsEngine engine_;
  bool is_counted_ = false;  // what became of the handshake
  bool has_begun_ = false;   // something was received
  bool was_plaintext_http2_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_TLS_SESSION_H_
