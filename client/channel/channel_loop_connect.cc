#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/channel/channel_link.h"
#include "client/channel/channel_loop.h"
#include "client/channel/channel_mailbox.h"
#include "client/channel/channel_tls_session.h"

// How a loop gets its connections; channel_loop.cc has what it does with them.
namespace larder {

void ChannelLoop::BeginConnect(Place& place) {
  place.state = Place::State::kConnecting;
  place.connect_deadline = After(now_, options_.connect_timeout);
  place.addresses.clear();
  place.next_address = 0;
  place.failure.clear();
  const uint64_t attempt = ++place.attempts;
  const auto on_resolved = [this, &place, attempt](absl::StatusOr<Addresses> addresses) {
    if (place.attempts != attempt || place.state != Place::State::kConnecting) return;
    if (!addresses.ok()) return FailConnect(place, std::string(addresses.status().message()));
    place.addresses = *std::move(addresses);
    ConnectNext(place);
  };
  if (is_numeric_) return on_resolved(ResolveAddress(options_.address));
  ResolveAddressInBackground(
      options_.address, [mailbox = mailbox_, on_resolved](absl::StatusOr<Addresses> addresses) {
        mailbox->Post([on_resolved, addresses = std::move(addresses)] { on_resolved(addresses); });
      });
}

void ChannelLoop::ConnectNext(Place& place) {
  while (place.next_address < place.addresses.size()) {
    if (Connect(place, place.addresses[place.next_address++])) return;
  }
  FailConnect(place, place.failure);
}

bool ChannelLoop::Connect(Place& place, const SocketAddress& address) {
  FileDescriptor socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (socket.is_open() && address.storage.ss_family != AF_UNIX) {
    setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  if (!socket.is_open() ||
      (connect(socket.number(), address.get(), address.bytes) != 0 && errno != EINPROGRESS)) {
    if (place.failure.empty()) {
      place.failure = absl::StrCat("cannot connect: ", std::strerror(errno));
    }
    return false;
  }
  auto owned = std::make_unique<Link>(std::move(socket), &place, options_.limits, origin_, now_);
  Link& link = *owned;
  if (options_.tls != nullptr) {
    link.tls = std::make_unique<ChannelTlsSession>(options_.tls, server_name_);
    if (!link.tls->failure().empty()) {
      place.failure = link.tls->failure();
      return false;
    }
  }
  link.events = EPOLLOUT;
  epoll_event event{.events = link.events, .data = {.ptr = &link}};
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, link.socket.number(), &event) != 0) {
    place.failure = absl::StrCat("cannot wait for a connection: ", std::strerror(errno));
    return false;
  }
  links_.emplace(&link, std::move(owned));
  place.link = &link;
  return true;
}

void ChannelLoop::OnConnected(Link& link) {
  int error = 0;
  socklen_t bytes = sizeof(error);
  getsockopt(link.socket.number(), SOL_SOCKET, SO_ERROR, &error, &bytes);
  if (error != 0) return Lose(link, absl::StrCat("cannot connect: ", std::strerror(error)));
  link.is_connecting = false;
  link.received_at = now_;
  if (link.tls != nullptr) link.tls->Begin();
}

void ChannelLoop::FailConnect(Place& place, std::string why) {
  place.link = nullptr;
  place.state = Place::State::kBackoff;
  const double random = static_cast<double>(random_() - std::minstd_rand::min()) /
                        (static_cast<double>(std::minstd_rand::max()) + 1);
  place.retry_at = After(now_, place.backoff.Next(random));
  place.failure = std::move(why);
  while (!place.waiting.empty()) {
    Refuse(place.waiting.Pop(), absl::StatusCode::kUnavailable, place.failure);
  }
}

void ChannelLoop::ExpireConnects() {
  for (const std::unique_ptr<Place>& place : places_) {
    if (place->state != Place::State::kConnecting || now_ < place->connect_deadline) continue;
    Link* const link = place->link;
    const std::string why =
        absl::StrCat("no connection within ", absl::FormatDuration(options_.connect_timeout),
                     link != nullptr && !link->is_connecting && link->is_in_handshake()
                         ? ": the TLS handshake has not ended"
                         : "");
    if (link != nullptr && place->next_address < place->addresses.size()) {
      place->connect_deadline = After(now_, options_.connect_timeout);
      Lose(*link, why);  // and with it comes the next address
      continue;
    }
    FailConnect(*place, why);
    if (link != nullptr) Lose(*link, why);
  }
}

void ChannelLoop::Detach(Link& link, const std::string& why) {
  Place& place = *link.place;
  if (place.link != &link) return;
  place.link = nullptr;
  if (place.state == Place::State::kConnecting) {
    // What a connection said that was made tells more than another address without one.
    if (!link.is_connecting || place.failure.empty()) place.failure = why;
    return ConnectNext(place);
  }
  // One that is good for nothing is no better than none.
  if (link.rpc.answers() == 0 && link.rpc.calls() == 0) return FailConnect(place, why);
  place.backoff.Reset();
  place.state = Place::State::kIdle;
  if (!place.waiting.empty()) BeginConnect(place);
}

}  // namespace larder
