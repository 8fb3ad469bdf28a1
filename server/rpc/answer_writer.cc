#include "server/rpc/answer_writer.h"

#include <utility>

#include "server/rpc/message_prefix.h"
#include "server/rpc/rpc_connection.h"

namespace larder::server {
namespace {

constexpr size_t kFrameBytes = http2::FrameHeader::kBytes;

// Writes the prefix of an uncompressed message.
void WritePrefix(char* at, size_t payload_bytes) {
  MessagePrefix{0, static_cast<uint32_t>(payload_bytes - kMessagePrefixBytes)}.Write(at);
}

}  // namespace

OutputBuffer& AnswerWriter::Open(size_t bytes) {
  call_->open_message_ = this;
  RpcConnection& connection = *call_->connection_;
  OutputBuffer& output = connection.output_;
  if (!connection.session_.CanSend(*call_, kMessagePrefixBytes + bytes, output.size())) {
    place_ = Place::kPending;
    mark_ = call_->pending.Mark();
    call_->pending.Extend(kMessagePrefixBytes);
    return call_->pending;
  }
  place_ = Place::kOutput;
  mark_ = output.Mark();
  if (!call_->has_head_) call_->WriteHead();
  frame_mark_ = output.Mark();
  output.Extend(kFrameBytes + kMessagePrefixBytes);
  return output;
}

void AnswerWriter::Close() {
  call_->open_message_ = nullptr;
  if (std::exchange(place_, Place::kNone) == Place::kPending) return ClosePending();
  OutputBuffer& output = call_->connection_->output_;
  http2::Http2Session& session = call_->connection_->session_;
  call_->has_head_ = true;
  const size_t payload_bytes = output.size() - frame_mark_ - kFrameBytes;
  WritePrefix(output.At(frame_mark_ + kFrameBytes), payload_bytes);
  if (session.CanSend(*call_, payload_bytes, frame_mark_)) {
    return session.CloseData(*call_, frame_mark_, payload_bytes);
  }
  // It has become longer than it was to be.
  call_->pending.Append(output.From(frame_mark_ + kFrameBytes));
  output.Rewind(frame_mark_);
  session.SendPending(*call_, payload_bytes);
}

void AnswerWriter::ClosePending() {
  const size_t payload_bytes = call_->pending.size() - mark_;
  WritePrefix(call_->pending.At(mark_), payload_bytes);
  if (!call_->has_head_) call_->SendHead();
  call_->connection_->session_.SendPending(*call_, payload_bytes);
}

void AnswerWriter::Discard() {
  call_->open_message_ = nullptr;
  if (std::exchange(place_, Place::kNone) == Place::kOutput) {
    call_->connection_->session_.Rewind(mark_);
  } else {
    call_->pending.Rewind(mark_);
  }
}

std::string AnswerWriter::TakeBack() {
  std::string written(place_ == Place::kOutput
                          ? call_->connection_->output_.From(frame_mark_ + kFrameBytes)
                          : call_->pending.From(mark_));
  Discard();
  return written.erase(0, kMessagePrefixBytes);
}

}  // namespace larder::server
