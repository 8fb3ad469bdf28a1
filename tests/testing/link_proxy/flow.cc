#include "tests/testing/link_proxy/flow.h"

#include <algorithm>
#include <utility>

namespace larder::link_proxy {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// With a bandwidth bytes travel in pieces of what goes in a hundredth of a second.
constexpr uint64_t kPiecesPerSecond = 100;

}  // namespace

uint64_t Flow::Passed() const {
  switch (fault_.unit) {
    case LinkFault::Unit::kNow:
      return fires_at_;
    case LinkFault::Unit::kBytes:
      return passed_.bytes();
    case LinkFault::Unit::kFrames:
      return passed_.frames();
    case LinkFault::Unit::kMessages:
      return passed_.messages();
  }
  return 0;
}

void Flow::Arm(const LinkFault& fault) {
  fault_ = fault;
  fires_at_ = 0;
  fires_at_ = Passed() + fault.after;
  if (IsReached()) fired_ = fault_.kind;
}

void Flow::Heal(int64_t now) {
  fault_ = {};
  fired_ = LinkFault::Kind::kNone;
  Push(std::exchange(held_, {}), now);
}

void Flow::Push(std::string_view bytes, int64_t now) {
  while (!bytes.empty() && fired_ == LinkFault::Kind::kNone) {
    std::string_view part = bytes;
    if (fault_.kind != LinkFault::Kind::kNone && fault_.unit == LinkFault::Unit::kBytes) {
      part = part.substr(0, fires_at_ - passed_.bytes());
    }
    part = part.substr(0, passed_.Advance(part));
    Enqueue(part, now);
    bytes.remove_prefix(part.size());
    if (IsReached()) fired_ = fault_.kind;
  }
  if (is_stalled()) held_.append(bytes);
}

void Flow::Enqueue(std::string_view bytes, int64_t now) {
  const size_t piece_bytes = rule_.bytes_per_second == 0
                                 ? bytes.size()
                                 : std::max<uint64_t>(1, rule_.bytes_per_second / kPiecesPerSecond);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece_bytes, bytes.size()))) {
    const std::string_view piece = bytes.substr(0, piece_bytes);
    int64_t due = now;
    if (rule_.bytes_per_second != 0) {
      free_at_ = std::max(free_at_, now) + static_cast<int64_t>(piece.size()) *
                                               kNanosecondsPerSecond /
                                               static_cast<int64_t>(rule_.bytes_per_second);
      due = free_at_;
    }
    due += rule_.delay_ns;
    // A rule that changes puts nothing out of order.
    if (!waiting_.empty()) due = std::max(due, waiting_.back().due);
    waiting_.push_back({due, std::string(piece)});
    waiting_bytes_ += piece.size();
  }
}

std::string_view Flow::Due(int64_t now) const {
  if (waiting_.empty() || waiting_.front().due > now) return {};
  return std::string_view(waiting_.front().bytes).substr(sent_of_first_);
}

void Flow::Sent(size_t bytes) {
  waiting_bytes_ -= bytes;
  sent_of_first_ += bytes;
  if (sent_of_first_ < waiting_.front().bytes.size()) return;
  waiting_.pop_front();
  sent_of_first_ = 0;
}

}  // namespace larder::link_proxy
