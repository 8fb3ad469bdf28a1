#include "server/tls/tls_context.h"

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/tls/openssl_error.h"

namespace larder::server {
namespace {

constexpr unsigned char kSessionIdContext[] = "larder";

// A status that says where the text is from.
absl::Status In(const char* flag, const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("--", flag, ": ", path, ": ", status.message()));
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
  if (SSL_select_next_proto(&selected, chosen_size, kAlpnHttp2, sizeof(kAlpnHttp2), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = selected;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsContext>> TlsContext::Create(const TlsFiles& files,
                                                                     const TlsTexts& texts) {
  auto made = NewSslContext(TLS_server_method());
  if (!made.ok()) return made.status();
  const std::shared_ptr<TlsContext> context(new TlsContext(*std::move(made), files));
  SSL_CTX* const raw = context->get();
  if (SSL_CTX_set_session_id_context(raw, kSessionIdContext, sizeof(kSessionIdContext) - 1) != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("OpenSSL cannot serve TLS: ", TakeOpensslError()));
  }
  SSL_CTX_set_client_hello_cb(raw, DemandAlpn, nullptr);
  SSL_CTX_set_alpn_select_cb(raw, SelectProtocol, nullptr);
  absl::Status status =
      In("tls_cert_file", files.cert_file, context->UseOwnCertificate(texts.certificates));
  if (status.ok()) {
    status = In("tls_key_file", files.key_file, UseKey(texts.key, files.cert_file, raw));
  }
  if (status.ok() && !files.client_ca_file.empty()) {
    status =
        In("tls_client_ca_file", files.client_ca_file, context->DemandClientsOf(texts.client_ca));
  }
  if (!status.ok()) return status;
  return std::shared_ptr<const TlsContext>(context);
}

TlsContext::Validity TlsContext::ValidityOf(const X509* certificate, size_t number) {
  return {number, TimeOf(X509_get0_notBefore(certificate)),
          TimeOf(X509_get0_notAfter(certificate))};
}

std::string TlsContext::WhyInvalid(const Validity& validity, absl::Time now) {
  const auto text = [](absl::Time time) {
    return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
  };
  if (now > validity.not_after) {
    return absl::StrCat("certificate ", validity.number, " has expired: it was valid until ",
                        text(validity.not_after));
  }
  if (now < validity.not_before) {
    return absl::StrCat("certificate ", validity.number, " is not valid before ",
                        text(validity.not_before));
  }
  return {};
}

absl::Time TlsContext::not_after() const {
  absl::Time time = absl::InfiniteFuture();
  for (const Validity& validity : presented_) time = std::min(time, validity.not_after);
  return time;
}

absl::Status TlsContext::CheckValidity(absl::Time now) const {
  for (const Validity& validity : presented_) {
    const std::string why = WhyInvalid(validity, now);
    if (why.empty()) continue;
    return In("tls_cert_file", files_.cert_file, absl::FailedPreconditionError(why));
  }
  std::string why;
  for (const Validity& validity : authorities_) {
    why = WhyInvalid(validity, now);
    if (why.empty()) return absl::OkStatus();
  }
  if (why.empty()) return absl::OkStatus();
  return In(
      "tls_client_ca_file", files_.client_ca_file,
      absl::FailedPreconditionError(absl::StrCat("none of these authorities is valid; ", why)));
}

absl::Time TlsContext::NextChange(absl::Time now) const {
  absl::Time next = absl::InfiniteFuture();
  for (const std::vector<Validity>* const some : {&presented_, &authorities_}) {
    for (const Validity& validity : *some) {
      for (const absl::Time time : {validity.not_before, validity.not_after + absl::Seconds(1)}) {
        if (time > now) next = std::min(next, time);
      }
    }
  }
  return next;
}

absl::Status TlsContext::UseOwnCertificate(const std::string& text) {
  const auto certificates = ParseCertificates(text);
  if (!certificates.ok()) return certificates.status();
  for (size_t i = 0; i < certificates->size(); ++i) {
    X509* const certificate = (*certificates)[i].get();
    const bool is_root =
        X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
    if (i == 0 || !is_root) presented_.push_back(ValidityOf(certificate, i + 1));
  }
  return UseCertificates(*certificates, get());
}

absl::Status TlsContext::DemandClientsOf(const std::string& text) {
  const auto authorities = ParseCertificates(text);
  if (!authorities.ok()) return authorities.status();
  for (const Certificate& authority : *authorities) {
    if (SSL_CTX_add_client_CA(get(), authority.get()) != 1) {
      return absl::FailedPreconditionError(TakeOpensslError());
    }
    authorities_.push_back(ValidityOf(authority.get(), authorities_.size() + 1));
  }
  SSL_CTX_set_verify(get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return TrustAuthorities(*authorities, get());
}

}  // namespace larder::server
