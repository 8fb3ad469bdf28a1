#include "proto/tls/tls_credentials.h"

#include <openssl/pem.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/tls/openssl_error.h"

namespace larder {
namespace {

// Those that HTTP/2 permits with TLS 1.2 (RFC 9113, 9.2.2): ephemeral keys and AEAD.
constexpr char kTls12Ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Bio Over(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::Status Refuse(const std::string& why) { return absl::FailedPreconditionError(why); }

// A file that is being written may end so.
bool EndsInBeginLine(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  const std::string_view line = text.substr(text.rfind('\n') + 1);
  return !line.empty() && kBegin.starts_with(line);
}

// Instead of a question for a passphrase on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* is_encrypted) {
  *static_cast<bool*>(is_encrypted) = true;
  return -1;
}

}  // namespace

absl::StatusOr<SslContext> NewSslContext(const SSL_METHOD* method) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(method));
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kTls12Ciphers) != 1) {
    return Refuse(absl::StrCat("OpenSSL cannot speak TLS: ", TakeOpensslError()));
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Tickets need no cache; one would be shared by all loops and hold thousands of sessions.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

absl::StatusOr<std::vector<Certificate>> ParseCertificates(std::string_view text) {
  ERR_clear_error();
  const Bio bio = Over(text);
  std::vector<Certificate> certificates;
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = TakeOpensslError();
  if (!is_at_end) {
    return Refuse(absl::StrCat("certificate ", certificates.size() + 1, " is damaged: ", reason));
  }
  if (certificates.empty()) return Refuse("holds no certificate in PEM");
  if (EndsInBeginLine(text)) {
    return Refuse(absl::StrCat("certificate ", certificates.size() + 1, " is cut off"));
  }
  return certificates;
}

absl::Status UseCertificates(const std::vector<Certificate>& certificates, SSL_CTX* context) {
  if (SSL_CTX_use_certificate(context, certificates.front().get()) != 1) {
    return Refuse(TakeOpensslError());
  }
  for (size_t i = 1; i < certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, certificates[i].get()) != 1) {
      return Refuse(absl::StrCat("certificate ", i + 1, ": ", TakeOpensslError()));
    }
  }
  return absl::OkStatus();
}

absl::Status UseKey(std::string_view text, std::string_view certificate_file, SSL_CTX* context) {
  const Bio bio = Over(text);
  bool is_encrypted = false;
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &is_encrypted));
  ERR_clear_error();
  if (is_encrypted) return Refuse("is encrypted, and there is no passphrase");
  if (key == nullptr) return Refuse("holds no private key in PEM");
  if (X509_check_private_key(SSL_CTX_get0_certificate(context), key.get()) != 1) {
    ERR_clear_error();
    return Refuse(
        absl::StrCat("does not belong to the certificate in ", std::string(certificate_file)));
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Refuse(TakeOpensslError());
  return absl::OkStatus();
}

absl::Status TrustAuthorities(const std::vector<Certificate>& authorities, SSL_CTX* context) {
  for (const Certificate& authority : authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1) {
      return Refuse(TakeOpensslError());
    }
  }
  return absl::OkStatus();
}

}  // namespace larder
