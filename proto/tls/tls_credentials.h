#ifndef LARDER_PROTO_TLS_TLS_CREDENTIALS_H_
#define LARDER_PROTO_TLS_TLS_CREDENTIALS_H_

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// What the TLS contexts of servers and of clients have in common. Errors are FAILED_PRECONDITION
// and say what is wrong with a text, not where that is from.
namespace larder {

struct FreeSslContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSslContext>;

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// "h2", as ALPN lists it.
inline constexpr unsigned char kAlpnHttp2[] = {2, 'h', '2'};

// Makes the context of one side, which the method is for: TLS 1.2 and later as HTTP/2 permits it
// (RFC 9113, 9.2), without renegotiation, compression and a cache of sessions.
absl::StatusOr<SslContext> NewSslContext(const SSL_METHOD* method);

// All of a text in PEM, at least one.
absl::StatusOr<std::vector<Certificate>> ParseCertificates(std::string_view text);

// What the side presents: its own certificate, and behind it those up to a root.
absl::Status UseCertificates(const std::vector<Certificate>& certificates, SSL_CTX* context);
// The key, in PEM, of the certificate that is in use. `certificate_file` is for the error's text.
absl::Status UseKey(std::string_view text, std::string_view certificate_file, SSL_CTX* context);

// Whom the side trusts.
absl::Status TrustAuthorities(const std::vector<Certificate>& authorities, SSL_CTX* context);

}  // namespace larder

#endif  // LARDER_PROTO_TLS_TLS_CREDENTIALS_H_
