#include "server/rpc/rpc_connection.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/http2/status_block.h"
#include "server/rpc/quoted.h"
#include "server/transport/freed_memory.h"
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
      incomplete_(limits.buffered_bytes_max, &calls->state().incomplete),
      runner_(limits, calls, &session_),
      session_(limits.session, this, &output_) {}

RpcConnection::~RpcConnection() = default;

http2::RequestStream* RpcConnection::NewStream() {
  RpcCall* const call = calls_->Take();
  call->connection_ = this;
  call->reader_.Begin(&incomplete_, limits_.request_bytes_max);
  return call;
}

void RpcConnection::DropStream(http2::Stream& stream) {
  auto& call = static_cast<RpcCall&>(stream);
  runner_.OnDrop(call);
  if (call.deadline_ != kNoTime) deadlines_.Remove(call.id, call.deadline_);
  GiveBackPages(call.pending.unsent());
  call.Reset();
  calls_->Give(&call);
}

bool RpcConnection::Receive(std::string_view bytes, LoopTime now) {
  if (has_more()) {
    rest_.append(bytes);
    return true;
  }
  now_ = now;
  runner_.BeginTurn(now);
  return Take(bytes);
}

bool RpcConnection::Continue(LoopTime now) {
  runner_.BeginTurn(now);
  runner_.OnNextTurn();
  // A call that is late is not gone on with.
  do {
    ExpireCalls(calls_->clock());
  } while (runner_.ResumePaused());
  if (runner_.IsTurnOver()) {
    runner_.ResumeHeld();  // which notes that they wait
    runner_.DestroyStopped();
    return !session_.has_failed();
  }
  const std::string bytes = std::exchange(rest_, {});
  return Take(bytes);
}

bool RpcConnection::Take(std::string_view bytes) {
  const bool goes_on = session_.Receive(bytes) && CheckHeaderBlock();
  if (goes_on) {
    runner_.RunAllGathered();
  } else {
    session_.Close();  // with what is gathered, which borrows from `bytes`
  }
  deadlines_.SortIn([&](uint32_t stream) { return Find(stream) != nullptr; });
  if (goes_on) {
    if (!session_.unread().empty()) rest_ = session_.unread();
    runner_.ResumeHeld();
  }
  runner_.DestroyStopped();
  return !session_.has_failed();
}

bool RpcConnection::CheckHeaderBlock() {
  // A smaller one is kept in any case, like what other frames begin with.
  const size_t bytes = session_.header_block_bytes();
  if (bytes <= limits_.session.header_bytes_max) return true;
  const absl::Status status = incomplete_.Check(bytes);
  return status.ok() || session_.FailOverloaded(std::string(status.message()));
}

void RpcConnection::Resume(std::vector<CallLetter> letters, LoopTime now) {
  runner_.BeginTurn(now);
  for (CallLetter& letter : letters) runner_.Resume(letter);
  runner_.ResumeHeld();
  runner_.DestroyStopped();
}

void RpcConnection::OnOutputSent() {
  runner_.LookAtNode();
  session_.OnOutputSent();
  runner_.ResumeHeld();
  runner_.DestroyStopped();
}

void RpcConnection::OnSecondsPassed(uint32_t seconds, absl::Duration unread_for) {
  session_.OnSecondsPassed(seconds, static_cast<uint32_t>(absl::ToInt64Seconds(unread_for)));
  // Other connections may have made room, of which this one is not told.
  runner_.LookAtNode();
  runner_.OnChange();
  if (session_.is_established()) runner_.ResumeHeld();
  runner_.DestroyStopped();
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
  call.state_ = CallState::kFinished;
  session_.WriteHeaders(call, HttpStatusBlock(call.http_status_));
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
  call.routing_ = head.routing();
  call.is_forwarded_ = head.is_forwarded();
  call.is_from_node_ = head.IsFromNode(limits_.forwarded_proof);
  if (!head.encoding().empty()) call.reader_.AllowGzip();
  if (head.timeout().has_value()) {
    call.deadline_ = After(now_, *head.timeout());
    if (call.deadline_ != kNoTime) deadlines_.Add(call.id, call.deadline_);
  }
  if (!head.metadata().empty()) return call.TakeMetadata(head);
  return absl::OkStatus();
}

void RpcConnection::OnHead(http2::Stream& stream, const RequestHead& head) {
  auto& call = static_cast<RpcCall&>(stream);
  if (!head.is_too_large() && (head.http_method() != "POST" || !head.is_grpc())) {
    call.state_ = CallState::kNotGrpc;
    call.http_status_ = head.is_grpc() ? "405" : "415";
    call.keeps_window = true;
    return AnswerHttp(call);
  }
  if (const absl::Status status = CheckHead(head, call); !status.ok()) {
    return runner_.Fail(call, status);
  }
  if (call.method_->streaming != nullptr) {
    if (runner_.Open(call) == CallOutcome::kOver) return;
    if (is_draining_ && runner_.Drain(call) == CallOutcome::kOver) return;
  }
  if (call.remote_ended) runner_.EndRequest(call);
}

void RpcConnection::OnBody(http2::Stream& stream, std::string_view bytes) {
  auto& call = static_cast<RpcCall&>(stream);
  if (call.state_ == CallState::kFinished) return;
  if (call.state_ == CallState::kNotGrpc) return AnswerHttp(call);
  runner_.OnBody(call, bytes);
}

void RpcConnection::OnUnblocked(http2::Stream& stream) {
  static_cast<RpcCall&>(stream).LeavePlaces();
  runner_.OnChange();
}

void RpcConnection::ExpireCalls(LoopTime now) {
  while (const std::optional<uint32_t> stream = deadlines_.TakeExpired(now)) {
    RpcCall* const call = Find(*stream);
    if (call == nullptr) continue;
    if (!call->pending.empty()) {
      metrics().Count(StreamReset::kDeadline);
      if (call->streaming_ != nullptr) {
        call->streaming_->OnFailed(absl::StatusCode::kDeadlineExceeded);
      }
      session_.Reset(*call, http2::ErrorCode::kCancel);  // nobody waits for the rest
    } else {
      runner_.Fail(*call, absl::DeadlineExceededError("the deadline has passed"));
    }
  }
  runner_.DestroyStopped();
}

void RpcConnection::Drain() {
  is_draining_ = true;
  session_.SendGoaway(kShuttingDown);
  for (const uint32_t stream : session_.StreamIds()) {
    RpcCall* const call = Find(stream);
    if (call == nullptr || call->streaming_ == nullptr) continue;
    static_cast<void>(runner_.Drain(*call));
  }
  runner_.DestroyStopped();
}

void RpcConnection::ReleaseMemory() {
  session_.ReleaseMemory();
  if (output_.empty()) output_.Release();
}

}  // namespace larder::server
