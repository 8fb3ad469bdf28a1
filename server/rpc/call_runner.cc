#include "server/rpc/call_runner.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace larder::server {

CallRunner::CallRunner(const RpcLimits& limits, RpcCallPool* calls, http2::Http2Session* session)
    : limits_(limits),
      calls_(calls),
      session_(session),
      unread_(limits.unread_bytes_max, &calls->state().unread) {}

void CallRunner::BeginTurn(LoopTime now) {
  calls_->AdvanceClock(now);
  turn_ends_ = calls_->clock() + limits_.turn;
  LookAtNode();
}

CallOutcome CallRunner::Open(RpcCall& call) {
  return Run(call, [&] {
    auto streaming = call.method_->streaming->Open(call);
    // Unless the call is over.
    if (running_ != 0 && call.state_ == CallState::kReading) call.streaming_ = std::move(streaming);
  });
}

CallOutcome CallRunner::Drain(RpcCall& call) {
  return Run(call, [&] { call.streaming_->OnDrain(); });
}

void CallRunner::OnBody(RpcCall& call, std::string_view bytes) {
  if (call.state_ == CallState::kHeld) {
    call.reader_.Keep(bytes);
  } else if (RunMessages(call, bytes) == CallOutcome::kOver) {
    return;
  }
  // A unary call that is left open may keep its request, which is complete.
  const auto runs = [&] { return call.method_->unary != nullptr && call.deferred_ > 0; };
  if (!call.reader_.is_empty() && !runs()) {
    if (const absl::Status status = call.reader_.CheckKept(); !status.ok()) {
      return Fail(call, status);
    }
  }
  if (call.remote_ended && call.state_ == CallState::kReading) EndRequest(call);
}

void CallRunner::EndRequest(RpcCall& call) {
  if (RunGathered(call) == CallOutcome::kOver || call.state_ == CallState::kHeld) return;
  const bool is_unary = call.method_->unary != nullptr;
  if (is_unary && call.deferred_ > 0) return;
  if (!call.reader_.is_empty()) {
    Fail(call, absl::InternalError("the request ends within a message"));
  } else if (is_unary) {
    Fail(call, absl::InternalError("a unary call without a message"));
  } else {
    static_cast<void>(Run(call, [&] { call.streaming_->OnEnd(); }));
  }
}

CallOutcome CallRunner::RunMessages(RpcCall& call, std::string_view bytes) {
  const bool is_unary = call.method_->unary != nullptr;
  MessageReader::Pass pass(&call.reader_, bytes);
  while (true) {
    const MessageReader::Found found = pass.Look();
    if (found == MessageReader::Found::kInvalid) {
      Fail(call, pass.error());
      return CallOutcome::kOver;
    }
    if (found == MessageReader::Found::kIncomplete) break;
    if (is_unary) {
      if (!pass.is_last()) {
        Fail(call, absl::InternalError("more than one message for a unary call"));
        return CallOutcome::kOver;
      }
      // It is run when the client has ended it, so that one more message is seen.
      if (!call.remote_ended) break;
    } else {
      // What is compressed is run at once, since inflated it is not kept.
      if (pass.is_compressed() && RunGathered(call) == CallOutcome::kOver) {
        return CallOutcome::kOver;
      }
      if (call.gathered_.empty() && call.state_ == CallState::kReading && MustHold(call)) {
        Hold(call, {});
      }
    }
    if (call.state_ == CallState::kHeld) break;
    const CallOutcome outcome = pass.is_compressed()
                                    ? RunCompressed(call, pass)
                                    : RunMessage(call, pass.TakeMessage(), pass.buffer());
    if (outcome == CallOutcome::kOver) return CallOutcome::kOver;
  }
  if (pass.owns_messages() && RunGathered(call) == CallOutcome::kOver) return CallOutcome::kOver;
  pass.KeepRest();
  return CallOutcome::kOpen;
}

CallOutcome CallRunner::RunMessage(RpcCall& call, std::string_view message, std::string* buffer) {
  if (call.method_->streaming != nullptr) return Gather(call, message);
  if (IsUnread()) {
    Fail(call, UnreadStatus());
    return CallOutcome::kOver;
  }
  if (call.deadline_ <= calls_->clock()) {
    Fail(call, absl::DeadlineExceededError("the deadline has passed"));
    return CallOutcome::kOver;
  }
  buffer_ = buffer;
  const CallOutcome outcome = Run(call, [&] { call.method_->unary->Run(message, call); });
  buffer_ = nullptr;
  return outcome;
}

