#ifndef LARDER_SERVER_TLS_TLS_CONTEXT_H_
#define LARDER_SERVER_TLS_TLS_CONTEXT_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
  // FAILED_PRECONDITION names the flag and file that is not what it should be; whether certificates
  // are valid is not looked at. `files` is for messages only.
  static absl::StatusOr<std::shared_ptr<const TlsContext>> Create(const TlsFiles& files,
                                                                  const TlsTexts& texts);

  SSL_CTX* get() const { return context_.get(); }
  // Until when all that is presented to clients is valid. A root is not looked at: clients have
  // their own.
  absl::Time not_after() const;
  // FAILED_PRECONDITION: no handshake succeeds at that time, since a certificate that is presented,
  // or each of the clients' authorities, is not yet valid or has expired; names flag and file.
  absl::Status CheckValidity(absl::Time now) const;
  // When CheckValidity may have another answer than now.
  absl::Time NextChange(absl::Time now) const;

 private:
  // When a certificate is valid; `number`: its place in the file, from 1.
  struct Validity {
    size_t number;
    absl::Time not_before;
    absl::Time not_after;
  };

  TlsContext(SslContext context, TlsFiles files)
      : context_(std::move(context)), files_(std::move(files)) {}
  static Validity ValidityOf(const X509* certificate, size_t number);
  // Empty: it is valid.
  static std::string WhyInvalid(const Validity& validity, absl::Time now);
  absl::Status UseOwnCertificate(const std::string& text);
  absl::Status DemandClientsOf(const std::string& text);

  const SslContext context_;
  const TlsFiles files_;
  std::vector<Validity> presented_;    // the node's own certificate first
  std::vector<Validity> authorities_;  // empty: clients need no certificate
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TLS_TLS_CONTEXT_H_
