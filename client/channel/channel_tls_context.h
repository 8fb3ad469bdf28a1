#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_TLS_CONTEXT_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_TLS_CONTEXT_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "proto/tls/tls_credentials.h"

namespace larder {

// What a channel's TLS is made of, in PEM.
struct ChannelTlsTexts {
  struct Text {
    std::string name;  // what errors call it
    std::string pem;
  };
  Text authorities;   // whom it trusts, roots or not; empty: whom the system trusts
  Text certificates;  // its own, and behind it those up to a root; empty: it has none
  Text key;           // of that
};

// What all TLS connections of a channel share: TLS 1.2 and later without renegotiation, h2 offered
// by ALPN, the server's certificate verified. Thread-safe.
class ChannelTlsContext {
 public:
  // INVALID_ARGUMENT names the text that is not what it should be. INTERNAL: the system's
  // authorities cannot be used, or OpenSSL not at all.
  static absl::StatusOr<std::shared_ptr<const ChannelTlsContext>> Create(
      const ChannelTlsTexts& texts);

  SSL_CTX* get() const { return context_.get(); }

 private:
  explicit ChannelTlsContext(SslContext context) : context_(std::move(context)) {}

  const SslContext context_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_TLS_CONTEXT_H_
