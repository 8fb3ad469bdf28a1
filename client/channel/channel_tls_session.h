#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_TLS_SESSION_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_TLS_SESSION_H_

#include <memory>
#include <string>
#include <string_view>

#include "client/channel/channel_tls_context.h"
#include "proto/tls/tls_engine.h"

namespace larder {

// The client's side of one TLS connection: a TlsEngine that demands a server of a certain name
// which speaks HTTP/2, and words what went wrong. A machine, too. Not thread-safe.
class ChannelTlsSession {
 public:
  using State = TlsEngine::State;
  static constexpr size_t kRecordBytes = TlsEngine::kRecordBytes;

  // `server_name`: a host's name or a numeric address, which must be in the server's certificate.
  ChannelTlsSession(std::shared_ptr<const ChannelTlsContext> context,
                    const std::string& server_name);
  ChannelTlsSession(const ChannelTlsSession&) = delete;
  ChannelTlsSession& operator=(const ChannelTlsSession&) = delete;

  // What TlsEngine says of them.
  void Begin();
  std::string_view Receive(std::string_view ciphertext, char* plaintext);
  void SendFrom(OutputBuffer& plaintext);
  bool has_enough_output() const { return engine_.has_enough_output(); }
  void End() { engine_.End(); }

  State state() const { return engine_.state(); }
  bool can_send() const { return engine_.can_send(); }
  // Why it is closed, unless that was asked for.
  const std::string& failure() const { return failure_; }
  OutputBuffer& output() { return engine_.output(); }
  const OutputBuffer& output() const { return engine_.output(); }
  void ReleaseMemory() { engine_.ReleaseMemory(); }

 private:
  bool Demand(const std::string& server_name);
  bool IsHttp2() const;
  void NoteFailure();
  std::string WhyClosed() const;

  const std::shared_ptr<const ChannelTlsContext> context_;
  const std::string server_name_;
  TlsEngine engine_;
  std::string failure_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_TLS_SESSION_H_
