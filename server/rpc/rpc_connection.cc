#include "server/rpc/rpc_connection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/http2/status_block.h"
#include "server/rpc/overload_status.h"
#include "server/rpc/quoted.h"
#include "server/transport/front_end.h"

namespace larder::server {
namespace {

constexpr std::string_view kNotGrpc =
    "this port speaks gRPC: POST with content-type application/grpc\n";

}  // namespace

RpcConnection::RpcConnection(const RpcLimits& limits, const RpcMethods* methods, RpcCallPool* calls)
    : limits_(limits),
      methods_(methods),
      calls_(calls),
      number_(calls->NextConnectionNumber()),
      incomplete_share_(&calls->state().incomplete),
      unread_share_(&calls->state().unread),
      session_(limits.session, this, &output_) {}

RpcConnection::~RpcConnection() = default;

http2::RequestStream* RpcConnection::NewStream() {
  RpcCall* const call = calls_->Take();
  call->connection_ = this;
  return call;
}

void RpcConnection::DropStream(http2::Stream& stream) {
  auto& call = static_cast<RpcCall&>(stream);
  if (running_ == call.id) running_ = 0;
  StopRunning(call);
  if (call.deadline_ != kNoTime) deadlines_.erase({call.deadline_, call.id});
  may_resume_ = true;
  call.Reset();
  calls_->Give(&call);
}

void RpcConnection::StopRunning(RpcCall& call) {
  if (call.streaming_ != nullptr) ended_.push_back(std::move(call.streaming_));
  if (std::exchange(call.is_held_, false)) held_.erase(call.id);
  if (inflating_ == call.id) EndInflation();
  call.inflater_.reset();
  buffered_bytes_ -= call.body_.size();
  call.body_.clear();
}

void RpcConnection::BeginTurn(LoopTime now) {
  calls_->AdvanceClock(now);
  turn_ends_ = calls_->clock() + limits_.turn;
  LookAtNode();
}

bool RpcConnection::Receive(std::string_view bytes, LoopTime now) {
  if (has_more()) {
    rest_.append(bytes);
    return true;
  }
  now_ = now;
  BeginTurn(now);
  return Take(bytes);
}

bool RpcConnection::Continue(LoopTime now) {
  BeginTurn(now);
  if (std::exchange(waits_for_turn_, false)) may_resume_ = true;
  const std::string bytes = std::exchange(rest_, {});
  return Take(bytes);
}

bool RpcConnection::Take(std::string_view bytes) {
  const bool goes_on = session_.Receive(bytes);
  if (goes_on) {
    RunAllGathered();
  } else {
    session_.Close();  // with what is gathered, which borrows from `bytes`
  }
  for (const uint32_t id : fresh_) {
    http2::Stream* const stream = session_.Find(id);
    if (stream != nullptr) deadlines_.insert({static_cast<RpcCall*>(stream)->deadline_, id});
  }
  fresh_.clear();
  if (goes_on) {
    if (!session_.unread().empty()) rest_ = session_.unread();
    ResumeHeld();
  }
  ended_.clear();
  return !session_.has_failed();
}

void RpcConnection::Resume(std::vector<CallLetter> letters, LoopTime now) {
  BeginTurn(now);
  for (CallLetter& letter : letters) Resume(letter);
  ResumeHeld();
  ended_.clear();
}

void RpcConnection::Resume(CallLetter& letter) {
  auto* const call = static_cast<RpcCall*>(session_.Find(letter.stream));
  if (call == nullptr || call->is_finished_ || call->deferred_ == 0) return;
  const bool is_unary = call->method_->unary != nullptr;
  if (letter.completion == nullptr && is_unary) {
    Fail(*call, absl::InternalError("the call was given up by its method"));
  } else if (IsUnread()) {
    // What the operation did stands, so this is no invitation to try again.
    Fail(*call, absl::UnknownError(absl::StrCat("the operation may have been done, but ",
                                                UnreadStatus().message())));
  } else {
    --call->deferred_;
    if (call->is_held_) may_resume_ = true;
    if (letter.completion != nullptr) RunFor(*call, [&] { letter.completion->Run(*call); });
  }
}

void RpcConnection::OnOutputSent() {
  LookAtNode();
  session_.OnOutputSent();
  ResumeHeld();
  ended_.clear();
}

void RpcConnection::OnSecondsPassed(uint32_t seconds, absl::Duration unread_for) {
  session_.OnSecondsPassed(seconds, static_cast<uint32_t>(absl::ToInt64Seconds(unread_for)));
  // Other connections may have made room, of which this one is not told.
  LookAtNode();
  may_resume_ = true;
  if (session_.is_established()) ResumeHeld();
  ended_.clear();
}

const RpcMethod* RpcConnection::FindMethod(std::string_view path) {
  if (path != last_path_ || last_method_ == nullptr) {
    last_path_ = path;
    last_method_ = methods_->Find(path);
  }
  return last_method_;
}

bool RpcConnection::ReadsMetadata(std::string_view path) {
  const RpcMethod* const method = FindMethod(path);
  return method != nullptr && method->reads_metadata();
}

void RpcConnection::AnswerHttp(RpcCall& call) {
  if (!call.remote_ended && call.unreturned_bytes < limits_.session.stream_window_bytes / 2) return;
  call.is_finished_ = true;
  session_.WriteHeaders(call, HttpStatusBlock(call.http_error_));
  call.pending.Append(kNotGrpc);
  session_.SendPending(call, kNotGrpc.size());
  session_.End(call, HttpTrailers());
}

absl::Status RpcConnection::CheckHead(const RequestHead& head, RpcCall& call) {
  if (head.is_too_large()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the request's headers have more than the limit ",
                     limits_.session.header_bytes_max, " bytes (--max_header_bytes)"));
  }
  call.method_ = FindMethod(head.path());
  if (call.method_ == nullptr) {
    return absl::UnimplementedError(absl::StrCat("there is no method ", Quoted(head.path())));
  }
  if (const absl::Status status = head.CheckGrpc(); !status.ok()) return status;
  call.is_gzip_ = !head.encoding().empty();
  if (head.timeout().has_value()) {
    call.deadline_ = After(now_, *head.timeout());
    if (call.deadline_ != kNoTime) fresh_.push_back(call.id);
  }
  if (!head.metadata().empty()) return call.TakeMetadata(head);
  return absl::OkStatus();
}

