#ifndef LARDER_CLIENT_CHANNEL_MACHINE_SOCKET_H_
#define LARDER_CLIENT_CHANNEL_MACHINE_SOCKET_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "client/channel/file_descriptor.h"
#include "client/channel/socket_buffers.h"
#include "proto/http2/output_buffer.h"

namespace larder {

// A connected socket, TLS on it or not, and the machine whose bytes go over it. The machine writes
// to its output(), and may lend what is longer (CanLend, Lend, TakeBack as Http2Session's). A
// template, so that neither side of a connection pays for what only the other has. Not thread-safe.
template <typename Machine, typename Tls>
class MachineSocket {
 public:
  enum class ReadEnd : uint8_t {
    kWaits,   // there was no more, or it has had its turn
    kClosed,  // by the peer
    kBroken,  // errno says why
  };
  struct Sent {
    size_t bytes = 0;
    bool is_broken = false;
  };

  // `machine` outlives it; `tls` is nullptr for plaintext. Memory of outputs beyond
  // `output_bytes_max` is not kept.
  MachineSocket(FileDescriptor socket, std::unique_ptr<Tls> tls, Machine* machine,
                size_t output_bytes_max)
      : socket_(std::move(socket)),
        tls_(std::move(tls)),
        machine_(machine),
        output_bytes_max_(output_bytes_max) {}

  bool is_open() const { return socket_.is_open(); }
  int number() const { return socket_.number(); }
  Tls* tls() const { return tls_.get(); }

  // Says whether something waits for the socket, as what cannot be encrypted does not.
  bool has_output() const {
    if (tls_ == nullptr) return !machine_->output().empty() || CanLend();
    return !tls_->output().empty() || (tls_->can_send() && !machine_->output().empty());
  }
  size_t encrypted_bytes() const { return tls_ == nullptr ? 0 : tls_->output().size(); }
  size_t output_bytes() const { return machine_->output().size() + encrypted_bytes(); }

  // Takes what has come: `take` gets it as it came, and says whether to go on; it may close the
  // socket. A few times in a row, so that other connections have their turn, too.
  template <typename Take>
  ReadEnd Read(SocketBuffers& buffers, Take&& take) {
    for (int i = 0; i < kReadsInARow; ++i) {
      const ssize_t received =
          recv(socket_.number(), buffers.received(), SocketBuffers::kReceivedBytes, 0);
      if (received < 0 && (errno == EAGAIN || errno == EINTR)) return ReadEnd::kWaits;
      if (received < 0) return ReadEnd::kBroken;
      if (received == 0) return ReadEnd::kClosed;
      const auto bytes = static_cast<size_t>(received);
      if (!take(std::string_view(buffers.received(), bytes))) break;
      if (bytes < SocketBuffers::kReceivedBytes) break;
    }
    return ReadEnd::kWaits;
  }

  // Returns what is in the bytes that came: themselves without TLS. Valid until the next call.
  std::string_view Decrypt(std::string_view bytes, SocketBuffers& buffers) {
    return tls_ == nullptr ? bytes : tls_->Receive(bytes, buffers.decrypted());
  }

  // Sends what waits, as far as the socket takes it, but not without end.
  Sent Write(SocketBuffers& buffers) {
    OutputBuffer& output = tls_ == nullptr ? machine_->output() : tls_->output();
    Sent sent;
    while (sent.bytes < kSentInARow) {
      if (tls_ != nullptr && output.empty()) Encrypt();
      const bool lends = CanLend();
      if (output.empty() && !lends) break;
      const ssize_t bytes = lends ? SendLent(buffers) : Send(output);
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes < 0) {
        sent.is_broken = errno != EAGAIN;
        return sent;
      }
      sent.bytes += static_cast<size_t>(bytes);
      if (tls_ == nullptr) machine_->OnOutputSent();
    }
    if (!has_output()) ReleaseIfLarge(output);
    return sent;
  }

  // Forgets what waits, as nothing of it will be sent.
  void DropOutput() {
    machine_->output().MarkSent(machine_->output().size());
    if (tls_ != nullptr) tls_->output().MarkSent(tls_->output().size());
  }
  void ReleaseMemory() {
    machine_->ReleaseMemory();
    if (tls_ != nullptr) tls_->ReleaseMemory();
  }
  void Close() { socket_.Close(); }

 private:
  // What one connection may do before the others have their turn.
  static constexpr int kReadsInARow = 4;
  static constexpr size_t kSentInARow = size_t{2} << 20;

  bool CanLend() const {
    if constexpr (requires { machine_->CanLend(); }) {
      return tls_ == nullptr && machine_->CanLend();
    } else {
      return false;
    }
  }

  // Sends of the output; returns as send.
  ssize_t Send(OutputBuffer& output) {
    const std::string_view unsent = output.unsent();
    const ssize_t sent = send(socket_.number(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) output.MarkSent(static_cast<size_t>(sent));
    return sent;
  }

  // Sends the output and what is lent with it, in one call; returns as send.
  ssize_t SendLent(SocketBuffers& buffers) {
    if constexpr (requires { machine_->CanLend(); }) {
      buffers.pieces.clear();
      machine_->Lend(buffers.pieces);
      buffers.vectors.clear();
      for (const std::string_view piece : buffers.pieces) {
        buffers.vectors.push_back(
            {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()});
      }
      msghdr message{};
      message.msg_iov = buffers.vectors.data();
      message.msg_iovlen = buffers.vectors.size();
      const ssize_t sent = sendmsg(socket_.number(), &message, MSG_NOSIGNAL);
      const int error = errno;
      machine_->TakeBack(buffers.pieces, static_cast<size_t>(std::max<ssize_t>(sent, 0)));
      errno = error;
      return sent;
    }
    return 0;
  }

  void Encrypt() {
    OutputBuffer& output = machine_->output();
    while (tls_->can_send() && !output.empty() && !tls_->has_enough_output()) {
      tls_->SendFrom(output);
      // Not before: what then follows would be moved by every piece that is taken.
      if (output.empty()) machine_->OnOutputSent();
    }
    ReleaseIfLarge(output);
  }

  void ReleaseIfLarge(OutputBuffer& output) {
    if (output.empty() && output.capacity() > output_bytes_max_) output.Release();
  }

  FileDescriptor socket_;
  const std::unique_ptr<Tls> tls_;
  Machine* const machine_;
  const size_t output_bytes_max_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_MACHINE_SOCKET_H_
