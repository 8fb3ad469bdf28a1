#ifndef LARDER_SERVER_RPC_CALL_RUNNER_H_
#define LARDER_SERVER_RPC_CALL_RUNNER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "client/channel/loop_time.h"
#include "server/rpc/call_mailbox.h"
#include "server/rpc/call_state.h"
#include "server/rpc/gzip_inflater.h"
#include "server/rpc/held_calls.h"
#include "server/rpc/http2_session.h"
#include "server/rpc/message_reader.h"
#include "server/rpc/parked_answers.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_call_pool.h"
#include "server/rpc/rpc_limits.h"
#include "server/rpc/unread_answers.h"

namespace larder::server {

// Runs the methods of one connection's calls on the messages that come, for a turn at a time. Those
// of a stream that come together are gathered and run together; those that must not be run yet are
// held, in order. Not thread-safe.
class CallRunner {
 public:
  // All outlive the runner.
  CallRunner(const RpcLimits& limits, RpcCallPool* calls, http2::Http2Session* session);

  // A turn lasts from when bytes are taken until the clock was seen to be so much later.
  void BeginTurn(LoopTime now);
  // Lets go on what waits for this turn.
  void OnNextTurn() { held_.OnTurn(); }
  // Ends the turn if this is late enough.
  void OnTime(LoopTime now) {
    calls_->AdvanceClock(now);
    if (IsTurnOver()) session_->Pause();
  }
  bool IsTurnOver() const { return calls_->clock() >= turn_ends_; }
  // Calls are held or paused that go on with the next turn.
  bool waits_for_turn() const { return held_.waits_for_turn() || !paused_.empty(); }

  // Opens a streaming call.
  CallOutcome Open(RpcCall& call);
  // Runs what is whole of a body with these bytes, and keeps the rest. They are borrowed until
  // RunAllGathered.
  void OnBody(RpcCall& call, std::string_view bytes);
  // Tells the method that the client has sent all, once all of it was run.
  void EndRequest(RpcCall& call);
  // Runs the messages that are gathered.
  void RunAllGathered();
  // Goes on with a call that was deferred.
  void Resume(CallLetter& letter);
  // Leaves the call open until `rest` is run, in a later turn and before any other call.
  void Pause(RpcCall& call, std::unique_ptr<CallCompletion> rest);
  // Goes on with the call that was paused first, if the turn is not over. False: there is none.
  bool ResumePaused();
  // What calls that are paused hold, beside what their readers keep.
  size_t paused_bytes() const {
    size_t bytes = 0;
    for (const CallLetter& letter : paused_) bytes += letter.completion->bytes_held();
    return bytes;
  }
  // Keeps the message that runs, as long as its unary call is open.
  std::string_view KeepRequest(RpcCall& call, std::string_view request) {
    return call.reader_.KeepTaken(request, buffer_);
  }
  // What RpcCall::TakeRequest says, of the message that runs.
  std::string TakeRequest(std::string_view request, size_t bytes_before);
  // Asks a streaming call to finish.
  CallOutcome Drain(RpcCall& call);
  // Finishes a call that its method has not seen, or only a part of.
  void Fail(RpcCall& call, const absl::Status& status);
  // Stops running the call, what it holds included. Its StreamingCall may be what runs, and is
  // destroyed by DestroyStopped.
  void Stop(RpcCall& call);
  void DestroyStopped() { stopped_.clear(); }
  // The stream of the call is over.
  void OnDrop(RpcCall& call) {
    if (running_ == call.id) running_ = 0;
    if (call.state_ != CallState::kFinished) Stop(call);  // else nothing runs
    OnChange();
  }

  // Something has changed that calls may have waited for.
  void OnChange() {
    held_.OnChange();
    parked_.OnChange();
  }
  // Goes on with answers that are parked, and calls that are held, and need not be any more.
  void ResumeHeld();

  UnreadAnswers& unread() { return unread_; }
  // Looks once whether answers of all connections leave room for more.
  void LookAtNode() { unread_.LookAtNode(session_->pending_bytes()); }

 private:
  enum class [[nodiscard]] Inflation : uint8_t {
    kWhole,
    kNotYet,  // the turn is over, or another call's message is being inflated
    kFailed,  // the call is over, or its connection has failed
  };

  RpcCall* Find(uint32_t stream) { return static_cast<RpcCall*>(session_->Find(stream)); }
  bool IsUnread() const { return unread_.IsFull(session_->pending_bytes()); }
  absl::Status UnreadStatus() const { return unread_.FullStatus(session_->pending_bytes()); }
  // Whether the client does not read.
  bool MustPark(const RpcCall& call) const {
    return (call.is_blocked && !session_->IsAboutToBeLent(call)) || IsUnread();
  }
  // Whether no more messages are to be run now: the turn is over, the client does not read, or too
  // much is open.
  bool MustHold(const RpcCall& call) const {
    return IsTurnOver() || MustPark(call) || call.deferred_ >= limits_.deferred_max;
  }

  // Runs something of the call's method.
  template <typename Action>
  CallOutcome Run(RpcCall& call, Action&& action) {
    const uint32_t stream = call.id;
    running_ = stream;
    action();
    const bool was_dropped = std::exchange(running_, 0) != stream;
    return was_dropped || call.state_ == CallState::kFinished ? CallOutcome::kOver
                                                              : CallOutcome::kOpen;
  }
  // Takes a deferral back, and runs what goes on with the call; nullptr: nothing does.
  void GoOn(RpcCall& call, CallCompletion* completion);
  void ResumeParked();
  // Runs the messages that are whole, as far as they may be, and keeps the rest.
  CallOutcome RunMessages(RpcCall& call, std::string_view bytes);
  // `buffer`: what the message lies in; nullptr: it is borrowed.
  CallOutcome RunMessage(RpcCall& call, std::string_view message, std::string* buffer);
  // Runs the message at the front when it is inflated, or holds it.
  CallOutcome RunCompressed(RpcCall& call, MessageReader::Pass& pass);
  Inflation Inflate(RpcCall& call, std::string_view compressed,
                    std::unique_ptr<GzipInflater>& inflater);
  std::unique_ptr<GzipInflater> EndInflation(RpcCall& call);
  // Adds a message of a streaming call to those that are run together.
  CallOutcome Gather(RpcCall& call, std::string_view message);
  // Runs the gathered messages of a call, or holds them.
  CallOutcome RunGathered(RpcCall& call);
  // Puts these messages before what the call keeps, of which none is run until MustHold says no.
  void Hold(RpcCall& call, absl::Span<const std::string_view> messages);

  const RpcLimits& limits_;
  RpcCallPool* const calls_;
  http2::Http2Session* const session_;
  UnreadAnswers unread_;
  LoopTime turn_ends_{};
  uint32_t running_ = 0;    // the stream whose method runs now; 0 once it is dropped
  uint32_t inflating_ = 0;  // the stream whose message is, one at a time
  HeldCalls held_;
  ParkedAnswers parked_;
  std::vector<CallLetter> paused_;          // to themselves, from calls that were paused
  std::string* buffer_ = nullptr;           // what the unary call's message lies in that runs
  std::vector<uint32_t> gathering_;         // streams with messages that are gathered
  std::vector<std::string_view> gathered_;  // those that are being run
  std::vector<std::unique_ptr<StreamingCall>> stopped_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_CALL_RUNNER_H_