void RpcConnection::OnHead(http2::Stream& stream, const RequestHead& head) {
  auto& call = static_cast<RpcCall&>(stream);
  if (!head.is_too_large() && (head.http_method() != "POST" || !head.is_grpc())) {
    call.http_error_ = head.is_grpc() ? "405" : "415";
    call.keeps_window = true;
    return AnswerHttp(call);
  }
  if (const absl::Status status = CheckHead(head, call); !status.ok()) {
    Fail(call, status);
    return;
  }
  if (call.method_->streaming != nullptr) {
    const bool goes_on = RunFor(call, [&] {
      auto streaming = call.method_->streaming->Open(call);
      if (running_ != 0) call.streaming_ = std::move(streaming);  // or the call is over
    });
    if (!goes_on) return;
    if (is_draining_ && !RunFor(call, [&] { call.streaming_->OnDrain(); })) return;
  }
  if (call.remote_ended) EndRequest(call);
}

void RpcConnection::OnBody(http2::Stream& stream, std::string_view bytes) {
  auto& call = static_cast<RpcCall&>(stream);
  if (call.is_finished_) return;
  if (!call.http_error_.empty()) return AnswerHttp(call);
  if (call.body_.empty()) {
    if (!RunMessages(call, bytes)) return;
    Keep(call, bytes);
  } else {
    Keep(call, bytes);
    const bool may_be_whole = !call.is_held_ && call.body_.size() >= kMessagePrefixBytes;
    if (may_be_whole && !RunKept(call)) return;
  }
  if (!call.body_.empty()) {
    if (const absl::Status status = CheckBuffered(); !status.ok()) {
      Fail(call, status);
      return;
    }
  }
  if (call.remote_ended && !call.is_held_) EndRequest(call);
}

