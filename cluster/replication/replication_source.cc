#include "cluster/replication/replication_source.h"

#include <algorithm>
#include <functional>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

// Nothing was ever written of what it has.
bool HasNothing(const Hello& hello) {
  const History::Parts& parts = hello.history.parts();
  return !hello.position.has_value() ||
         (parts.began_empty && !parts.forgot &&
          hello.position->sequence == parts.beginnings.front().first);
}

}  // namespace

void ReplicationSource::Open(const Epoch& epoch, uint64_t first) {
  // A primary that only raises its epoch keeps its log, and what was acknowledged of it.
  if (!state_->leads()) acked_.clear();
  state_->Open(epoch, first);
  NoteOpened();
}

void ReplicationSource::OpenAnew(const Epoch& epoch, uint64_t first) {
  acked_.clear();
  state_->OpenAnew(epoch, first);
  NoteOpened();
}

void ReplicationSource::OpenEmpty(const Epoch& epoch, uint64_t first) {
  acked_.clear();
  state_->OpenEmpty(epoch, first);
  NoteOpened();
}

void ReplicationSource::NoteOpened() {
  stopped_ = false;
  epoch_to_exceed_.reset();
  hand_over_to_.reset();
  asked_.clear();
}

void ReplicationSource::Close(uint64_t end) {
  acked_.clear();
  state_->Close(end);
  stopped_ = false;
}

void ReplicationSource::Stop(const Epoch& epoch) {
  stopped_ = true;
  // Whoever is to be led by this one has to be told so again.
  epoch_to_exceed_.reset();
  state_->RaiseFence(epoch);
  for (auto& [id, link] : links_) link.CloseNext(CloseReason::kStopped);
}

void ReplicationSource::Connect(LinkId link, BootTime now) {
  links_.emplace(std::piecewise_construct, std::forward_as_tuple(link),
                 std::forward_as_tuple(link, &options_, state_, &counts_, &pace_, now));
}

void ReplicationSource::Disconnect(LinkId link, ReplicationFeed* feed) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  ReplicaLink& one = found->second;
  one.Release(feed);
  const bool is_replaced = one.close_reason() == CloseReason::kReplaced;
  if (state_->leads() && one.applied().has_value() && !is_replaced) {
    DepartedNow().Note({one.hello()->node, *one.applied()});
  }
  links_.erase(found);
}

DepartedReplicas& ReplicationSource::DepartedNow() {
  if (departed_generation_ != state_->generation()) departed_.Clear();
  departed_generation_ = state_->generation();
  return departed_;
}

void ReplicationSource::NoteDeparted(const Hello& hello) {
  if (!state_->leads()) return;
  if (hello.position.has_value() && state_->history().Continues(*hello.position, UINT64_MAX)) {
    DepartedNow().Note({hello.node, *hello.position});
  } else {
    // It has lost what it had, or went another way.
    departed_.Forget(hello.node);
  }
}

std::vector<DepartedReplicas::Replica> ReplicationSource::Departed(uint64_t log_oldest) const {
  std::vector<DepartedReplicas::Replica> departed;
  if (!state_->leads() || departed_generation_ != state_->generation()) return departed;
  for (const DepartedReplicas::Replica& replica : departed_.all()) {
    const bool is_here = std::any_of(links_.begin(), links_.end(), [&replica](const auto& entry) {
      return entry.second.applied().has_value() && entry.second.hello()->node == replica.node;
    });
    if (!is_here && replica.applied.sequence >= log_oldest) departed.push_back(replica);
  }
  return departed;
}

absl::Status ReplicationSource::Receive(LinkId link, ReplicaMessage message, BootTime now) {
  const auto found = links_.find(link);
  // It was closed here, and the other end does not know yet.
  if (found == links_.end() || found->second.is_closing()) return absl::OkStatus();
  absl::Status status;
  if (Hello* hello = std::get_if<Hello>(&message)) {
    status = found->second.ReceiveHello(std::move(*hello), now);
  } else {
    const Ack& ack = std::get<Ack>(message);
    status = found->second.ReceiveAck(ack, now);
    if (status.ok() && ack.exceed.has_value() && *ack.exceed > state_->fence()) {
      epoch_to_exceed_ = std::max(epoch_to_exceed_.value_or(Epoch()), *ack.exceed);
    }
    if (status.ok()) NoteAcks();
  }
  if (!status.ok()) found->second.CloseNext(CloseReason::kProtocol);
  return status;
}

