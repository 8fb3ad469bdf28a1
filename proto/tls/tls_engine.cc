#include "proto/tls/tls_engine.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>

namespace larder {

TlsEngine::TlsEngine(SSL_CTX* context) {
  // What another user of OpenSSL has left must not be taken for an error of this connection.
  ERR_clear_error();
  BIO* const bio = BIO_new(Method());
  ssl_.reset(SSL_new(context));
  if (bio == nullptr || ssl_ == nullptr) {
    BIO_free(bio);
    ssl_.reset();
    Fail();
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_info_callback(ssl_.get(), OnInfo);
  if (SSL_is_server(ssl_.get()) == 1) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
}

TlsEngine::~TlsEngine() = default;

const BIO_METHOD* TlsEngine::Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "TlsEngine");
    BIO_meth_set_read(made, ReadBio);
    BIO_meth_set_write(made, WriteBio);
    BIO_meth_set_ctrl(made, ControlBio);
    return made;
  }();
  return method;
}

int TlsEngine::ReadBio(BIO* bio, char* to, int size) {
  TlsEngine& engine = *static_cast<TlsEngine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t bytes = std::min(engine.incoming_.size(), static_cast<size_t>(size));
  if (bytes == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(to, engine.incoming_.data(), bytes);
  engine.incoming_.remove_prefix(bytes);
  return static_cast<int>(bytes);
}

int TlsEngine::WriteBio(BIO* bio, const char* from, int size) {
  TlsEngine& engine = *static_cast<TlsEngine*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  engine.output_.Append({from, static_cast<size_t>(size)});
  return size;
}

long TlsEngine::ControlBio(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void TlsEngine::OnInfo(const SSL* ssl, int where, int /*value*/) {
  TlsEngine& engine = *static_cast<TlsEngine*>(SSL_get_app_data(ssl));
  if ((where & SSL_CB_LOOP) != 0 && engine.state_ == State::kOpen) ++engine.late_steps_;
}

void TlsEngine::Begin() {
  if (state_ != State::kHandshake) return;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) OnNothingDone(result);
}

std::string_view TlsEngine::Receive(std::string_view ciphertext, char* plaintext) {
  if (state_ == State::kClosed || state_ == State::kEnded || ciphertext.empty()) return {};
  ERR_clear_error();  // whoever else uses OpenSSL in this thread
  incoming_ = ciphertext;
  const size_t room = ciphertext.size() + kRecordBytes;
  size_t size = 0;
  while (state_ == State::kHandshake || state_ == State::kOpen) {
    size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), plaintext + size, room - size, &count);
    if (state_ == State::kHandshake && SSL_is_init_finished(ssl_.get()) == 1) {
      state_ = State::kOpen;
      was_open_ = true;
    }
    if (had_too_many_steps()) Fail();
    if (result != 1) {
      OnNothingDone(result);
      break;
    }
    size += count;
  }
  incoming_ = {};
  return {plaintext, size};
}

void TlsEngine::OnNothingDone(int result) {
  if (state_ == State::kClosed) return;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:  // all that came was used
      return;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::kEnded;
      return;
    default:
      Fail();
  }
}

void TlsEngine::Send(std::string_view plaintext) {
  ERR_clear_error();
  size_t written = 0;
  if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written) == 1) return;
  // The output takes everything, so only a broken connection can do this.
  Fail();
}

void TlsEngine::SendFrom(OutputBuffer& plaintext) {
  if (has_enough_output() || plaintext.empty()) return;
  const std::string_view bytes = plaintext.unsent().substr(0, kOutputAtOnce - output_.size());
  Send(bytes);
  plaintext.MarkSent(bytes.size());
}

void TlsEngine::End() {
  if (state_ != State::kOpen && state_ != State::kEnded) return;
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  state_ = State::kClosed;
}

void TlsEngine::Fail() {
  // The last one is that of the connection; what it follows from may be before it.
  error_ = ERR_peek_last_error();
  ERR_clear_error();
  state_ = State::kClosed;
}

void TlsEngine::ReleaseMemory() {
  if (output_.empty()) output_.Release();
}

}  // namespace larder