absl::Status RpcConnection::CheckBuffered() const {
  if (buffered_bytes_ > limits_.buffered_bytes_max) {
    return IncompleteOnConnectionStatus(limits_.buffered_bytes_max);
  }
  const ByteBudget& budget = calls_->state().incomplete;
  if (budget.IsFull(buffered_bytes_)) return IncompleteOnNodeStatus(budget.bytes_max());
  return absl::OkStatus();
}

absl::Status RpcConnection::UnreadStatus() const {
  return session_.pending_bytes() > limits_.unread_bytes_max
             ? UnreadOnConnectionStatus(limits_.unread_bytes_max)
             : UnreadOnNodeStatus(unread_budget().bytes_max());
}

bool RpcConnection::RunKept(RpcCall& call) {
  // Taken out, since what runs may end the call.
  std::string body = std::exchange(call.body_, {});
  buffered_bytes_ -= body.size();
  std::string_view rest = body;
  if (!RunMessages(call, rest) || !RunGathered(call)) return false;
  buffered_bytes_ += rest.size();
  if (call.body_.empty()) {
    body.erase(0, body.size() - rest.size());
    call.body_ = std::move(body);
  } else {
    call.body_.append(rest);
  }
  return true;
}

void RpcConnection::ResumeHeld() {
  if (held_.empty() || !may_resume_) return;
  waits_for_turn_ = IsTurnOver();
  if (waits_for_turn_) return;
  may_resume_ = false;
  for (const uint32_t id : std::vector<uint32_t>(held_.begin(), held_.end())) {
    auto* const call = static_cast<RpcCall*>(session_.Find(id));
    if (session_.has_failed()) break;
    if (call == nullptr || !call->is_held_) continue;
    if (IsTurnOver()) may_resume_ = waits_for_turn_ = true;
    if (MustHold(*call)) continue;
    held_.erase(id);
    call->is_held_ = false;
    if (RunKept(*call) && call->remote_ended && !call->is_held_) EndRequest(*call);
    // Only now, or a client that takes one answer at a time could send a window's worth for each.
    http2::Stream* const resumed = session_.Find(id);
    if (resumed != nullptr && !static_cast<RpcCall*>(resumed)->is_held_) {
      session_.ReturnWindow(*resumed);
    }
  }
  if (session_.has_failed()) session_.Close();
}

void RpcConnection::Keep(RpcCall& call, std::string_view bytes) {
  const size_t kept = call.body_.size() + bytes.size();
  if (kept > call.body_.capacity() && call.body_.size() >= kMessagePrefixBytes) {
    // Room for the message that has begun, but not for much more than has come of it.
    const uint64_t message_bytes = LoadBigEndian(call.body_.data() + 1, 4);
    call.body_.reserve(std::max(kept, std::min(kMessagePrefixBytes + message_bytes, 4 * kept)));
  }
  call.body_.append(bytes);
  buffered_bytes_ += bytes.size();
}

template <typename Action>
bool RpcConnection::RunFor(RpcCall& call, Action&& action) {
  const uint32_t id = call.id;
  running_ = id;
  action();
  return std::exchange(running_, 0) == id && !call.is_finished_;
}

bool RpcConnection::Fail(RpcCall& call, const absl::Status& status) {
  if (!RunGathered(call)) return false;
  // A deadline may end a call that streams at any time.
  const bool is_late = absl::IsDeadlineExceeded(status);
  const bool had_request = (call.streaming_ != nullptr && is_late) || call.deferred_ > 0;
  if (!had_request) metrics().CountRefused(status.code());
  if (call.streaming_ != nullptr) call.streaming_->OnFailed(status.code());
  call.Finish(status);
  return false;
}

