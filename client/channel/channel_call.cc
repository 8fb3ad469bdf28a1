#include "client/channel/channel_call.h"

#include <utility>

#include "proto/wire/big_endian.h"

namespace larder {

char* ChannelCall::ResizeRequest(size_t message_bytes) {
  request_.resize(kPrefixBytes + message_bytes);
  WritePrefix();
  return request_.data() + kPrefixBytes;
}

void ChannelCall::AdoptRequest(std::string prefixed) {
  request_ = std::move(prefixed);
  WritePrefix();
}

void ChannelCall::WritePrefix() {
  request_[0] = 0;  // not compressed
  StoreBigEndian(request_.size() - kPrefixBytes, 4, request_.data() + 1);
}

void ChannelCall::BeginAttempt() {
  status = {};
  response.clear();
  answer_prefix_bytes_ = 0;
  answer_bytes_ = 0;
  connection_ = nullptr;
  is_refused_ = false;
  fate_ = CallFate::kNotSent;
}

void CallQueue::Push(ChannelCall& call) {
  call.is_queued_for_connection_ = true;
  call.queue_before_ = last_;
  call.queue_after_ = nullptr;
  (last_ == nullptr ? first_ : last_->queue_after_) = &call;
  last_ = &call;
}

ChannelCall& CallQueue::Pop() {
  ChannelCall& call = *first_;
  Remove(call);
  return call;
}

void CallQueue::Remove(ChannelCall& call) {
  (call.queue_before_ == nullptr ? first_ : call.queue_before_->queue_after_) = call.queue_after_;
  (call.queue_after_ == nullptr ? last_ : call.queue_after_->queue_before_) = call.queue_before_;
  call.is_queued_for_connection_ = false;
}

}  // namespace larder
