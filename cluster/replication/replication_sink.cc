#include "cluster/replication/replication_sink.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

// Whether waiting longer than usual is all that helps.
bool PassesByItself(const Refuse& refuse, bool commanded) {
  switch (refuse.reason) {
    case Refuse::Reason::kNotReady:
    case Refuse::Reason::kTooManyReplicas:
      return true;
    case Refuse::Reason::kFenced:
      return commanded;
    default:
      return false;
  }
}

}  // namespace

ReplicationSink::ReplicationSink(SinkOptions options, ReplicationState* state, uint64_t seed)
    : options_(std::move(options)), state_(state), backoff_(options_.backoff, seed) {}

void ReplicationSink::Follow(bool commanded, BootTime now) {
  assert(!state_->leads());
  if (stream_ != Stream::kNone) effects_.disconnect = true;
  effects_.sends.clear();
  effects_.connect = false;
  stream_ = Stream::kNone;
  report_.follows = true;
  if (commanded) state_->set_commanded(true);
  backoff_.Reset();
  freshness_.ForgetOpen();
  upstream_.clear();
  connect_at_ = now;
}

void ReplicationSink::Stop() {
  if (stream_ != Stream::kNone) effects_.disconnect = true;
  effects_.sends.clear();
  effects_.connect = false;
  stream_ = Stream::kNone;
  report_.follows = false;
  connect_at_.reset();
  upstream_.clear();
  state_->set_commanded(false);
  wants_copy_ = false;
  // A copy that is being installed is data already.
  if (!IsInstalling()) DropCopy();
}

void ReplicationSink::Tick(BootTime now) {
  if (!report_.follows) return;
  if (stream_ == Stream::kNone) {
    // Where the data goes to is known once all work is confirmed.
    if (connect_at_.has_value() && now >= *connect_at_ && is_idle()) {
      stream_ = Stream::kConnecting;
      connect_at_.reset();
      heard_at_ = now;
      effects_.connect = true;
    }
    return;
  }
  // Nothing is read meanwhile: that is no silence of the source.
  if (!is_idle() || state_->Unsaved().has_value()) heard_at_ = now;
  if (now - heard_at_ > options_.silence_timeout) {
    Drop(SinkTrouble::kSilent, "nothing was heard for too long", backoff_.Next(), now);
    return;
  }
  const bool is_welcome = stream_ == Stream::kFollowing || stream_ == Stream::kCopying;
  if (is_welcome && now - asked_at_ >= options_.ack_interval) {
    asked_at_ = now;
    freshness_.Ask(++heartbeat_asked_, now);
    Acknowledge();
  }
}

SinkEffects ReplicationSink::TakeEffects() { return std::exchange(effects_, {}); }

void ReplicationSink::OnConnected(BootTime now) {
  // While the shell has yet to connect, what it tells of is the stream before.
  if (stream_ != Stream::kConnecting || effects_.connect) return;
  heard_at_ = now;
  stream_ = Stream::kGreeting;
  Greet();
}

void ReplicationSink::OnDisconnected(const absl::Status& why, BootTime now) {
  if (stream_ == Stream::kNone || effects_.connect) return;
  std::string detail(why.message());
  if (detail.empty()) detail = "the stream ended";
  if (absl::IsInvalidArgument(why) && stream_ != Stream::kConnecting) {
    Drop(SinkTrouble::kProtocol, std::move(detail), options_.retry_slowly, now);
  } else {
    Drop(SinkTrouble::kDisconnected, std::move(detail), backoff_.Next(), now);
  }
  effects_.disconnect = false;
}

void ReplicationSink::Greet() {
  Hello hello;
  hello.node = state_->node();
  hello.endpoint = options_.endpoint;
  hello.bus_endpoint = options_.bus_endpoint;
  hello.fence = state_->fence();
  hello.commanded = state_->commanded();
  hello.wants_copy = wants_copy_;
  if (state_->has_data()) {
    hello.position = state_->PositionAt(state_->sequence());
    hello.history = state_->history();
  }
  if (copy_.has_value()) hello.copy = copy_->Progress();
  effects_.sends.push_back(std::move(hello));
}

void ReplicationSink::Acknowledge() {
  Ack ack;
  ack.heartbeat_asked = heartbeat_asked_;
  if (stream_ == Stream::kFollowing && !IsInstalling()) {
    ack.applied = state_->PositionAt(state_->sequence());
  }
  if (copy_.has_value()) {
    ack.copied_position = copy_->confirmed_position();
    ack.copied_bytes = copy_->confirmed_bytes();
  }
  ack.exceed = exceed_;
  effects_.sends.push_back(std::move(ack));
}

