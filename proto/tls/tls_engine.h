#ifndef LARDER_PROTO_TLS_TLS_ENGINE_H_
#define LARDER_PROTO_TLS_TLS_ENGINE_H_

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proto/http2/output_buffer.h"

namespace larder {

// One side of a TLS connection by OpenSSL, as a machine without socket and clock: ciphertext comes
// in by Receive and leaves through output(). Not thread-safe.
class TlsEngine {
 public:
  enum class State : uint8_t {
    kHandshake,
    kOpen,
    kEnded,   // the peer has said that it sends no more; this side still may
    kClosed,  // nothing but what is in the output can be sent any more
  };

  // The most plaintext of one record.
  static constexpr size_t kRecordBytes = 16384;

  // The side that the context's method is for.
  explicit TlsEngine(SSL_CTX* context);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  // Lets the side speak first that does, the client's.
  void Begin();
  // Takes what came from the socket, all of it; returns the plaintext of the records that are
  // complete now. REQUIRES: room for ciphertext.size() + kRecordBytes at `plaintext`.
  std::string_view Receive(std::string_view ciphertext, char* plaintext);
  // Encrypts all of it, behind what is in the output. REQUIRES: can_send().
  void Send(std::string_view plaintext);
  // Encrypts from the beginning of `plaintext`, and marks as sent, as much as the output is to have
  // at once. REQUIRES: can_send().
  void SendFrom(OutputBuffer& plaintext);
  // So much is in the output that nothing should be added before some of it has left.
  bool has_enough_output() const { return output_.size() >= kOutputAtOnce; }
  // Tells the peer that nothing more will be sent, if there is a peer to tell.
  void End();
  // Nothing more is sent or received.
  void Close() { state_ = State::kClosed; }

  State state() const { return state_; }
  // It is open, and not in the midst of a message of the handshake protocol.
  bool can_send() const {
    return (state_ == State::kOpen || state_ == State::kEnded) && SSL_in_init(ssl_.get()) == 0;
  }
  // The handshake was completed, whatever came then.
  bool was_open() const { return was_open_; }
  // The peer did too much of the handshake protocol behind the handshake, which closes it.
  bool had_too_many_steps() const { return late_steps_ > kLateStepsMax; }
  // OpenSSL's code for what closed it; 0: it has none.
  unsigned long error() const { return error_; }
  // nullptr: there was no memory for it, and the engine is closed.
  SSL* ssl() const { return ssl_.get(); }
  OutputBuffer& output() { return output_; }
  const OutputBuffer& output() const { return output_; }
  void ReleaseMemory();

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  // Steps of the handshake protocol on an open connection. A peer's KeyUpdate is one to three of
  // them and makes this side derive keys; peers send one in 2^24 records, if ever.
  static constexpr uint32_t kLateStepsMax = 3000;
  // Before it is sent: so little that a buffer for it is worth keeping.
  static constexpr size_t kOutputAtOnce = size_t{64} << 10;

  static const BIO_METHOD* Method();
  static int ReadBio(BIO* bio, char* to, int size);
  static int WriteBio(BIO* bio, const char* from, int size);
  static long ControlBio(BIO* bio, int command, long number, void* pointer);
  static void OnInfo(const SSL* ssl, int where, int value);

  // After a step that gave nothing.
  void OnNothingDone(int result);
  void Fail();

  std::string_view incoming_;  // ciphertext; empty but within Receive
  OutputBuffer output_;
  State state_ = State::kHandshake;
  bool was_open_ = false;
  unsigned long error_ = 0;
  uint32_t late_steps_ = 0;  // of the handshake protocol, since it is open
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace larder

#endif  // LARDER_PROTO_TLS_TLS_ENGINE_H_
