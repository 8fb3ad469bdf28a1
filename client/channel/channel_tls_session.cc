#include "client/channel/channel_tls_session.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace larder {
namespace {

// The root's dot of a full name is in no certificate.
std::string WithoutRootDot(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

}  // namespace

ChannelTlsSession::ChannelTlsSession(std::shared_ptr<const ChannelTlsContext> context,
                                     const std::string& server_name)
    : context_(std::move(context)),
      server_name_(WithoutRootDot(server_name)),
      engine_(context_->get()) {
  if (engine_.ssl() == nullptr) {
    failure_ = "TLS: OpenSSL has no memory for a connection";
  } else if (!Demand(server_name_)) {
    failure_ = absl::StrCat("TLS: no certificate can be for '", server_name_, "'");
    engine_.Close();
  }
}

bool ChannelTlsSession::Demand(const std::string& server_name) {
  // To OpenSSL, one with a dot in front is any name below it.
  if (server_name.starts_with('.')) return false;
  SSL* const ssl = engine_.ssl();
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name.c_str());
  // RFC 9525: no names in the subject, no wildcards for parts of a label.
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SNI is for names only (RFC 6066, 3).
  const bool is_set = is_address || (SSL_set1_host(ssl, server_name.c_str()) == 1 &&
                                     SSL_set_tlsext_host_name(ssl, server_name.c_str()) == 1);
  ERR_clear_error();
  return is_set;
}

bool ChannelTlsSession::IsHttp2() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(engine_.ssl(), &chosen, &size);
  return std::string_view(reinterpret_cast<const char*>(chosen), size) == "h2";
}

void ChannelTlsSession::Begin() {
  engine_.Begin();
  NoteFailure();
}

void ChannelTlsSession::SendFrom(OutputBuffer& plaintext) {
  engine_.SendFrom(plaintext);
  NoteFailure();
}

std::string_view ChannelTlsSession::Receive(std::string_view ciphertext, char* plaintext) {
  const bool was_open = engine_.was_open();
  const std::string_view bytes = engine_.Receive(ciphertext, plaintext);
  if (!was_open && engine_.was_open() && !IsHttp2()) {
    failure_ = "TLS: the server did not choose HTTP/2 (ALPN h2)";
    engine_.End();
    return {};
  }
  NoteFailure();
  return bytes;
}

void ChannelTlsSession::NoteFailure() {
  if (state() == State::kClosed && failure_.empty()) failure_ = WhyClosed();
}

std::string ChannelTlsSession::WhyClosed() const {
  const unsigned long error = engine_.error();
  if (engine_.had_too_many_steps()) {
    return "TLS: the server sent too many messages of the handshake protocol";
  }
  if (error == 0) return "TLS: OpenSSL failed and does not say why";
  const char* const text = ERR_reason_error_string(error);
  const std::string reason = text == nullptr ? "unknown reason" : text;
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      const long result = SSL_get_verify_result(engine_.ssl());
      const bool is_name =
          result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH;
      return absl::StrCat("TLS: certificate verify failed: ", X509_verify_cert_error_string(result),
                          is_name ? absl::StrCat(", it is not for '", server_name_, "'") : "");
    }
    if (ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET) {
      return absl::StrCat("TLS: the server refused: ", reason);
    }
  }
  return absl::StrCat(engine_.was_open() ? "TLS: " : "TLS handshake failed: ", reason);
}

}  // namespace larder
