#include "tests/simulation/cluster/datagrams.h"

#include <algorithm>

namespace larder::simulation {

void Datagrams::Deliver1(size_t from, size_t to, const cluster::Envelope& envelope) {
  const auto spread = static_cast<uint64_t>((options_.delay_max - options_.delay_min).count()) + 1;
  Millis delay = from == to ? Millis(0) : options_.delay_min + Millis(random_.Below(spread));
  const auto slow = slow_.find({from, to});
  if (slow != slow_.end()) delay += slow->second;
  if (fate_) {
    const std::optional<Millis> later = fate_(from, to, envelope.message);
    if (!later.has_value()) return;
    delay += *later;
  }
  events_->After(delay, [this, from, to, envelope] {
    if (!IsBlocked(from, to)) deliver_(to, envelope);
  });
}

Datagrams::Count Datagrams::Sum() const {
  Count all;
  for (const auto& [name, count] : counts_) {
    all.messages += count.messages;
    all.bytes += count.bytes;
    all.largest = std::max(all.largest, count.largest);
  }
  return all;
}

void Datagrams::Send(size_t from, size_t to, const cluster::Envelope& envelope) {
  if (on_sent_) on_sent_(from, to, envelope);
  if (counts_bytes_ && from != to) {
    Count& count = counts_[cluster::PeerMessageName(envelope.message)];
    const uint64_t bytes = cluster::EncodedBytes(envelope);
    ++count.messages;
    count.bytes += bytes;
    count.largest = std::max(count.largest, bytes);
    if (bytes_by_sender_.size() <= from) bytes_by_sender_.resize(from + 1);
    bytes_by_sender_[from] += bytes;
  }
  if (IsBlocked(from, to)) return;
  if (from != to && random_.Below(1000) < options_.lost_permille) return;
  Deliver1(from, to, envelope);
  if (from != to && random_.Below(1000) < options_.doubled_permille) Deliver1(from, to, envelope);
}

}  // namespace larder::simulation
