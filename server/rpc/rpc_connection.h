#ifndef LARDER_SERVER_RPC_RPC_CONNECTION_H_
#define LARDER_SERVER_RPC_RPC_CONNECTION_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/channel/loop_time.h"
#include "proto/http2/output_buffer.h"
#include "server/rpc/call_mailbox.h"
#include "server/rpc/http2_session.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_call_pool.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// What a port allows. Each is a flag or follows from one.
struct RpcLimits {
  http2::SessionLimits session;
  size_t request_bytes_max = size_t{16} << 20;   // of one message
  size_t buffered_bytes_max = size_t{64} << 20;  // of a connection, for incomplete requests
  size_t unread_bytes_max = size_t{32} << 20;    // of a connection, for answers not yet sent
  size_t output_bytes_max = size_t{1} << 20;     // not taken by the socket: nothing more is read
  uint32_t deferred_max = 128;  // tickets of a streaming call: then no more of it is run
  LoopTime::duration turn =
      std::chrono::microseconds(250);  // then the other connections have theirs
};

// gRPC over one HTTP/2 connection: cuts bodies into messages, runs methods, sends answers and
// statuses. Without a socket: bytes come in by Receive and leave through output(). Not thread-safe.
class RpcConnection final : private http2::SessionListener {
 public:
  // All outlive the connection.
  RpcConnection(const RpcLimits& limits, const RpcMethods* methods, RpcCallPool* calls);
  ~RpcConnection();
  RpcConnection(const RpcConnection&) = delete;
  RpcConnection& operator=(const RpcConnection&) = delete;

  // `now`: when the bytes came, from which timeouts count. False: close the connection when the
  // output is sent.
  bool Receive(std::string_view bytes, LoopTime now);
  // Its turn was over before all that has come was run: Continue is to be called, after the others
  // had theirs, and nothing more to be read before.
  bool has_more() const { return !rest_.empty() || waits_for_turn_; }
  // As Receive, with what is left.
  bool Continue(LoopTime now);
  OutputBuffer& output() { return output_; }
  const OutputBuffer& output() const { return output_; }
  // Some of it was sent.
  void OnOutputSent();