Outgoing ReplicationSource::Next(LinkId link, ReplicationFeed* feed, uint64_t bytes_max,
                                 const SourceCondition& condition) {
  const auto found = links_.find(link);
  if (found == links_.end()) return {};
  ReplicaLink& one = found->second;
  if (one.is_welcome() || one.is_closing()) {
    Outgoing next = one.Next(feed, bytes_max, condition);
    if (next.message.has_value() && std::holds_alternative<CopyChunk>(*next.message)) {
      last_copied_ = link;
    }
    return next;
  }
  if (!one.hello().has_value()) return {};
  if (std::optional<Refuse> refuse = ReasonToRefuse(*one.hello(), condition)) {
    ++counts_.refused;
    one.CloseNext(CloseReason::kRefused);
    return {*std::move(refuse), CloseReason::kRefused};
  }
  for (auto& [id, other] : links_) {
    if (id != link && other.hello().has_value() && other.hello()->node == one.hello()->node) {
      other.CloseNext(CloseReason::kReplaced);
    }
  }
  NoteDeparted(*one.hello());
  return {one.Decide(feed, ++copies_begun_, condition), std::nullopt};
}

std::vector<std::pair<LinkId, CloseReason>> ReplicationSource::Overdue(BootTime now) const {
  std::vector<std::pair<LinkId, CloseReason>> overdue;
  for (const auto& [id, link] : links_) {
    const std::optional<CloseReason> reason = link.Overdue(now);
    if (reason.has_value()) overdue.emplace_back(id, *reason);
  }
  return overdue;
}

Refuse ReplicationSource::RefuseFor(Refuse::Reason reason, std::string detail) const {
  return {reason, std::move(detail), state_->fence()};
}

std::optional<Refuse> ReplicationSource::ReasonToRefuse(const Hello& hello,
                                                        const SourceCondition& condition) {
  if (hello.version != kReplicationVersion) {
    return RefuseFor(
        Refuse::Reason::kVersion,
        absl::StrCat("version ", hello.version, "; this node speaks ", kReplicationVersion));
  }
  if (hello.node == state_->node()) {
    return RefuseFor(Refuse::Reason::kSelf,
                     absl::StrCat("node ", hello.node.ToText(), " cannot follow itself"));
  }
  const std::vector<NodeId>& upstream = condition.upstream;
  if (std::find(upstream.begin(), upstream.end(), hello.node) != upstream.end()) {
    return RefuseFor(Refuse::Reason::kCycle,
                     absl::StrCat("this node follows ", hello.node.ToText(), ", ",
                                  upstream.front() == hello.node ? "directly" : "through others"));
  }
  if (upstream.size() >= kChainMax) {
    return RefuseFor(Refuse::Reason::kCycle,
                     absl::StrCat("a chain of more than ", kChainMax, " nodes"));
  }
  if (std::optional<Refuse> refuse = ReasonByHandOver(hello)) return refuse;
  // Also of one that is bound to a higher epoch: it has followed another since.
  const bool is_ready = condition.is_ready && state_->has_data();
  if (!is_ready && hello.position.has_value()) {
    asked_[hello.node] = {*hello.position, hello.history, hello.bus_endpoint};
  }
  if (std::optional<Refuse> refuse = ReasonByEpoch(hello)) return refuse;
  if (std::optional<Refuse> refuse = ReasonByData(hello, condition)) return refuse;
  if (OthersWelcome(hello.node) >= options_.replicas_max) {
    return RefuseFor(
        Refuse::Reason::kTooManyReplicas,
        absl::StrCat("this node has ", options_.replicas_max, " replicas, as many as it may"));
  }
  return std::nullopt;
}

std::optional<Refuse> ReplicationSource::ReasonByHandOver(const Hello& hello) {
  if (hand_over_to_ != hello.node || state_->leads() || !hello.position.has_value()) {
    return std::nullopt;
  }
  if (!HasMore(*hello.position, hello.history, state_->sequence())) return std::nullopt;
  return RefuseFor(Refuse::Reason::kTakeOver, "the replica has more than this node");
}

std::optional<Refuse> ReplicationSource::ReasonByEpoch(const Hello& hello) {
  if (stopped_) {
    return RefuseFor(Refuse::Reason::kStopped,
                     absl::StrCat("epoch ", state_->fence().ToText(), " is known here"));
  }
  if (hello.fence <= state_->fence()) return std::nullopt;
  const Refuse refuse = RefuseFor(
      Refuse::Reason::kFenced, absl::StrCat("the replica is bound to epoch ", hello.fence.ToText(),
                                            "; here it is ", state_->fence().ToText()));
  if (hello.commanded || options_.is_clustered) {
    epoch_to_exceed_ = std::max(epoch_to_exceed_.value_or(Epoch()), hello.fence);
  } else if (state_->leads() && state_->history().SharesEpochWith(hello.history)) {
    Stop(hello.fence);
  }
  return refuse;
}

