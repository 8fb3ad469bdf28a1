#include "server/rpc/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "proto/http2/http2_frame.h"

namespace larder::server {
namespace {

// The first byte of a client that speaks TLS: the type of a record with a handshake.
constexpr char kHandshakeRecord = 22;

TlsFailure FailureOf(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return TlsFailure::kOther;
  const int reason = ERR_GET_REASON(error);
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return TlsFailure::kNotTls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return TlsFailure::kProtocolVersion;
    case SSL_R_CALLBACK_FAILED:  // that of TlsContext, which looks for ALPN
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return TlsFailure::kNoApplicationProtocol;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TlsFailure::kNoClientCertificate;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return TlsFailure::kBadClientCertificate;
    default:
      return reason >= SSL_AD_REASON_OFFSET ? TlsFailure::kClientAlert : TlsFailure::kOther;
  }
}

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, TlsCounters* counters)
    : context_(std::move(context)), counters_(counters), engine_(context_->get()) {
  if (state() == State::kClosed) Abandon(TlsFailure::kOther);
}

std::string_view TlsSession::Receive(std::string_view ciphertext, char* plaintext) {
  if (state() == State::kHandshake && !ciphertext.empty() && !std::exchange(has_begun_, true) &&
      ciphertext.front() != kHandshakeRecord) {
    was_plaintext_http2_ = http2::kPreface.substr(0, ciphertext.size()) ==
                           ciphertext.substr(0, http2::kPreface.size());
    if (was_plaintext_http2_) {
      Abandon(TlsFailure::kNotTls);
      return {};
    }
  }
  const std::string_view bytes = engine_.Receive(ciphertext, plaintext);
  if (engine_.was_open() && !std::exchange(is_counted_, true)) counters_->CountHandshake();
  if (state() == State::kClosed) Abandon(FailureOf(engine_.error()));
  return bytes;
}

void TlsSession::Abandon(TlsFailure failure) {
  if (!std::exchange(is_counted_, true)) counters_->CountFailure(failure);
  engine_.Close();
}

std::string TlsSession::client_name() const {
  X509* const certificate =
      engine_.ssl() == nullptr ? nullptr : SSL_get0_peer_certificate(engine_.ssl());
  char name[256];
  if (certificate == nullptr || X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
                                                          NID_commonName, name, sizeof(name)) < 0) {
    return {};
  }
  return name;
}

}  // namespace larder::server