  // As Http2Session's.
  void EnableLending() { session_.EnableLending(); }
  bool CanLend() const { return session_.CanLend(); }
  void Lend(std::vector<std::string_view>& pieces) { session_.Lend(pieces); }
  void TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes) {
    session_.TakeBack(pieces, sent_bytes);
  }

  // In the letters of its calls.
  uint64_t number() const { return number_; }
  // Goes on with calls that were deferred, as far as they are still there: one turn. `now`: when
  // the letters were taken.
  void Resume(std::vector<CallLetter> letters, LoopTime now);

  // Finishes the calls whose deadline has come.
  void ExpireCalls(LoopTime now);
  // Of a call. Infinite: there is none.
  LoopTime next_deadline() const {
    return deadlines_.empty() ? kNoTime : deadlines_.begin()->first;
  }
  // No new calls; those that stream are asked to finish.
  void Drain();
  // No new calls once the client knows; those that are open go on.
  void Retire(std::string_view why) { session_.BeginGoaway(why); }
  // The client knows that there are to be no new calls.
  bool is_retired() const { return session_.is_draining(); }
  bool is_idle() const { return session_.streams() == 0 && rest_.empty(); }
  // Tells the node's budgets what the connection holds, with `encrypted_bytes` of answers that have
  // left its output; to be called when output was sent.
  void ReportBytes(size_t encrypted_bytes = 0) {
    incomplete_share_.Report(buffered_bytes_ + rest_.size());
    unread_share_.Report(session_.pending_bytes() + output_.size() + encrypted_bytes);
  }
  // Memory that is only needed while something goes on.
  void ReleaseMemory();

  void SendPing() { session_.SendPing(); }
  // Ends calls whose answers the client has not begun to take for so long.
  void OnSecondsPassed(uint32_t seconds, absl::Duration unread_for);
  bool is_established() const { return session_.is_established(); }
  // It is to be closed when the output is sent: Receive has said so, or what was held has failed.
  bool has_failed() const { return session_.has_failed(); }
  // Why it is to be closed.
  ConnectionEnd failure() const {
    switch (session_.failure()) {
      case http2::ErrorCode::kNoError:  // it was none of HTTP/2's
        return ConnectionEnd::kClient;
      case http2::ErrorCode::kEnhanceYourCalm:
        return ConnectionEnd::kFlood;
      default:
        return ConnectionEnd::kProtocolError;
    }
  }

 private:
  friend class RpcCall;

  http2::RequestStream* NewStream() override;
  void DropStream(http2::Stream& stream) override;
  bool ReadsMetadata(std::string_view path) override;
  void OnHead(http2::Stream& stream, const RequestHead& head) override;
  void OnBody(http2::Stream& stream, std::string_view bytes) override;
  void OnUnblocked(http2::Stream& stream) override;
  void OnStreamReset(StreamReset reason) override { metrics().Count(reason); }

  // Answers a request that is not gRPC's, once it is complete or too long.
  void AnswerHttp(RpcCall& call);
  // What is wrong with a request before its body came, if anything is.
  absl::Status CheckHead(const RequestHead& head, RpcCall& call);
  const RpcMethod* FindMethod(std::string_view path);
  // Runs the messages that are whole and takes them off the bytes. False: the call is over.
  bool RunMessages(RpcCall& call, std::string_view& bytes);
  bool RunMessage(RpcCall& call, std::string_view message);
  // Gathers a message of a streaming call: those that come together are run together.
  bool Gather(RpcCall& call, std::string_view message);
  // kNotYet: the turn is over, or another call's is under way. kFailed: the call is over.
  enum class [[nodiscard]] Inflation { kWhole, kNotYet, kFailed };
  // Goes on with a compressed message, for the call's inflater_.
  Inflation Inflate(RpcCall& call, std::string_view message);
  void EndInflation();
  // Runs what was kept of them, as far as it is whole. False: the call is over.
  bool RunKept(RpcCall& call);
  // A turn lasts from when bytes are taken until the clock was seen to be so much later.
  void BeginTurn(LoopTime now);
  void OnTime(LoopTime now) {
    calls_->AdvanceClock(now);
    if (IsTurnOver()) session_.Pause();
  }
  bool IsTurnOver() const { return calls_->clock() >= turn_ends_; }
  // Runs what these bytes bring; what is left of them when the turn is over becomes `rest_`.
  bool Take(std::string_view bytes);
  // Whether no more messages are to be run now: the turn is over, the client does not read, or too
  // much is open.
  bool MustHold(const RpcCall& call) const {
    return IsTurnOver() || (call.is_blocked && !session_.IsAboutToBeLent(call)) || IsUnread() ||
           call.deferred_ >= limits_.deferred_max;
  }
  // Whether as many answers wait to be read, here or on the node, as may.
  bool IsUnread() const {
    return is_node_unread_ || session_.pending_bytes() > limits_.unread_bytes_max;
  }
  // Runs the messages of a streaming call that are gathered, or holds them. False: the call is
  // over.
  bool RunGathered(RpcCall& call);
  // The same for all calls.
  void RunAllGathered();
  // Keeps these messages, and those that come behind them, until MustHold says no.
  void Hold(RpcCall& call, absl::Span<const std::string_view> messages);
  // Once for all that comes at a time, so that a small call does not pay for it.
  void LookAtNode() { is_node_unread_ = unread_budget().IsFull(session_.pending_bytes()); }
  // Whether incomplete requests have too many bytes, here or on the node.
  absl::Status CheckBuffered() const;
  // Why a unary call cannot be run, since answers are not read.
  absl::Status UnreadStatus() const;
  const ByteBudget& unread_budget() const { return calls_->state().unread; }
  void Resume(CallLetter& letter);
  // Goes on with calls that are held and need not be any more.
  void ResumeHeld();
  // The client has sent all.
  void EndRequest(RpcCall& call);
  void Keep(RpcCall& call, std::string_view bytes);
  // Runs something of the call. False: the call is over.
  template <typename Action>
  bool RunFor(RpcCall& call, Action&& action);
  TransportMetrics& metrics() { return calls_->state().metrics; }
  // Finishes a call that its method has not seen, or only a part of; returns false.
  bool Fail(RpcCall& call, const absl::Status& status);
  // Nothing of the call is run from now on, what it holds included. Its streaming_ is destroyed
  // when it has returned.
  void StopRunning(RpcCall& call);

  const RpcLimits& limits_;
  const RpcMethods* const methods_;
  RpcCallPool* const calls_;
  const uint64_t number_;
  OutputBuffer output_;
  LoopTime now_{};  // when what runs came
  LoopTime turn_ends_{};
  uint32_t inflating_ = 0;       // the call whose message is, one at a time
  size_t inflating_bytes_ = 0;   // of buffered_bytes_: what it will take
  std::string rest_;             // what has come, at `now_` or later, and was not looked at
  bool waits_for_turn_ = false;  // calls are held that go on with the next turn
  size_t buffered_bytes_ = 0;    // of all bodies
  ByteShare incomplete_share_;
  ByteShare unread_share_;
  bool is_node_unread_ = false;  // the answers of all connections are as many as may wait
  // The path that was looked up last.
  std::string last_path_;
  const RpcMethod* last_method_ = nullptr;
  absl::btree_set<std::pair<LoopTime, uint32_t>> deadlines_;  // of calls that took a while
  std::vector<uint32_t> fresh_;         // calls with a deadline that came with the last bytes
  absl::flat_hash_set<uint32_t> held_;  // streams with messages that wait until the client reads
  std::vector<uint32_t> gathering_;     // streams with messages that are gathered
  std::vector<std::string_view> gathered_;  // those that are being run
  bool may_resume_ = false;                 // something has changed for them
  uint32_t running_ = 0;                    // the stream whose method runs now; 0 once it is over
  // Streaming calls that are over, and may be running.
  std::vector<std::unique_ptr<StreamingCall>> ended_;
  bool is_draining_ = false;
  http2::Http2Session session_;  // destroyed first: it drops its streams
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_RPC_CONNECTION_H_
