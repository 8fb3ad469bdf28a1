// What ReplicationSink does with each message of its source.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/replication/replication_sink.h"

namespace larder::cluster {

void ReplicationSink::Receive(SourceMessage message, BootTime now) {
  if (stream_ == Stream::kNone || stream_ == Stream::kConnecting) return;
  heard_at_ = now;
  if (const Refuse* refuse = std::get_if<Refuse>(&message)) {
    ReceiveRefuse(*refuse, now);
    return;
  }
  const absl::Status status = Take(std::move(message), now);
  if (status.ok()) return;
  const SinkTrouble trouble = absl::IsAborted(status)              ? SinkTrouble::kCycle
                              : absl::IsFailedPrecondition(status) ? SinkTrouble::kFenced
                                                                   : SinkTrouble::kProtocol;
  Drop(trouble, std::string(status.message()), options_.retry_slowly, now);
}

absl::Status ReplicationSink::Take(SourceMessage message, BootTime now) {
  const bool is_welcome = std::holds_alternative<Welcome>(message);
  if (is_welcome != (stream_ == Stream::kGreeting)) {
    return absl::InvalidArgumentError(is_welcome ? "a second welcome on one stream"
                                                 : "a stream that does not begin with a welcome");
  }
  if (is_welcome) {
    const absl::Status status = ReceiveWelcome(std::get<Welcome>(message));
    if (!status.ok()) return status;
    backoff_.Reset();
    asked_at_ = now;
    freshness_.Ask(++heartbeat_asked_, now);
    Acknowledge();
    return status;
  }
  if (auto* batch = std::get_if<LogBatch>(&message)) return ReceiveBatch(std::move(*batch));
  if (auto* chunk = std::get_if<CopyChunk>(&message)) return ReceiveChunk(std::move(*chunk));
  if (const auto* epoch = std::get_if<EpochBegins>(&message)) return ReceiveEpoch(*epoch);
  if (const auto* end = std::get_if<CopyEnd>(&message)) return ReceiveCopyEnd(*end);
  return ReceiveHeartbeat(std::get<Heartbeat>(message), now);
}

bool ReplicationSink::IsOfCycle(const std::vector<NodeId>& chain) const {
  return chain.size() > kChainMax ||
         std::find(chain.begin(), chain.end(), state_->node()) != chain.end();
}

absl::Status ReplicationSink::ReceiveWelcome(const Welcome& welcome) {
  if (IsOfCycle(welcome.chain)) {
    return absl::AbortedError(
        absl::StrCat("the source follows this node, or ", kChainMax, " others in a row"));
  }
  if (welcome.epoch < state_->fence()) {
    return absl::FailedPreconditionError(absl::StrCat("the source is of epoch ",
                                                      welcome.epoch.ToText(), "; bound to ",
                                                      state_->fence().ToText()));
  }
  if (welcome.history.empty() || welcome.history.beginnings().back().epoch > welcome.epoch) {
    return absl::InvalidArgumentError(
        absl::StrCat("a welcome whose history goes beyond epoch ", welcome.epoch.ToText()));
  }
  const absl::Status status =
      welcome.kind == Welcome::Kind::kContinue ? WelcomeContinue(welcome) : WelcomeCopy(welcome);
  if (!status.ok()) return status;
  state_->RaiseFence(welcome.epoch);
  upstream_ = welcome.chain;
  report_.source = welcome.node;
  report_.source_endpoint = welcome.endpoint;
  report_.source_epoch = welcome.epoch;
  return absl::OkStatus();
}

absl::Status ReplicationSink::WelcomeContinue(const Welcome& welcome) {
  if (!state_->has_data() || welcome.from != state_->sequence()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a welcome to continue from ", welcome.from, ", where this node is not"));
  }
  const Epoch own = state_->PositionAt(welcome.from).epoch;
  if (!welcome.history.Contains(own)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a welcome to continue without epoch ", own.ToText()));
  }
  for (const History::Beginning& next : welcome.history.beginnings()) {
    if (next.epoch > own && next.first < welcome.from) {
      return absl::InvalidArgumentError(absl::StrCat("a welcome to continue from ", welcome.from,
                                                     ", where ", own.ToText(), " had ended"));
    }
  }
  state_->ForgetAnnounced();
  for (const History::Beginning& next : welcome.history.beginnings()) {
    if (next.epoch > own && next.epoch > state_->history().beginnings().back().epoch) {
      state_->Announce(next.epoch, next.first);
    }
  }
  state_->set_commanded(false);
  wants_copy_ = false;
  stream_ = Stream::kFollowing;
  received_ = welcome.from;
  freshness_.Advance(welcome.from);
  ++report_.continued;
  DropCopy();
  return absl::OkStatus();
}

absl::Status ReplicationSink::WelcomeCopy(const Welcome& welcome) {
  if (welcome.kind == Welcome::Kind::kCopyAnew) {
    DropCopy();
    copy_.emplace(welcome);
    ++report_.copies_begun;
    Give({.kind = SinkWork::Kind::kBeginCopy,
          .from = welcome.from,
          .to = welcome.from,
          .data_bytes = welcome.data_bytes});
  } else {
    if (!copy_.has_value()) return absl::InvalidArgumentError("no copy was cut that could go on");
    const absl::Status status = copy_->GoOn(welcome);
    if (!status.ok()) return status;
    ++report_.copies_resumed;
    Give({.kind = SinkWork::Kind::kGoOnWithCopy,
          .from = welcome.from,
          .to = welcome.from,
          .keep = welcome.kind == Welcome::Kind::kCopyAgain,
          .begin = welcome.cursor});
  }
  report_.why_copied = welcome.detail;
  stream_ = Stream::kCopying;
  return absl::OkStatus();
}

absl::Status ReplicationSink::ReceiveEpoch(const EpochBegins& message) {
  if (copy_.has_value()) {
    const absl::Status status = copy_->ReceiveEpoch(message);
    if (status.ok()) state_->RaiseFence(message.epoch);
    return status;
  }
  const History::Beginning& last = state_->growing().last();
  if (message.epoch <= last.epoch || message.first < std::max(received_, last.first)) {
    return absl::InvalidArgumentError(absl::StrCat("epoch ", message.epoch.ToText(), " begins at ",
                                                   message.first, ", after ", last.epoch.ToText(),
                                                   " and ", received_));
  }
  state_->Announce(message.epoch, message.first);
  state_->RaiseFence(message.epoch);
  return absl::OkStatus();
}

absl::Status ReplicationSink::ReceiveBatch(LogBatch message) {
  if (stream_ == Stream::kCopying) {
    const absl::Status status = copy_->ReceiveBatch(message);
    if (!status.ok()) return status;
    Give({.kind = SinkWork::Kind::kApplyToCopy,
          .from = message.from,
          .to = message.to,
          .payload = std::move(message.payload)});
    return status;
  }
  if (message.from != received_ || message.to <= message.from) {
    return absl::InvalidArgumentError(absl::StrCat("records ", message.from, "..", message.to,
                                                   " where ", received_, " comes next"));
  }
  received_ = message.to;
  Give({.kind = SinkWork::Kind::kApply,
        .from = message.from,
        .to = message.to,
        .payload = std::move(message.payload)});
  return absl::OkStatus();
}

absl::Status ReplicationSink::ReceiveChunk(CopyChunk message) {
  if (stream_ != Stream::kCopying) return absl::InvalidArgumentError("a chunk without a copy");
  const absl::Status status = copy_->ReceiveChunk(message);
  if (!status.ok()) return status;
  Give({.kind = SinkWork::Kind::kPutChunk,
        .from = message.position,
        .to = message.position,
        .keep = message.keep,
        .begin = std::move(message.begin),
        .end = std::move(message.end),
        .payload = std::move(message.payload)});
  return status;
}

absl::Status ReplicationSink::ReceiveCopyEnd(const CopyEnd& message) {
  if (stream_ != Stream::kCopying) return absl::InvalidArgumentError("an end without a copy");
  const absl::Status status = copy_->ReceiveEnd(message);
  if (!status.ok()) return status;
  stream_ = Stream::kFollowing;
  received_ = message.position;
  Give({.kind = SinkWork::Kind::kInstallCopy, .from = message.position, .to = message.position});
  return status;
}

absl::Status ReplicationSink::ReceiveHeartbeat(const Heartbeat& message, BootTime now) {
  if (message.number > heartbeat_asked_) {
    return absl::InvalidArgumentError(absl::StrCat("heartbeat ", message.number, ", of which only ",
                                                   heartbeat_asked_, " were asked for"));
  }
  if (IsOfCycle(message.chain)) {
    return absl::AbortedError(
        absl::StrCat("the source follows this node, or ", kChainMax, " others in a row"));
  }
  upstream_ = message.chain;
  report_.source_log_end = message.log_end;
  clock_.Learn(message.shard_time, now);
  if (message.age.has_value() && stream_ == Stream::kFollowing && !IsInstalling()) {
    freshness_.Hear(message.number, *message.age, message.log_end);
  }
  return absl::OkStatus();
}

}  // namespace larder::cluster
