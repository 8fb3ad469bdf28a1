#include "server/rpc/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "server/rpc/http2_frame.h"

namespace larder::server {
namespace {

// The first byte of a client that speaks TLS: the type of a record with a handshake.
constexpr char kHandshakeRecord = 22;
// Steps of the handshake protocol on an open connection. A client's KeyUpdate is one to three of
// them and makes the server derive keys; clients send one in 2^24 records, if ever.
constexpr uint32_t kLateStepsMax = 3000;

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
    : context_(std::move(context)), counters_(counters) {
  // What another user of OpenSSL has left must not be taken for an error of this connection.
  ERR_clear_error();
  BIO* const bio = BIO_new(Method());
  ssl_.reset(SSL_new(context_->get()));
  if (bio == nullptr || ssl_ == nullptr) {
    BIO_free(bio);
    Fail(TlsFailure::kOther);
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_info_callback(ssl_.get(), OnInfo);
  SSL_set_accept_state(ssl_.get());
}

TlsSession::~TlsSession() = default;

const BIO_METHOD* TlsSession::Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "TlsSession");
    BIO_meth_set_read(made, ReadBio);
    BIO_meth_set_write(made, WriteBio);
    BIO_meth_set_ctrl(made, ControlBio);
    return made;
  }();
  return method;
}

int TlsSession::ReadBio(BIO* bio, char* to, int size) {
  TlsSession& session = *static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t bytes = std::min(session.incoming_.size(), static_cast<size_t>(size));
  if (bytes == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(to, session.incoming_.data(), bytes);
  session.incoming_.remove_prefix(bytes);
  return static_cast<int>(bytes);
}

int TlsSession::WriteBio(BIO* bio, const char* from, int size) {
  TlsSession& session = *static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  session.output_.Append({from, static_cast<size_t>(size)});
  return size;
}

long TlsSession::ControlBio(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void TlsSession::OnInfo(const SSL* ssl, int where, int /*value*/) {
  TlsSession& session = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
  if ((where & SSL_CB_LOOP) != 0 && session.state_ == State::kOpen) ++session.late_steps_;
}

std::string_view TlsSession::Receive(std::string_view ciphertext, char* plaintext) {
  if (state_ == State::kClosed || state_ == State::kEnded || ciphertext.empty()) return {};
  if (!std::exchange(has_begun_, true) && ciphertext.front() != kHandshakeRecord) {
    was_plaintext_http2_ = http2::kPreface.substr(0, ciphertext.size()) ==
                           ciphertext.substr(0, http2::kPreface.size());
    if (was_plaintext_http2_) {
      Fail(TlsFailure::kNotTls);
      return {};
    }
  }
  incoming_ = ciphertext;
  const size_t room = ciphertext.size() + kRecordBytes;
  size_t size = 0;
  while (state_ == State::kHandshake || state_ == State::kOpen) {
    size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), plaintext + size, room - size, &count);
    if (state_ == State::kHandshake && SSL_is_init_finished(ssl_.get()) == 1) {
      state_ = State::kOpen;
      counters_->CountHandshake();
    }
    if (late_steps_ > kLateStepsMax) Fail(TlsFailure::kOther);
    if (result != 1) {
      OnNothingRead(result);
      break;
    }
    size += count;
  }
  incoming_ = {};
  return {plaintext, size};
}

void TlsSession::OnNothingRead(int result) {
  if (state_ == State::kClosed) return;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:  // all that came was used
      return;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::kEnded;
      return;
    default:
      // The last one is that of the connection; what it follows from may be before it.
      Fail(FailureOf(ERR_peek_last_error()));
      ERR_clear_error();
  }
}

void TlsSession::Send(std::string_view plaintext) {
  size_t written = 0;
  if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written) == 1) return;
  // The output takes everything, so only a broken connection can do this.
  ERR_clear_error();
  Fail(TlsFailure::kOther);
}

void TlsSession::End() {
  if (!can_send()) return;
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  state_ = State::kClosed;
}

void TlsSession::Abandon(TlsFailure failure) { Fail(failure); }

void TlsSession::Fail(TlsFailure failure) {
  if (state_ == State::kHandshake) counters_->CountFailure(failure);
  state_ = State::kClosed;
}

void TlsSession::ReleaseMemory() {
  if (output_.empty()) output_.Release();
}

}  // namespace larder::server
