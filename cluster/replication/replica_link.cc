#include "cluster/replication/replica_link.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

// For people: why what a replica has does not let it go on from there.
std::string WhyNotContinued(const std::optional<Position>& position, const History& history,
                            uint64_t end, uint64_t oldest) {
  if (!position.has_value()) return "it has no data yet";
  const std::string at = absl::StrCat("it is at ", position->ToText());
  if (!history.Contains(position->epoch)) {
    return absl::StrCat(at, ", an epoch that the data here did not go through");
  }
  if (!history.Continues(*position, end)) {
    return absl::StrCat(at, ", and went on where the data here did not");
  }
  return absl::StrCat(at, ", and the log here reaches back to ", oldest, " only");
}

}  // namespace

ReplicaLink::ReplicaLink(LinkId id, const SourceOptions* options, const ReplicationState* state,
                         SourceCounts* counts, CopyPace* pace, BootTime now)
    : id_(id),
      options_(options),
      state_(state),
      counts_(counts),
      pace_(pace),
      pulled_at_(now),
      heard_at_(now) {}

std::optional<Position> ReplicaLink::applied() const {
  return generation_ == state_->generation() ? applied_ : std::nullopt;
}

bool ReplicaLink::IsInTime(BootTime now) const {
  return applied().has_value() && now - *acked_at_ <= options_->in_time;
}

absl::Status ReplicaLink::ReceiveHello(Hello hello, BootTime now) {
  if (hello_.has_value()) return absl::InvalidArgumentError("a second hello on one stream");
  if (!hello.node.is_set()) return absl::InvalidArgumentError("a hello without a node id");
  if (hello.position.has_value() && !hello.history.Contains(hello.position->epoch)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a hello at ", hello.position->ToText(), ", which is not of its history"));
  }
  heard_at_ = now;
  hello_ = std::move(hello);
  return absl::OkStatus();
}

absl::Status ReplicaLink::ReceiveAck(const Ack& ack, BootTime now) {
  if (!is_welcome_) return absl::InvalidArgumentError("an acknowledgement before any welcome");
  // The data that was sent is gone; the stream will be closed.
  if (state_->generation() != generation_) return absl::OkStatus();
  if (ack.heartbeat_asked < heartbeat_asked_) {
    return absl::InvalidArgumentError(
        absl::StrCat("heartbeat ", ack.heartbeat_asked, " is asked for after ", heartbeat_asked_));
  }
  if (ack.applied.has_value()) {
    const Position& applied = *ack.applied;
    if (copying_ == Copying::kCopying || copying_ == Copying::kAllSent) {
      return absl::InvalidArgumentError("records are acknowledged that belong to a copy");
    }
    const uint64_t least = std::max(applied_.has_value() ? applied_->sequence : 0, copy_end_);
    if (applied.sequence < least || applied.sequence > sent_) {
      return absl::InvalidArgumentError(absl::StrCat(
          "sequence ", applied.sequence, " is acknowledged; it may be ", least, " to ", sent_));
    }
    if (applied != state_->PositionAt(applied.sequence)) {
      return absl::InvalidArgumentError(
          absl::StrCat("position ", applied.ToText(), " is acknowledged, which here is ",
                       state_->PositionAt(applied.sequence).ToText()));
    }
    applied_ = applied;
    copying_ = Copying::kNot;
  }
  heartbeat_asked_ = ack.heartbeat_asked;
  heard_at_ = now;
  acked_at_ = now;
  return absl::OkStatus();
}

void ReplicaLink::CloseNext(CloseReason reason) {
  if (!close_.has_value()) close_ = reason;
}

std::optional<CloseReason> ReplicaLink::Overdue(BootTime now) const {
  if (now - heard_at_ > options_->silence_timeout) return CloseReason::kSilent;
  const bool has_more = copying_ == Copying::kCopying || copying_ == Copying::kAllSent;
  if (has_more && now - pulled_at_ > options_->copy_stall_timeout) return CloseReason::kStalled;
  return std::nullopt;
}

uint64_t ReplicaLink::EndOfData(ReplicationFeed* feed) const {
  return state_->leads() ? feed->LogEnd() : state_->sequence();
}

Welcome::Kind ReplicaLink::DecideKind(ReplicationFeed* feed, Welcome* welcome) {
  const History& history = state_->history();
  const uint64_t end = EndOfData(feed);
  const uint64_t oldest = feed->LogOldest();
  const std::optional<Position>& position = hello_->position;
  if (!hello_->wants_copy && position.has_value() && history.Continues(*position, end) &&
      position->sequence >= oldest) {
    welcome->from = position->sequence;
    return Welcome::Kind::kContinue;
  }
  welcome->detail = WhyNotContinued(position, history, end, oldest);
  welcome->from = end;
  const std::optional<CopyProgress>& copy = hello_->copy;
  if (!copy.has_value() || !history.Continues(copy->position, end) ||
      !history.Continues(copy->exact_from, end)) {
    return Welcome::Kind::kCopyAnew;
  }
  exact_from_ = copy->exact_from.sequence;
  welcome->copy_id = copy->copy_id;
  if (copy->older_position.has_value() && history.Continues(*copy->older_position, end)) {
    copied_ = {copy->older_position->sequence, copy->older_cursor};
  }
  if (copy->position.sequence >= oldest) {
    welcome->from = copy->position.sequence;
    cursor_ = copy->cursor;
    return Welcome::Kind::kCopyOnward;
  }
  // What was unchanged since the older pass is so since the newer one, too.
  if (!copied_.has_value()) copied_ = {copy->position.sequence, copy->cursor};
  return Welcome::Kind::kCopyAgain;
}