bool RpcConnection::Gather(RpcCall& call, std::string_view message) {
  // As many as it pays to look at together.
  constexpr size_t kGatheredMax = 16;
  if (call.gathered_.empty()) gathering_.push_back(call.id);
  call.gathered_.push_back(message);
  return call.gathered_.size() < kGatheredMax || RunGathered(call);
}

bool RpcConnection::RunGathered(RpcCall& call) {
  if (call.gathered_.empty()) return true;
  gathered_.swap(call.gathered_);
  call.gathered_.clear();
  if (!RunFor(call, [&] { call.streaming_->OnComing(gathered_); })) return false;
  for (size_t i = 0; i < gathered_.size(); ++i) {
    if (MustHold(call)) {
      Hold(call, absl::MakeSpan(gathered_).subspan(i));
      break;
    }
    if (!RunFor(call, [&] { call.streaming_->OnMessage(gathered_[i]); })) return false;
  }
  return RunFor(call, [&] { call.streaming_->OnPause(); });
}

void RpcConnection::RunAllGathered() {
  for (const uint32_t id : gathering_) {
    http2::Stream* const stream = session_.Find(id);
    if (stream != nullptr) RunGathered(static_cast<RpcCall&>(*stream));
  }
  gathering_.clear();
}

void RpcConnection::Hold(RpcCall& call, absl::Span<const std::string_view> messages) {
  call.is_held_ = true;
  call.keeps_window = true;
  if (IsTurnOver()) may_resume_ = waits_for_turn_ = true;
  held_.insert(call.id);
  if (messages.empty()) return;
  std::string held;
  for (const std::string_view message : messages) {
    char prefix[kMessagePrefixBytes] = {0};
    StoreBigEndian(message.size(), 4, prefix + 1);
    held.append(prefix, sizeof(prefix)).append(message);
  }
  buffered_bytes_ += held.size();
  call.body_.insert(0, held);
}

bool RpcConnection::RunMessages(RpcCall& call, std::string_view& bytes) {
  while (bytes.size() >= kMessagePrefixBytes) {
    const auto flag = static_cast<unsigned char>(bytes.front());
    const uint64_t message_bytes = LoadBigEndian(bytes.data() + 1, 4);
    if (flag > 1) {
      return Fail(call, absl::InternalError("the prefix of a message is malformed"));
    }
    if (message_bytes > limits_.request_bytes_max) {
      return Fail(call, absl::ResourceExhaustedError(
                            absl::StrCat("a message of ", message_bytes, " bytes; the limit is ",
                                         limits_.request_bytes_max, " (--max_request_bytes)")));
    }
    if (bytes.size() - kMessagePrefixBytes < message_bytes) return true;
    // A unary call is run when the client has ended it, so that one more message is seen.
    if (call.method_->unary != nullptr && !call.remote_ended &&
        bytes.size() == kMessagePrefixBytes + message_bytes) {
      return true;
    }
    if (call.method_->streaming != nullptr) {
      // What is compressed is run at once, since inflated it is not kept.
      if (flag == 1 && !RunGathered(call)) return false;
      if (call.gathered_.empty() && !call.is_held_ && MustHold(call)) Hold(call, {});
      if (call.is_held_) return true;
    }
    const std::string_view message = bytes.substr(kMessagePrefixBytes, message_bytes);
    if (call.method_->unary != nullptr && bytes.size() > kMessagePrefixBytes + message_bytes) {
      return Fail(call, absl::InternalError("more than one message for a unary call"));
    }
    std::string inflated;
    if (flag == 1) {
      const Inflation inflation = Inflate(call, message);
      if (inflation == Inflation::kFailed) return false;
      if (inflation == Inflation::kNotYet) {
        Hold(call, {});
        return true;
      }
      inflated = std::move(std::exchange(call.inflater_, nullptr)->message());
    }
    bytes.remove_prefix(kMessagePrefixBytes + message_bytes);
    if (!RunMessage(call, flag == 1 ? inflated : message)) return false;
    if (flag == 1 && !RunGathered(call)) return false;
  }
  return true;
}

