#include "server/forwarding/peer_channels.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/rpc/request_head.h"

namespace larder::server {

PeerChannels::~PeerChannels() {
  events_.RunAndWait([this] {
    is_ending_ = true;
    peers_.clear();
    retired_.clear();
  });
}

absl::StatusOr<Peer*> PeerChannels::Use(const std::string& endpoint) {
  auto found = peers_.find(endpoint);
  // New certificates are for new connections; the calls that are open go on.
  if (found != peers_.end() && shared_.tls != nullptr &&
      found->second->tls_generation != shared_.tls->generation()) {
    Retire(endpoint);
    found = peers_.end();
  }
  if (found == peers_.end()) {
    if (peers_.size() >= shared_.options.peers_max && !RetireOldest()) {
      return absl::UnavailableError(absl::StrCat("this node speaks to ", peers_.size(),
                                                 " others already, which is the limit"));
    }
    auto created = Create(endpoint);
    if (!created.ok()) return created.status();
    found = peers_.emplace(endpoint, *std::move(created)).first;
  }
  Peer& peer = *found->second;
  ++peer.calls;
  peer.used_at = events_.now();
  return &peer;
}

void PeerChannels::Release(Peer& peer) {
  if (--peer.calls > 0 || !peer.is_retired || is_ending_) return;
  events_.Post([this] { DestroyRetired(); });
}

absl::StatusOr<std::unique_ptr<Peer>> PeerChannels::Create(const std::string& endpoint) {
  const ForwardingOptions& from = shared_.options;
  std::string mark(kForwardedValue);
  if (!from.proof.empty()) absl::StrAppend(&mark, " ", from.proof);
  auto peer = std::make_unique<Peer>();
  peer->endpoint = endpoint;
  ChannelOptions options{.address = endpoint,
                         .event_loop = &events_,
                         .connect_timeout = from.connect_timeout,
                         .ping_after = from.keepalive_time,
                         .pong_within = from.keepalive_timeout,
                         .metadata = {{kForwardedField, mark}},
                         .limits = {.answer_bytes_max = from.answer_bytes_max}};
  if (shared_.tls != nullptr) {
    // Before the context is read, so that one that comes in between is noticed.
    peer->tls_generation = shared_.tls->generation();
    auto context = shared_.tls->peer_context();
    if (!context.ok()) return absl::UnavailableError(context.status().message());
    options.tls = *std::move(context);
  }
  auto channel = RpcChannel::Create(options);
  if (!channel.ok()) return absl::UnavailableError(channel.status().message());
  peer->channel = *std::move(channel);
  return peer;
}

void PeerChannels::Retire(const std::string& endpoint) {
  const auto found = peers_.find(endpoint);
  Peer& peer = *found->second;
  peer.is_retired = true;
  retired_.push_back(std::move(found->second));
  peers_.erase(found);
  if (peer.calls == 0) events_.Post([this] { DestroyRetired(); });
}

bool PeerChannels::RetireOldest() {
  const Peer* oldest = nullptr;
  for (const auto& [endpoint, peer] : peers_) {
    if (peer->calls > 0) continue;
    if (oldest == nullptr || peer->used_at < oldest->used_at) oldest = peer.get();
  }
  if (oldest == nullptr) return false;
  Retire(std::string(oldest->endpoint));
  return true;
}

void PeerChannels::DestroyRetired() {
  std::erase_if(retired_, [](const auto& peer) { return peer->calls == 0; });
}

}  // namespace larder::server