CallOutcome CallRunner::RunCompressed(RpcCall& call, MessageReader::Pass& pass) {
  std::unique_ptr<GzipInflater> inflater;
  switch (Inflate(call, pass.message(), inflater)) {
    case Inflation::kFailed:
      return CallOutcome::kOver;
    case Inflation::kNotYet:
      Hold(call, {});
      return CallOutcome::kOpen;
    case Inflation::kWhole:
      break;
  }
  pass.TakeMessage();
  std::string& inflated = inflater->message();
  if (RunMessage(call, inflated, &inflated) == CallOutcome::kOver) return CallOutcome::kOver;
  return RunGathered(call);
}

CallRunner::Inflation CallRunner::Inflate(RpcCall& call, std::string_view compressed,
                                          std::unique_ptr<GzipInflater>& inflater) {
  const auto failed = [&](const absl::Status& status) {
    Fail(call, status);
    return Inflation::kFailed;
  };
  if (!call.reader_.allows_gzip()) {
    return failed(absl::InternalError("a compressed message without grpc-encoding"));
  }
  if (inflating_ != 0 && inflating_ != call.id) return Inflation::kNotYet;
  inflating_ = call.id;
  const absl::Status begun = call.reader_.BeginInflation(compressed);
  if (!begun.ok()) return failed(begun);
  while (call.reader_.InflateStep(compressed)) {
    OnTime(std::chrono::steady_clock::now());
    if (IsTurnOver()) return Inflation::kNotYet;
  }
  inflater = EndInflation(call);
  if (!inflater->status().ok()) return failed(inflater->status());
  const bool goes_on = session_->CountFlood(inflater->flood_frames());
  return goes_on ? Inflation::kWhole : Inflation::kFailed;
}

std::unique_ptr<GzipInflater> CallRunner::EndInflation(RpcCall& call) {
  inflating_ = 0;
  held_.OnChange();
  return call.reader_.EndInflation();
}

CallOutcome CallRunner::Gather(RpcCall& call, std::string_view message) {
  // So many it pays to look at together.
  constexpr size_t kGatheredMax = 16;
  if (call.gathered_.empty()) gathering_.push_back(call.id);
  call.gathered_.push_back(message);
  return call.gathered_.size() < kGatheredMax ? CallOutcome::kOpen : RunGathered(call);
}

CallOutcome CallRunner::RunGathered(RpcCall& call) {
  if (call.gathered_.empty()) return CallOutcome::kOpen;
  gathered_.swap(call.gathered_);
  call.gathered_.clear();
  const auto run = [&](auto&& action) { return Run(call, action); };
  if (run([&] { call.streaming_->OnComing(gathered_); }) == CallOutcome::kOver) {
    return CallOutcome::kOver;
  }
  for (size_t i = 0; i < gathered_.size(); ++i) {
    if (MustHold(call)) {
      Hold(call, absl::MakeSpan(gathered_).subspan(i));
      break;
    }
    if (run([&] { call.streaming_->OnMessage(gathered_[i]); }) == CallOutcome::kOver) {
      return CallOutcome::kOver;
    }
  }
  return run([&] { call.streaming_->OnPause(); });
}

void CallRunner::RunAllGathered() {
  for (const uint32_t stream : gathering_) {
    if (RpcCall* const call = Find(stream); call != nullptr) static_cast<void>(RunGathered(*call));
  }
  gathering_.clear();
}

void CallRunner::Hold(RpcCall& call, absl::Span<const std::string_view> messages) {
  call.state_ = CallState::kHeld;
  call.keeps_window = true;
  if (IsTurnOver()) held_.WaitForTurn();
  held_.Add(call.id);
  if (!messages.empty()) call.reader_.PutBack(messages);
}

void CallRunner::ResumeParked() {
  for (const uint32_t stream : parked_.streams()) {
    RpcCall* call = Find(stream);
    while (call != nullptr && !MustPark(*call)) {
      const std::unique_ptr<CallCompletion> answer = parked_.TakeFirst(stream);
      if (answer == nullptr) break;
      GoOn(*call, answer.get());
      call = Find(stream);
    }
  }
}