Welcome ReplicaLink::Decide(ReplicationFeed* feed, uint64_t copy_id,
                            const SourceCondition& condition) {
  Welcome welcome;
  welcome.copy_id = copy_id;
  welcome.kind = DecideKind(feed, &welcome);
  welcome.node = state_->node();
  welcome.endpoint = options_->endpoint;
  welcome.epoch = state_->fence();
  welcome.history = state_->history();
  welcome.cursor = cursor_;
  welcome.data_bytes = feed->DataBytes();
  welcome.chain.push_back(state_->node());
  welcome.chain.insert(welcome.chain.end(), condition.upstream.begin(), condition.upstream.end());
  switch (welcome.kind) {
    case Welcome::Kind::kContinue:
      ++counts_->continued;
      break;
    case Welcome::Kind::kCopyAnew:
      ++counts_->copied_anew;
      break;
    case Welcome::Kind::kCopyOnward:
      ++counts_->copied_onward;
      break;
    case Welcome::Kind::kCopyAgain:
      ++counts_->copied_again;
      break;
  }
  is_welcome_ = true;
  generation_ = state_->generation();
  sent_ = welcome.from;
  announced_ = state_->history().beginnings().back().epoch;
  pulled_at_ = condition.now;
  if (welcome.kind != Welcome::Kind::kContinue) {
    copying_ = Copying::kCopying;
    HoldWriters(feed);
  }
  return welcome;
}

Outgoing ReplicaLink::Next(ReplicationFeed* feed, uint64_t bytes_max,
                           const SourceCondition& condition) {
  pulled_at_ = condition.now;
  if (generation_ != state_->generation()) CloseNext(CloseReason::kDataReplaced);
  Outgoing outgoing;
  if (!close_.has_value()) outgoing.message = NextMessage(feed, bytes_max, condition);
  outgoing.close = close_;
  return outgoing;
}

std::optional<SourceMessage> ReplicaLink::NextMessage(ReplicationFeed* feed, uint64_t bytes_max,
                                                      const SourceCondition& condition) {
  if (std::optional<Heartbeat> heartbeat = NextHeartbeat(feed, condition)) return *heartbeat;
  if (std::optional<EpochBegins> epoch = NextEpoch()) return *epoch;
  if (copying_ == Copying::kAllSent) {
    if (sent_ < copy_end_) return NextOfCopyLog(feed, copy_end_, bytes_max);
    copying_ = Copying::kCopyEnded;
    ++counts_->copies_ended;
    HoldWriters(feed);
    return CopyEnd{copy_end_};
  }
  if (copying_ == Copying::kCopying) return NextOfCopy(feed, bytes_max, condition);
  HoldWriters(feed);
  const uint64_t until = state_->leads() ? UINT64_MAX : state_->sequence();
  if (sent_ >= until || condition.log_rests) return std::nullopt;
  return NextOfLog(feed, {sent_, until, bytes_max, std::nullopt});
}

std::optional<SourceMessage> ReplicaLink::NextOfLog(ReplicationFeed* feed,
                                                    const ReplicationFeed::LogRequest& request) {
  ReplicationFeed::LogRead read = feed->ReadLog(request);
  if (read.result == ReplicationFeed::LogResult::kFellBehind) {
    ++counts_->fell_behind;
    CloseNext(CloseReason::kFellBehind);
    return std::nullopt;
  }
  if (read.result == ReplicationFeed::LogResult::kNothingNew) return std::nullopt;
  LogBatch batch{sent_, read.next, std::move(read.payload)};
  sent_ = read.next;
  if (copying_ == Copying::kCopying && !waits_for_pace_) log_bytes_ += read.log_bytes;
  return batch;
}

std::optional<SourceMessage> ReplicaLink::NextOfCopy(ReplicationFeed* feed, uint64_t bytes_max,
                                                     const SourceCondition& condition) {
  if (!chunk_.has_value()) {
    const bool is_its_turn = IsChunksTurn(feed, condition.now);
    if (is_its_turn) {
      chunk_ = feed->ReadChunk(cursor_, std::min(bytes_max, options_->chunk_bytes), copied_);
      pace_->Take(CostOf(*chunk_));
    }
    if (waits_for_pace_ == is_its_turn) {
      waits_for_pace_ = !is_its_turn;
      HoldWriters(feed);
    }
    if (waits_for_pace_) {
      if (condition.log_rests && !due_.has_value()) return std::nullopt;
      return NextOfCopyLog(feed, UINT64_MAX, bytes_max);
    }
  }
  // Of a follower nothing that it has not confirmed: the replica may not know the epochs of it.
  const bool may_be_sent = state_->leads() || chunk_->exact_from <= state_->sequence();
  if (sent_ >= chunk_->position && may_be_sent) return TakeChunk(feed);
  // Not past the chunk's position, since records of what it has are left out until it is sent.
  return NextOfCopyLog(feed, chunk_->position, bytes_max);
}

