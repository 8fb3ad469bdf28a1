#include "server/rpc/rpc_call.h"

#include <utility>

#include "server/inflight_limit.h"
#include "server/rpc/rpc_connection.h"
#include "server/rpc/status_block.h"

namespace larder::server {
namespace {

constexpr size_t kFrameBytes = http2::FrameHeader::kBytes;
constexpr size_t kKeptBodyBytesMax = 4096;

}  // namespace

void RpcCall::Reset() {
  ResetStream();
  connection_ = nullptr;
  method_ = nullptr;
  http_error_ = {};
  LeavePlaces();
  deadline_ = kNoTime;
  if (body_.capacity() > kKeptBodyBytesMax) std::string().swap(body_);
  body_.clear();
  gathered_.clear();
  is_held_ = is_gzip_ = has_head_ = is_finished_ = is_message_open_ = is_message_pending_ = false;
}

OutputBuffer& RpcCall::OpenMessage(size_t bytes) {
  is_message_open_ = true;
  is_message_pending_ = !connection_->session_.CanSend(*this, kMessagePrefixBytes + bytes);
  if (is_message_pending_) {
    mark_ = pending.Mark();
    pending.Extend(kMessagePrefixBytes);
    return pending;
  }
  OutputBuffer& output = connection_->output_;
  mark_ = output.Mark();
  if (!has_head_) connection_->session_.WriteHeaders(*this, AnswerHead());
  frame_mark_ = output.Mark();
  output.Extend(kFrameBytes + kMessagePrefixBytes);
  return output;
}

void RpcCall::CloseMessage() {
  is_message_open_ = false;
  OutputBuffer& output = connection_->output_;
  http2::Http2Session& session = connection_->session_;
  const auto write_prefix = [](char* at, size_t payload_bytes) {
    at[0] = 0;
    StoreBigEndian(payload_bytes - kMessagePrefixBytes, 4, at + 1);
  };
  if (!is_message_pending_) {
    has_head_ = true;
    const size_t payload_bytes = output.size() - frame_mark_ - kFrameBytes;
    write_prefix(output.At(frame_mark_ + kFrameBytes), payload_bytes);
    if (session.CanSend(*this, payload_bytes)) {
      session.CloseData(*this, output.At(frame_mark_), payload_bytes);
      return;
    }
    // It has become longer than it was to be.
    pending.Append(output.From(frame_mark_ + kFrameBytes));
    output.Rewind(frame_mark_);
    session.SendPending(*this, payload_bytes);
    return;
  }
  const size_t payload_bytes = pending.size() - mark_;
  write_prefix(pending.At(mark_), payload_bytes);
  if (!has_head_) session.WriteHeaders(*this, AnswerHead());
  has_head_ = true;
  session.SendPending(*this, payload_bytes);
}

void RpcCall::Finish(const absl::Status& status) {
  http2::Http2Session& session = connection_->session_;
  is_finished_ = true;
  connection_->EndStreaming(*this);
  if (is_message_open_) {
    is_message_open_ = false;
    if (is_message_pending_) {
      pending.Rewind(mark_);
    } else {
      session.Rewind(mark_);
    }
  }
  if (status.ok()) {
    if (!has_head_) session.WriteHeaders(*this, AnswerHead());
    return session.End(*this, OkTrailers());
  }
  session.End(*this, StatusBlock(status, connection_->methods_->ErrorDetails(status), !has_head_));
}

LoopTime RpcCall::received_at() const { return connection_->now_; }

void RpcCall::KeepPlace(InflightLimit* limit) {
  limit_ = limit;
  ++places_;
  // One that goes on leaves as soon as nothing waits.
  if (method_->streaming != nullptr && !is_blocked) LeavePlaces();
}

void RpcCall::LeavePlaces() {
  for (; places_ > 0; --places_) limit_->Leave();
}

}  // namespace larder::server