void CallRunner::ResumeHeld() {
  if (parked_.BeginLook()) [[unlikely]]
    ResumeParked();
  if (!held_.BeginLook(IsTurnOver() || !paused_.empty())) return;
  for (const uint32_t stream : held_.streams()) {
    RpcCall* const call = Find(stream);
    if (session_->has_failed()) break;
    if (call == nullptr || call->state_ != CallState::kHeld) continue;
    if (IsTurnOver()) held_.WaitForTurn();
    if (MustHold(*call)) {
      // Others need not wait until this client reads; it is begun again then.
      if (inflating_ == stream && !IsTurnOver()) static_cast<void>(EndInflation(*call));
      continue;
    }
    held_.Remove(stream);
    call->state_ = CallState::kReading;
    if (RunMessages(*call, {}) == CallOutcome::kOpen && call->remote_ended &&
        call->state_ == CallState::kReading) {
      EndRequest(*call);
    }
    // Only now, or a client that takes one answer at a time could send a window's worth for each.
    RpcCall* const resumed = Find(stream);
    if (resumed != nullptr && resumed->state_ != CallState::kHeld) session_->ReturnWindow(*resumed);
  }
  if (session_->has_failed()) session_->Close();
}

void CallRunner::Resume(CallLetter& letter) {
  RpcCall* const call = Find(letter.stream);
  if (call == nullptr || call->state_ == CallState::kFinished || call->deferred_ == 0) return;
  const bool is_unary = call->method_->unary != nullptr;
  if (letter.completion == nullptr && is_unary) {
    Fail(*call, absl::InternalError("the call was given up by its method"));
  } else if (letter.completion != nullptr && letter.completion->waits_for_reader()) {
    if (parked_.Has(letter.stream) || MustPark(*call)) {
      return parked_.Add(letter.stream, std::move(letter.completion));
    }
    GoOn(*call, letter.completion.get());
  } else if (IsUnread()) {
    // What the operation did stands, so this is no invitation to try again.
    Fail(*call, absl::UnknownError(absl::StrCat("the operation may have been done, but ",
                                                UnreadStatus().message())));
  } else {
    GoOn(*call, letter.completion.get());
  }
}

void CallRunner::GoOn(RpcCall& call, CallCompletion* completion) {
  --call.deferred_;
  if (call.state_ == CallState::kHeld) held_.OnChange();
  if (completion != nullptr) static_cast<void>(Run(call, [&] { completion->Run(call); }));
}

void CallRunner::Pause(RpcCall& call, std::unique_ptr<CallCompletion> rest) {
  ++call.deferred_;
  turn_ends_ = calls_->clock();  // if it is not over yet, for `rest` is to be in a later one
  session_->Pause();
  paused_.push_back({.stream = call.id, .completion = std::move(rest)});
}

bool CallRunner::ResumePaused() {
  if (paused_.empty() || IsTurnOver()) return false;
  CallLetter letter = std::move(paused_.front());
  paused_.erase(paused_.begin());  // there is hardly ever a second
  RpcCall* const call = Find(letter.stream);
  if (call == nullptr || call->state_ == CallState::kFinished) return true;
  // IsUnread is not asked: the call goes on, and need not have come to an answer.
  GoOn(*call, letter.completion.get());
  return true;
}

std::string CallRunner::TakeRequest(std::string_view request, size_t bytes_before) {
  // Less is copied sooner than memory is taken for what comes next.
  constexpr size_t kCopiedBytesMax = 4096;
  if (buffer_ != nullptr && request.size() > kCopiedBytesMax) {
    const auto at = static_cast<size_t>(request.data() - buffer_->data());
    if (at >= bytes_before) {
      std::string taken = std::move(*buffer_);
      taken.resize(at + request.size());
      taken.erase(0, at - bytes_before);
      return taken;
    }
  }
  std::string copy;
  copy.reserve(bytes_before + request.size());
  return copy.append(bytes_before, '\0').append(request);
}

void CallRunner::Fail(RpcCall& call, const absl::Status& status) {
  if (RunGathered(call) == CallOutcome::kOver) return;
  // A deadline may end a call that streams at any time.
  const bool is_late = absl::IsDeadlineExceeded(status);
  const bool had_request = (call.streaming_ != nullptr && is_late) || call.deferred_ > 0;
  if (!had_request) calls_->state().metrics.CountRefused(status.code());
  if (call.streaming_ != nullptr) call.streaming_->OnFailed(status.code());
  call.Finish(status);
}

void CallRunner::Stop(RpcCall& call) {
  if (call.streaming_ != nullptr) stopped_.push_back(std::move(call.streaming_));
  if (call.state_ == CallState::kHeld) held_.Remove(call.id);
  parked_.Remove(call.id);
  if (inflating_ == call.id) static_cast<void>(EndInflation(call));
  call.attachment_.reset();
  call.reader_.Release();
}

}  // namespace larder::server
