#include "cluster/members/failure_detector.h"

#include <algorithm>

namespace larder::cluster {

void FailureDetector::Watch(const NodeId& peer, BootTime now) {
  peers_.try_emplace(peer, Peer{.heard = now, .hears = now});
}

void FailureDetector::OnHeard(const NodeId& peer, std::optional<BootTime> heard_of, BootTime now) {
  const auto at = peers_.find(peer);
  if (at == peers_.end()) return;
  Peer& known = at->second;
  // Back from the dead: it has some time to hear something.
  if (known.is_refused || now - known.heard > timeout_) {
    known.hears = now;
    has_news_ = true;
  } else if (now - known.heard > LongSilence() && !known.is_excused) {
    // It stopped for a while: what it could have heard then it tells with its next message.
    known.hears = std::min(now, known.hears + (now - known.heard));
    known.is_excused = true;
  }
  known.heard = now;
  known.is_refused = false;
  if (heard_of.has_value() && *heard_of > known.hears) {
    known.hears = *heard_of;
    known.is_excused = false;
  }
}

void FailureDetector::OnRefused(const NodeId& peer) {
  const auto at = peers_.find(peer);
  if (at == peers_.end() || at->second.is_refused) return;
  at->second.is_refused = true;
  has_news_ = true;
}

void FailureDetector::OnCondition(const NodeId& peer, bool is_well) {
  const auto at = peers_.find(peer);
  if (at == peers_.end() || at->second.is_unwell == !is_well) return;
  at->second.is_unwell = !is_well;
  has_news_ = true;
}

void FailureDetector::OnPause(Millis length) {
  for (auto& [node, peer] : peers_) {
    peer.heard += length;
    peer.hears += length;
  }
}

bool FailureDetector::IsSuspect(const Peer& peer, BootTime now) const {
  // While it is silent it cannot tell what it hears.
  const BootTime told = std::min(now, peer.heard + LongSilence());
  return peer.is_refused || peer.is_unwell || now - peer.heard > timeout_ ||
         told - peer.hears > timeout_;
}

bool FailureDetector::IsSuspect(const NodeId& peer, BootTime now) const {
  const auto at = peers_.find(peer);
  return at != peers_.end() && IsSuspect(at->second, now);
}

std::vector<NodeId> FailureDetector::Suspects(BootTime now) const {
  std::vector<NodeId> suspects;
  for (const auto& [node, peer] : peers_) {
    if (IsSuspect(peer, now)) suspects.push_back(node);
  }
  return suspects;
}

}  // namespace larder::cluster
