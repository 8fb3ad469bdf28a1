#include "client/channel/deadline_wheel.h"

#include <algorithm>
#include <bit>
#include <chrono>

namespace larder {

uint64_t DeadlineWheel::TickOf(LoopTime time) const {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time - begin_).count();
  return ms < 0 ? 0 : static_cast<uint64_t>(ms);
}

void DeadlineWheel::Add(ChannelCall& call) {
  if (call.deadline == kNoTime) return;
  const size_t bucket = std::max(TickOf(call.deadline), tick_) % kBuckets;
  ChannelCall*& first = buckets_[bucket];
  call.wheel_bucket_ = static_cast<int32_t>(bucket);
  call.wheel_before_ = nullptr;
  call.wheel_after_ = first;
  if (first != nullptr) first->wheel_before_ = &call;
  first = &call;
  SetBit(bucket);
}

void DeadlineWheel::Remove(ChannelCall& call) {
  if (call.wheel_bucket_ < 0) return;
  const auto bucket = static_cast<size_t>(call.wheel_bucket_);
  (call.wheel_before_ == nullptr ? buckets_[bucket] : call.wheel_before_->wheel_after_) =
      call.wheel_after_;
  if (call.wheel_after_ != nullptr) call.wheel_after_->wheel_before_ = call.wheel_before_;
  if (buckets_[bucket] == nullptr) ClearBit(bucket);
  call.wheel_bucket_ = -1;
}

size_t DeadlineWheel::DistanceToCall(uint64_t tick) const {
  const size_t begin = tick % kBuckets;
  const size_t words = bits_.size();
  for (size_t i = 0; i <= words; ++i) {
    const size_t word = (begin / kWordBits + i) % words;
    uint64_t bits = bits_[word];
    // The word in which the search begins has its turn twice: first the upper part, and in the end
    // the lower one.
    const uint64_t lower = (uint64_t{1} << begin % kWordBits) - 1;
    if (i == 0) bits &= ~lower;
    if (i == words) bits &= lower;
    if (bits == 0) continue;
    const size_t bucket = word * kWordBits + static_cast<size_t>(std::countr_zero(bits));
    return (bucket + kBuckets - begin) % kBuckets;
  }
  return kBuckets;
}

void DeadlineWheel::TakeExpired(LoopTime now, std::vector<ChannelCall*>& expired) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now - begin_).count();
  const uint64_t end = ms < 0 ? 0 : static_cast<uint64_t>(ms) + 1;
  // After a long time each bucket is to be searched once.
  if (end > tick_ + kBuckets) tick_ = end - kBuckets;
  while (tick_ < end) {
    const size_t distance = DistanceToCall(tick_);
    tick_ = std::min(tick_ + distance, end);
    if (tick_ == end) return;
    for (ChannelCall* call = buckets_[tick_ % kBuckets]; call != nullptr;) {
      ChannelCall* const after = call->wheel_after_;
      if (call->deadline <= now) {
        Remove(*call);
        expired.push_back(call);
      }
      call = after;
    }
    ++tick_;
  }
}

LoopTime DeadlineWheel::NextLook() const {
  const size_t distance = DistanceToCall(tick_);
  if (distance == kBuckets) return kNoTime;
  return begin_ + std::chrono::milliseconds(tick_ + distance);
}

}  // namespace larder
