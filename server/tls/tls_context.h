#ifndef LARDER_SERVER_TLS_TLS_CONTEXT_H_
#define LARDER_SERVER_TLS_TLS_CONTEXT_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/tls/tls_credentials.h"
#include "server/tls/tls_files.h"

namespace larder::server {

// What all TLS connections with one certificate share: TLS 1.2 and later without renegotiation,
// ALPN h2 or nothing, a client's certificate demanded if there is a CA for it. Sessions are resumed
// by tickets, whose keys go with the context. Thread-safe.
class TlsContext {
 public:
  // FAILED_PRECONDITION names the flag and file that is not what it should be. `files` is for these
  // messages only.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> Create(const TlsFiles& files,
                                                                  const TlsTexts& texts);

  SSL_CTX* get() const { return context_.get(); }
  absl::Time not_after() const { return not_after_; }

 private:
  explicit TlsContext(SslContext context) : context_(std::move(context)) {}
  absl::Status UseOwnCertificate(const std::string& text);
  absl::Status DemandClientsOf(const std::string& text);

  const SslContext context_;
  absl::Time not_after_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TLS_TLS_CONTEXT_H_