std::optional<Refuse> ReplicationSource::ReasonByData(const Hello& hello,
                                                      const SourceCondition& condition) {
  if (!condition.is_ready || !state_->has_data()) {
    return RefuseFor(Refuse::Reason::kNotReady,
                     "this node has no data, is copying it, or has not opened its log");
  }
  // A follower may be behind one that followed somebody else before; it will not be for ever.
  if (!state_->leads() && hello.position.has_value() &&
      IsAhead(*hello.position, hello.history, state_->sequence())) {
    return RefuseFor(Refuse::Reason::kNotReady,
                     absl::StrCat("this node is at ", state_->sequence(), ", the replica at ",
                                  hello.position->sequence));
  }
  const History::Parts& parts = state_->history().parts();
  if (parts.began_empty && !parts.forgot && !HasNothing(hello) && !hello.commanded &&
      !state_->history().SharesEpochWith(hello.history)) {
    return RefuseFor(Refuse::Reason::kRestartedEmpty,
                     "the replica has data that this node, which began empty, never had; an "
                     "operator may tell it to follow");
  }
  return std::nullopt;
}

size_t ReplicationSource::OthersWelcome(const NodeId& node) const {
  return static_cast<size_t>(
      std::count_if(links_.begin(), links_.end(), [&node](const auto& entry) {
        const ReplicaLink& link = entry.second;
        return link.is_welcome() && !link.is_closing() && link.hello()->node != node;
      }));
}

void ReplicationSource::NoteAcks() {
  if (!state_->leads() || stopped_) return;
  std::vector<uint64_t> applied;
  for (const auto& [id, link] : links_) {
    if (link.is_closing() || !link.applied().has_value()) continue;
    if (able_.has_value() && able_->count(link.hello()->node) == 0) continue;
    applied.push_back(link.applied()->sequence);
  }
  std::sort(applied.begin(), applied.end(), std::greater<>());
  if (acked_.size() < applied.size()) acked_.resize(applied.size());
  for (size_t i = 0; i < applied.size(); ++i) acked_[i] = std::max(acked_[i], applied[i]);
}

void ReplicationSource::SetAble(std::optional<std::set<NodeId>> able) {
  if (able == able_) return;
  able_ = std::move(able);
  NoteAcks();
}

uint64_t ReplicationSource::AckedSequence(size_t replicas) const {
  if (replicas == 0) return UINT64_MAX;
  return replicas <= acked_.size() ? acked_[replicas - 1] : 0;
}

size_t ReplicationSource::ConnectedInTime(BootTime now) const {
  return static_cast<size_t>(std::count_if(links_.begin(), links_.end(), [now](const auto& entry) {
    return !entry.second.is_closing() && entry.second.IsInTime(now);
  }));
}

bool ReplicationSource::IsCopying() const {
  return std::any_of(links_.begin(), links_.end(),
                     [](const auto& entry) { return entry.second.is_copying(); });
}

bool ReplicationSource::CopiesWaitForPace() const {
  bool waits = false;
  for (const auto& [id, link] : links_) {
    if (link.is_copying() && !link.waits_for_pace()) return false;
    waits |= link.waits_for_pace();
  }
  return waits;
}

std::optional<Millis> ReplicationSource::ChunkDueIn() const {
  const bool waits = std::any_of(links_.begin(), links_.end(),
                                 [](const auto& entry) { return entry.second.waits_for_pace(); });
  return waits ? std::make_optional(pace_.DueIn()) : std::nullopt;
}

std::vector<LinkId> ReplicationSource::InTurn() const {
  std::vector<LinkId> links;
  for (const auto& [id, link] : links_) links.push_back(id);
  std::rotate(links.begin(), std::upper_bound(links.begin(), links.end(), last_copied_),
              links.end());
  return links;
}

uint64_t ReplicationSource::UnsentFor(uint64_t end) const {
  uint64_t unsent = 0;
  for (const auto& [id, link] : links_) {
    if (link.is_welcome() && !link.is_closing() && link.sent() < end) {
      unsent = std::max(unsent, end - link.sent());
    }
  }
  return unsent;
}

bool ReplicationSource::IsAhead(const Position& position, const History& history,
                                uint64_t end) const {
  if (!state_->has_data()) return true;
  const Position own = state_->PositionAt(end);
  return position > own && history.Continues(own, position.sequence);
}

bool ReplicationSource::HasMore(const Position& position, const History& history,
                                uint64_t end) const {
  return IsAhead(position, history, end) ||
         (position.epoch > state_->PositionAt(end).epoch && position.epoch <= state_->fence());
}

std::vector<ReplicationSource::Ahead> ReplicationSource::AheadOf(uint64_t end) const {
  std::vector<Ahead> ahead;
  for (const auto& [node, asked] : asked_) {
    if (HasMore(asked.position, asked.history, end)) {
      ahead.push_back({node, asked.position, asked.bus_endpoint});
    }
  }
  std::sort(ahead.begin(), ahead.end(),
            [](const Ahead& a, const Ahead& b) { return a.position > b.position; });
  return ahead;
}

std::vector<LinkReport> ReplicationSource::Links(BootTime now) const {
  std::vector<LinkReport> reports;
  for (const auto& [id, link] : links_) reports.push_back(link.Report(now));
  return reports;
}

}  // namespace larder::cluster