bool ReplicaLink::IsChunksTurn(ReplicationFeed* feed, BootTime now) {
  if (!pace_->IsDue(now)) {
    due_.reset();
    return false;
  }
  if (!waits_for_pace_) return true;
  if (!due_.has_value()) due_ = {EndOfData(feed), now};
  // So late a chunk loses nothing of the pace. Later it would, where the stream does not take all
  // that is written: then the log has what a due chunk leaves it.
  if (sent_ < due_->log_end && now - due_->since <= CopyPace::kMadeUp) return false;
  due_.reset();
  return true;
}

uint64_t ReplicaLink::CostOf(const ReplicationFeed::Chunk& chunk) const {
  return std::max<uint64_t>(chunk.payload.size(), options_->chunk_cost);
}

std::optional<SourceMessage> ReplicaLink::NextOfCopyLog(ReplicationFeed* feed, uint64_t until,
                                                        uint64_t bytes_max) {
  if (!state_->leads()) until = std::min(until, state_->sequence());
  if (sent_ >= until) return std::nullopt;
  std::optional<SourceMessage> message = NextOfLog(feed, {sent_, until, bytes_max, cursor_});
  if (message.has_value()) {
    counts_->copy_log_bytes += std::get<LogBatch>(*message).payload.size();
  }
  return message;
}

CopyChunk ReplicaLink::TakeChunk(ReplicationFeed* feed) {
  chunk_room_ += CostOf(*chunk_) / 2;
  CopyChunk message{cursor_,      std::move(chunk_->end),     chunk_->position,
                    chunk_->keep, std::move(chunk_->payload), chunk_->exact_from};
  const bool is_last = chunk_->is_last;
  chunk_.reset();
  cursor_ = message.end;
  exact_from_ = std::max({exact_from_, message.position, message.exact_from});
  chunk_bytes_ += message.payload.size();
  counts_->chunk_bytes += message.payload.size();
  if (message.keep) ++counts_->chunks_kept;
  if (is_last) {
    copying_ = Copying::kAllSent;
    copy_end_ = std::max(exact_from_, sent_);
  }
  HoldWriters(feed);
  return message;
}

std::optional<EpochBegins> ReplicaLink::NextEpoch() {
  const std::vector<History::Beginning>& all = state_->history().beginnings();
  const auto next = std::find_if(
      all.begin(), all.end(),
      [this](const History::Beginning& beginning) { return beginning.epoch > announced_; });
  if (next == all.end()) return std::nullopt;
  announced_ = next->epoch;
  return EpochBegins{next->epoch, next->first};
}

std::optional<Heartbeat> ReplicaLink::NextHeartbeat(ReplicationFeed* feed,
                                                    const SourceCondition& condition) {
  if (beat_at_.has_value() && condition.now - *beat_at_ < options_->heartbeat_interval) {
    return std::nullopt;
  }
  beat_at_ = condition.now;
  Heartbeat heartbeat{heartbeat_asked_, condition.shard_time, EndOfData(feed), condition.age, {}};
  heartbeat.chain.push_back(state_->node());
  heartbeat.chain.insert(heartbeat.chain.end(), condition.upstream.begin(),
                         condition.upstream.end());
  return heartbeat;
}

void ReplicaLink::HoldWriters(ReplicationFeed* feed) {
  switch (copying_) {
    case Copying::kNot:
      feed->ReleaseWriters();
      return;
    case Copying::kCopying: {
      if (waits_for_pace_) return feed->HoldWriters(sent_, options_->install_lag_bytes);
      const uint64_t room = options_->copy_log_bytes + chunk_room_;
      const uint64_t left = room > log_bytes_ ? room - log_bytes_ : 0;
      feed->HoldWriters(sent_, std::min(left, options_->install_lag_bytes));
      return;
    }
    case Copying::kAllSent:
    case Copying::kCopyEnded:
      feed->HoldWriters(sent_, options_->install_lag_bytes);
      return;
  }
}

void ReplicaLink::Release(ReplicationFeed* feed) { feed->ReleaseWriters(); }

LinkReport ReplicaLink::Report(BootTime now) const {
  LinkReport report;
  report.link = id_;
  if (hello_.has_value()) {
    report.node = hello_->node;
    report.endpoint = hello_->endpoint;
  }
  report.is_copying = is_copying();
  report.applied = applied();
  report.is_in_time = IsInTime(now);
  report.sent = sent_;
  report.copied_bytes = chunk_bytes_;
  if (acked_at_.has_value()) report.since_ack = now - *acked_at_;
  return report;
}

}  // namespace larder::cluster