void ReplicationSink::Drop(SinkTrouble trouble, std::string detail, Millis wait, BootTime now) {
  effects_.disconnect = true;
  effects_.connect = false;
  effects_.sends.clear();
  stream_ = Stream::kNone;
  connect_at_ = now + wait;
  upstream_.clear();
  freshness_.ForgetOpen();
  ++report_.streams_lost;
  report_.trouble = trouble;
  report_.detail = std::move(detail);
  if (trouble != SinkTrouble::kRefused) report_.refused.reset();
}

void ReplicationSink::Give(SinkWork work) {
  unconfirmed_.push_back({work.kind, work.to, work.end, work.payload.size()});
  unconfirmed_bytes_ += work.payload.size();
  effects_.work.push_back(std::move(work));
}

void ReplicationSink::DropCopy() {
  if (!copy_.has_value()) return;
  copy_.reset();
  ++report_.copies_dropped;
  Give({.kind = SinkWork::Kind::kDropCopy});
}

void ReplicationSink::OnDone(BootTime now) {
  assert(!unconfirmed_.empty());
  heard_at_ = now;
  const Unconfirmed done = std::move(unconfirmed_.front());
  unconfirmed_.pop_front();
  unconfirmed_bytes_ -= done.bytes;
  switch (done.kind) {
    case SinkWork::Kind::kApply:
      state_->Advance(done.to);
      freshness_.Advance(done.to);
      break;
    case SinkWork::Kind::kApplyToCopy:
      if (copy_.has_value()) copy_->ConfirmLog(done.to);
      break;
    case SinkWork::Kind::kPutChunk:
      if (copy_.has_value()) copy_->ConfirmChunk(done.end, done.bytes);
      break;
    case SinkWork::Kind::kInstallCopy:
      state_->Install(copy_->growing(), done.to);
      state_->set_commanded(false);
      copy_.reset();
      wants_copy_ = false;
      freshness_.Reset();
      freshness_.Advance(done.to);
      asked_at_ = now;
      ++report_.copies_installed;
      break;
    case SinkWork::Kind::kBeginCopy:
    case SinkWork::Kind::kGoOnWithCopy:
    case SinkWork::Kind::kDropCopy:
      return;
  }
  if (stream_ == Stream::kFollowing && !IsInstalling()) Acknowledge();
}

void ReplicationSink::OnPartDone(uint64_t to) {
  assert(!unconfirmed_.empty() && unconfirmed_.front().kind == SinkWork::Kind::kApply);
  if (to <= state_->sequence()) return;
  state_->Advance(to);
  freshness_.Advance(to);
  if (stream_ == Stream::kFollowing && !IsInstalling()) Acknowledge();
}

void ReplicationSink::OnFailed(const absl::Status& why, BootTime now) {
  assert(!unconfirmed_.empty());
  const bool of_copy = unconfirmed_.front().kind != SinkWork::Kind::kApply;
  unconfirmed_.clear();
  unconfirmed_bytes_ = 0;
  effects_.work.clear();
  // From the same place the log would lead to the same.
  if (!of_copy) wants_copy_ = true;
  // What the copy has is not known any more; what is served is as it was confirmed.
  DropCopy();
  Drop(of_copy ? SinkTrouble::kCopyFailed : SinkTrouble::kApplyFailed, std::string(why.message()),
       options_.retry_slowly, now);
}

SinkReport ReplicationSink::Report() const {
  SinkReport report = report_;
  report.is_connected = stream_ != Stream::kNone && stream_ != Stream::kConnecting;
  report.is_following = is_following();
  report.is_copying = is_copying();
  report.copied_bytes = copy_.has_value() ? copy_->confirmed_bytes() : 0;
  return report;
}

void ReplicationSink::ReceiveRefuse(const Refuse& refuse, BootTime now) {
  const bool will_pass = PassesByItself(refuse, state_->commanded());
  report_.refused = refuse.reason;
  if (refuse.reason == Refuse::Reason::kTakeOver && state_->has_data()) {
    // What is drawn here is above what the source has ever drawn, so that it can follow.
    state_->RaiseFence(refuse.epoch);
    effects_.take_over = true;
  }
  Drop(SinkTrouble::kRefused, refuse.detail, will_pass ? backoff_.Next() : options_.retry_slowly,
       now);
}

}  // namespace larder::cluster
