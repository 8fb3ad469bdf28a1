#ifndef LARDER_SERVER_RPC_RPC_CONNECTION_H_
#define LARDER_SERVER_RPC_RPC_CONNECTION_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/channel/loop_time.h"
#include "proto/http2/output_buffer.h"
#include "server/rpc/call_deadlines.h"
#include "server/rpc/call_mailbox.h"
#include "server/rpc/call_runner.h"
#include "server/rpc/http2_session.h"
#include "server/rpc/incomplete_bytes.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/rpc_call_pool.h"
#include "server/rpc/rpc_limits.h"
#include "server/rpc/rpc_method.h"

namespace larder::server {

// gRPC over one HTTP/2 connection: its streams are calls, which end by their methods, their clients
// or their deadlines. Without a socket: bytes come in by Receive and leave through output(). Not
// thread-safe.
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
  bool has_more() const { return !rest_.empty() || runner_.waits_for_turn(); }
  // Takes what is left, as Receive does.
  bool Continue(LoopTime now);
  OutputBuffer& output() { return output_; }
  const OutputBuffer& output() const { return output_; }
  // Some of the output was sent.
  void OnOutputSent();

  // Http2Session's own, of the same names.
  void EnableLending() { session_.EnableLending(); }
  bool CanLend() const { return session_.CanLend(); }
  void Lend(std::vector<std::string_view>& pieces) { session_.Lend(pieces); }
  void TakeBack(absl::Span<const std::string_view> pieces, size_t sent_bytes) {
    session_.TakeBack(pieces, sent_bytes);
  }

  // What DescribePeer of its calls is made by.
  void SetPeer(std::function<std::string()> describe) { describe_peer_ = std::move(describe); }

  // Which its calls' letters are for.
  uint64_t number() const { return number_; }
  // Goes on with calls that were deferred, as far as they are still there: one turn. `now`: when
  // the letters were taken.
  void Resume(std::vector<CallLetter> letters, LoopTime now);

  // Finishes the calls whose deadline has come.
  void ExpireCalls(LoopTime now);
  // The first deadline of a call. Infinite: there is none.
  LoopTime next_deadline() const { return deadlines_.next(); }
  // No new calls; those that stream are asked to finish.
  void Drain();
  // No new calls once the client knows; those that are open go on.
  void Retire(std::string_view why) { session_.BeginGoaway(why); }
  // The client knows that there are to be no new calls.
  bool is_retired() const { return session_.is_draining(); }
  bool is_idle() const { return session_.streams() == 0 && rest_.empty(); }
  // Tells the node's budgets what the connection holds, with `encrypted_bytes` of answers that have
  // left its output; to be called when output was sent.
  void ReportBytes(size_t encrypted_bytes = 0, LoopTime now = {}) {
    incomplete_.Report(rest_.size() + session_.header_block_bytes(), now);
    runner_.unread().Report(
        session_.pending_bytes() + runner_.paused_bytes() + output_.size() + encrypted_bytes, now);
  }
  // What ReportBytes has told.
  ByteShare& incomplete_share() { return incomplete_.share(); }
  ByteShare& unread_share() { return runner_.unread().share(); }
  // Gives back memory that is only needed while something goes on.
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
  friend class AnswerWriter;
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
  // Runs what these bytes bring; what is left of them when the turn is over becomes `rest_`.
  bool Take(std::string_view bytes);
  // False: a large header block is incomplete, the node keeps too much, and the session has failed.
  bool CheckHeaderBlock();
  RpcCall* Find(uint32_t stream) { return static_cast<RpcCall*>(session_.Find(stream)); }
  TransportMetrics& metrics() { return calls_->state().metrics; }

  const RpcLimits& limits_;
  const RpcMethods* const methods_;
  RpcCallPool* const calls_;
  const uint64_t number_;
  std::function<std::string()> describe_peer_;
  OutputBuffer output_;
  LoopTime now_{};    // when what runs came
  std::string rest_;  // what has come, at `now_` or later, and was not looked at
  IncompleteBytes incomplete_;
  CallDeadlines deadlines_;
  // The path that was looked up last.
  std::string last_path_;
  const RpcMethod* last_method_ = nullptr;
  bool is_draining_ = false;
  CallRunner runner_;
  http2::Http2Session session_;  // destroyed first: it drops its streams
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_RPC_CONNECTION_H_
