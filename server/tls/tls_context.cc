#include "server/tls/tls_context.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/tls/openssl_error.h"

namespace larder::server {
namespace {

// Those that HTTP/2 permits with TLS 1.2 (RFC 9113, 9.2.2): ephemeral keys and AEAD.
constexpr char kTls12Ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr unsigned char kHttp2[] = {2, 'h', '2'};
constexpr unsigned char kSessionIdContext[] = "larder";

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Bio Over(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::Status Refuse(const char* flag, const std::string& path, std::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("--", flag, ": ", path, ": ", std::string(why)));
}

// Instead of a question for a passphrase on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* is_encrypted) {
  *static_cast<bool*>(is_encrypted) = true;
  return -1;
}

absl::StatusOr<std::vector<Certificate>> ParseCertificates(const char* flag,
                                                           const std::string& path,
                                                           std::string_view text) {
  const Bio bio = Over(text);
  std::vector<Certificate> certificates;
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = TakeOpensslError();
  if (!is_at_end) {
    return Refuse(flag, path,
                  absl::StrCat("certificate ", certificates.size() + 1, " is damaged: ", reason));
  }
  if (certificates.empty()) return Refuse(flag, path, "holds no certificate in PEM");
  return certificates;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return absl::InfiniteFuture();
  return absl::FromTM(fields, absl::UTCTimeZone());
}

// A client that offers no ALPN is refused, too: SelectProtocol is not asked then.
int DemandAlpn(SSL* ssl, int* alert, void* /*unused*/) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &bytes,
                                &size) == 1) {
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

int SelectProtocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* chosen_size,
                   const unsigned char* offered, unsigned int offered_size, void* /*unused*/) {
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, chosen_size, kHttp2, sizeof(kHttp2), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = selected;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Create(const TlsFiles& files,
                                                                     const TlsTexts& texts) {
  ERR_clear_error();
  const std::shared_ptr<TlsContext> context(new TlsContext(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* const raw = context->get();
  if (raw == nullptr || SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(raw, kTls12Ciphers) != 1 ||
      SSL_CTX_set_session_id_context(raw, kSessionIdContext, sizeof(kSessionIdContext) - 1) != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("OpenSSL cannot serve TLS: ", TakeOpensslError()));
  }
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  // Tickets need no cache; one would be shared by all loops and hold thousands of sessions.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_client_hello_cb(raw, DemandAlpn, nullptr);
  SSL_CTX_set_alpn_select_cb(raw, SelectProtocol, nullptr);
  absl::Status status = context->UseCertificates(files, texts);
  if (status.ok()) status = context->UseKey(files, texts);
  if (status.ok() && !files.client_ca_file.empty()) status = context->UseClientCa(files, texts);
  if (!status.ok()) return status;
  return std::shared_ptr<const TlsContext>(context);
}

absl::Status TlsContext::UseCertificates(const TlsFiles& files, const TlsTexts& texts) {
  auto certificates = ParseCertificates("tls_cert_file", files.cert_file, texts.certificates);
  if (!certificates.ok()) return certificates.status();
  if (SSL_CTX_use_certificate(get(), certificates->front().get()) != 1) {
    return Refuse("tls_cert_file", files.cert_file, TakeOpensslError());
  }
  not_after_ = TimeOf(X509_get0_notAfter(certificates->front().get()));
  for (size_t i = 1; i < certificates->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(get(), (*certificates)[i].get()) != 1) {
      return Refuse("tls_cert_file", files.cert_file,
                    absl::StrCat("certificate ", i + 1, ": ", TakeOpensslError()));
    }
  }
  return absl::OkStatus();
}

absl::Status TlsContext::UseKey(const TlsFiles& files, const TlsTexts& texts) {
  const Bio bio = Over(texts.key);
  bool is_encrypted = false;
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &is_encrypted));
  if (is_encrypted) {
    ERR_clear_error();
    return Refuse("tls_key_file", files.key_file, "is encrypted; the node has no passphrase");
  }
  if (key == nullptr) {
    ERR_clear_error();
    return Refuse("tls_key_file", files.key_file, "holds no private key in PEM");
  }
  if (X509_check_private_key(SSL_CTX_get0_certificate(get()), key.get()) != 1) {
    ERR_clear_error();
    return Refuse("tls_key_file", files.key_file,
                  absl::StrCat("does not belong to the certificate in ", files.cert_file));
  }
  if (SSL_CTX_use_PrivateKey(get(), key.get()) != 1) {
    return Refuse("tls_key_file", files.key_file, TakeOpensslError());
  }
  return absl::OkStatus();
}

absl::Status TlsContext::UseClientCa(const TlsFiles& files, const TlsTexts& texts) {
  const auto authorities =
      ParseCertificates("tls_client_ca_file", files.client_ca_file, texts.client_ca);
  if (!authorities.ok()) return authorities.status();
  for (const Certificate& authority : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(get()), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(get(), authority.get()) != 1) {
      return Refuse("tls_client_ca_file", files.client_ca_file, TakeOpensslError());
    }
  }
  SSL_CTX_set_verify(get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return absl::OkStatus();
}

}  // namespace larder::server
