#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "client/channel/channel_link.h"
#include "client/channel/channel_loop.h"

// What a loop sends and receives; channel_loop.cc has when.
namespace larder {
namespace {

// Of one connection before the others have their turn.
constexpr int kReadsInARow = 4;
constexpr size_t kSentInARow = size_t{2} << 20;
constexpr std::string_view kClosed = "closed by the server";

}  // namespace

void ChannelLoop::Read(Link& link) {
  for (int i = 0; i < kReadsInARow; ++i) {
    const ssize_t received = recv(link.socket.number(), buffer_.get(), kReceiveBytes, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) {
      return Lose(link, link.WhyBroken(received < 0 ? std::strerror(errno) : kClosed));
    }
    link.received_at = now_;
    link.pinged_at = kNoTime;
    const auto bytes = static_cast<size_t>(received);
    if (!link.is_failed) link.is_failed = !Receive(link, {buffer_.get(), bytes});
    Place& place = *link.place;
    if (place.link == &link && place.state == Place::State::kConnecting &&
        link.rpc.is_established()) {
      place.state = Place::State::kReady;
    }
    if (link.is_failed) {
      Write(link);  // the GOAWAY or the alert that says why
      return Lose(link, link.WhyFailed());
    }
    if (link.tls != nullptr && link.tls->state() == ChannelTlsSession::State::kEnded) {
      return Lose(link, link.WhyBroken(kClosed));
    }
    if (link.rpc.is_draining()) Detach(link, link.rpc.failure());
    FinishEnded(link);
    StartWaiting(place);
    if (bytes < kReceiveBytes) return;
  }
}

bool ChannelLoop::Receive(Link& link, std::string_view bytes) {
  if (link.tls == nullptr) return link.rpc.Receive(bytes);
  const std::string_view plaintext = link.tls->Receive(bytes, decrypted_.get());
  if (!plaintext.empty() && !link.rpc.Receive(plaintext)) return false;
  return link.tls->state() != ChannelTlsSession::State::kClosed;
}

void ChannelLoop::Write(Link& link) {
  ChannelTlsSession* const tls = link.tls.get();
  OutputBuffer& output = tls == nullptr ? link.rpc.output() : tls->output();
  size_t sent_bytes = 0;
  while (sent_bytes < kSentInARow) {
    if (tls != nullptr && output.empty()) Encrypt(link);
    if (output.empty()) break;
    const std::string_view unsent = output.unsent();
    const ssize_t sent = send(link.socket.number(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    // What the server said before it closed is still to be read.
    if (sent < 0) return link.DropOutput();
    sent_bytes += static_cast<size_t>(sent);
    output.MarkSent(static_cast<size_t>(sent));
    if (tls == nullptr) link.rpc.OnOutputSent();
  }
  ReleaseIfLarge(output);
}

void ChannelLoop::Encrypt(Link& link) {
  ChannelTlsSession& tls = *link.tls;
  OutputBuffer& output = link.rpc.output();
  while (tls.can_send() && !output.empty() && !tls.has_enough_output()) {
    tls.SendFrom(output);
    // Not before: what then follows would be moved by every piece that is taken.
    if (output.empty()) link.rpc.OnOutputSent();
  }
  ReleaseIfLarge(output);
}

void ChannelLoop::ReleaseIfLarge(OutputBuffer& output) {
  if (output.empty() && output.capacity() > options_.limits.session.output_bytes_max) {
    output.Release();
  }
}

}  // namespace larder
