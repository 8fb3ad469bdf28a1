#include "server/rpc/rpc_call.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/http2/status_block.h"
#include "server/rpc/answer_writer.h"
#include "server/rpc/rpc_connection.h"
#include "server/transport/inflight_limit.h"

namespace larder::server {

void RpcCall::Reset() {
  ResetStream();
  connection_ = nullptr;
  method_ = nullptr;
  LeavePlaces();
  deadline_ = kNoTime;
  state_ = CallState::kReading;
  reader_.Release();
  gathered_.clear();
  deferred_ = 0;
  metadata_.reset();
  has_head_ = false;
}

void RpcCall::SendMessage(std::string_view message) {
  AnswerWriter writer(this);
  writer.Open(message.size()).Append(message);
  writer.Close();
}

CallTicket RpcCall::Defer() {
  ++deferred_;
  return CallTicket(connection_->calls_->mailbox(), connection_->number_, id);
}

void RpcCall::Pause(std::unique_ptr<CallCompletion> rest) {
  connection_->runner_.Pause(*this, std::move(rest));
}

bool RpcCall::IsTurnOver() {
  TellTime(std::chrono::steady_clock::now());
  return connection_->runner_.IsTurnOver();
}

std::string RpcCall::TakeRequest(std::string_view request, size_t bytes_before) {
  return connection_->runner_.TakeRequest(request, bytes_before);
}

std::string_view RpcCall::KeepRequest(std::string_view request) {
  return connection_->runner_.KeepRequest(*this, request);
}

void RpcCall::Finish(const absl::Status& status) {
  http2::Http2Session& session = connection_->session_;
  connection_->runner_.Stop(*this);
  state_ = CallState::kFinished;
  if (open_message_ != nullptr) open_message_->Discard();
  if (!has_head_ && (status.ok() || HasInitialMetadata())) SendHead();
  if (status.ok() && metadata_ == nullptr) return session.End(*this, OkTrailers());
  std::string block =
      status.ok() ? std::string(OkTrailers())
                  : StatusBlock(status, connection_->methods_->ErrorDetails(status), !has_head_);
  if (metadata_ != nullptr) block += metadata_->trailing.block();
  session.End(*this, block);
}

const Metadata& RpcCall::metadata() const {
  static const Metadata& none = *new Metadata;
  return metadata_ == nullptr ? none : metadata_->received;
}

absl::Status RpcCall::AddInitialMetadata(std::string_view name, std::string_view value) {
  if (has_head_ || open_message_ != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "metadata ", std::string(name), ": what comes before the messages is sent already"));
  }
  return NeedMetadata().initial.Add(name, value);
}

absl::Status RpcCall::AddTrailingMetadata(std::string_view name, std::string_view value) {
  return NeedMetadata().trailing.Add(name, value);
}

void RpcCall::SendHead() {
  WriteHead();
  has_head_ = true;
}

RpcCall::CallMetadata& RpcCall::NeedMetadata() {
  if (metadata_ == nullptr) metadata_ = std::make_unique<CallMetadata>();
  return *metadata_;
}

absl::Status RpcCall::TakeMetadata(const RequestHead& head) {
  for (const auto& [name, value] : head.metadata()) {
    const absl::Status status = NeedMetadata().received.Add(name, value);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

bool RpcCall::HasInitialMetadata() const {
  return metadata_ != nullptr && !metadata_->initial.block().empty();
}

void RpcCall::WriteHead() {
  http2::Http2Session& session = connection_->session_;
  if (!HasInitialMetadata()) return session.WriteHeaders(*this, AnswerHead());
  session.WriteHeaders(*this, absl::StrCat(std::string(AnswerHead()), metadata_->initial.block()));
}

std::string RpcCall::DescribePeer() const {
  return connection_->describe_peer_ ? connection_->describe_peer_() : "nobody known";
}

LoopTime RpcCall::received_at() const { return connection_->now_; }

void RpcCall::TellTime(LoopTime now) { connection_->runner_.OnTime(now); }

void RpcCall::KeepPlace(InflightLimit* limit) {
  if (places_ > 0 && limit != limit_) return limit->Leave();
  limit_ = limit;
  ++places_;
  // One that goes on leaves as soon as nothing waits.
  if (method_->streaming != nullptr && !is_blocked) LeavePlaces();
}

void RpcCall::LeavePlaces() {
  for (; places_ > 0; --places_) limit_->Leave();
}

}  // namespace larder::server