RpcConnection::Inflation RpcConnection::Inflate(RpcCall& call, std::string_view message) {
  const auto failed = [&](const absl::Status& status) {
    Fail(call, status);
    return Inflation::kFailed;
  };
  if (!call.is_gzip_) {
    return failed(absl::InternalError("a compressed message without grpc-encoding"));
  }
  if (inflating_ != 0 && inflating_ != call.id) return Inflation::kNotYet;
  if (call.inflater_ == nullptr) {
    call.inflater_ = std::make_unique<GzipInflater>(message, limits_.request_bytes_max);
    inflating_ = call.id;
    inflating_bytes_ = call.inflater_->bytes();
    buffered_bytes_ += inflating_bytes_;
    if (const absl::Status status = CheckBuffered(); !status.ok()) return failed(status);
  }
  while (call.inflater_->Step(message)) {
    OnTime(std::chrono::steady_clock::now());
    if (IsTurnOver()) return Inflation::kNotYet;
  }
  EndInflation();
  if (!call.inflater_->status().ok()) return failed(absl::Status(call.inflater_->status()));
  const bool goes_on = session_.CountFlood(call.inflater_->flood_frames());
  return goes_on ? Inflation::kWhole : Inflation::kFailed;
}

void RpcConnection::EndInflation() {
  inflating_ = 0;
  buffered_bytes_ -= std::exchange(inflating_bytes_, 0);
  may_resume_ = true;
}

bool RpcConnection::RunMessage(RpcCall& call, std::string_view message) {
  if (call.method_->streaming != nullptr) return Gather(call, message);
  if (IsUnread()) return Fail(call, UnreadStatus());
  if (call.deadline_ <= calls_->clock()) {
    return Fail(call, absl::DeadlineExceededError("the deadline has passed"));
  }
  return RunFor(call, [&] { call.method_->unary->Run(message, call); });
}

void RpcConnection::EndRequest(RpcCall& call) {
  if (!RunGathered(call) || call.is_held_) return;
  if (call.method_->unary != nullptr && call.deferred_ > 0) return;
  if (!call.body_.empty()) {
    Fail(call, absl::InternalError("the request ends within a message"));
  } else if (call.method_->streaming != nullptr) {
    RunFor(call, [&] { call.streaming_->OnEnd(); });
  } else {
    Fail(call, absl::InternalError("a unary call without a message"));
  }
}

void RpcConnection::OnUnblocked(http2::Stream& stream) {
  static_cast<RpcCall&>(stream).LeavePlaces();
  may_resume_ = true;
}

void RpcConnection::ExpireCalls(LoopTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const uint32_t id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    auto* const call = static_cast<RpcCall*>(session_.Find(id));
    if (call == nullptr) continue;
    if (!call->pending.empty()) {
      metrics().Count(StreamReset::kDeadline);
      if (call->streaming_ != nullptr) {
        call->streaming_->OnFailed(absl::StatusCode::kDeadlineExceeded);
      }
      session_.Reset(*call, http2::ErrorCode::kCancel);  // nobody waits for the rest
    } else {
      Fail(*call, absl::DeadlineExceededError("the deadline has passed"));
    }
  }
  ended_.clear();
}

void RpcConnection::Drain() {
  is_draining_ = true;
  session_.SendGoaway(kShuttingDown);
  for (const uint32_t id : session_.StreamIds()) {
    http2::Stream* const stream = session_.Find(id);
    if (stream == nullptr) continue;
    auto& call = static_cast<RpcCall&>(*stream);
    if (call.streaming_ != nullptr) RunFor(call, [&] { call.streaming_->OnDrain(); });
  }
  ended_.clear();
}

void RpcConnection::ReleaseMemory() {
  session_.ReleaseMemory();
  if (output_.empty()) output_.Release();
}

}  // namespace larder::server
