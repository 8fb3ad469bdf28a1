#include "client/channel/channel_tls_context.h"

#include <openssl/x509_vfy.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/tls/openssl_error.h"

namespace larder {
namespace {

// A status that says which text it is about.
absl::Status In(const ChannelTlsTexts::Text& text, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(text.name, ": ", status.message()));
}

absl::Status Trust(const ChannelTlsTexts::Text& authorities, SSL_CTX* context) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (authorities.pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat("the authorities that the system trusts: ", TakeOpensslError()));
  }
  // Who is named is trusted, also if somebody else has signed it.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  const auto certificates = ParseCertificates(authorities.pem);
  if (!certificates.ok()) return In(authorities, certificates.status());
  return In(authorities, TrustAuthorities(*certificates, context));
}

absl::Status Present(const ChannelTlsTexts& texts, SSL_CTX* context) {
  const auto certificates = ParseCertificates(texts.certificates.pem);
  if (!certificates.ok()) return In(texts.certificates, certificates.status());
  const absl::Status status = UseCertificates(*certificates, context);
  if (!status.ok()) return In(texts.certificates, status);
  return In(texts.key, UseKey(texts.key.pem, texts.certificates.name, context));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ChannelTlsContext>> ChannelTlsContext::Create(
    const ChannelTlsTexts& texts) {
  auto context = NewSslContext(TLS_client_method());
  if (!context.ok()) return absl::InternalError(context.status().message());
  SSL_CTX* const raw = context->get();
  // Returns 0 if all is well.
  if (SSL_CTX_set_alpn_protos(raw, kAlpnHttp2, sizeof(kAlpnHttp2)) != 0) {
    return absl::InternalError(absl::StrCat("OpenSSL cannot offer h2: ", TakeOpensslError()));
  }
  absl::Status status = Trust(texts.authorities, raw);
  if (status.ok() && !texts.certificates.pem.empty()) status = Present(texts, raw);
  if (!status.ok()) return status;
  return std::shared_ptr<const ChannelTlsContext>(new ChannelTlsContext(*std::move(context)));
}

}  // namespace larder
