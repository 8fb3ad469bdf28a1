#ifndef LARDER_TESTS_TESTING_LINK_PROXY_FLOW_H_
#define LARDER_TESTS_TESTING_LINK_PROXY_FLOW_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "tests/testing/link_proxy/link_rule.h"
#include "tests/testing/link_proxy/message_counter.h"

namespace larder::link_proxy {

// One direction of a connection: what has come from one side and is due to the other. Knows no
// socket and no clock; times are nanoseconds that never go back. Not thread-safe.
class Flow {
 public:
  // No more is taken while so much waits.
  static constexpr size_t kWaitingBytesMax = size_t{8} << 20;

  void SetRule(const LinkRule& rule) { rule_ = rule; }
  void Arm(const LinkFault& fault);
  // Lifts a stall, and takes back what is armed. What came meanwhile is due now.
  void Heal(int64_t now);

  // REQUIRES: WantsInput().
  void Push(std::string_view bytes, int64_t now);
  void PushEnd() { has_ended_ = true; }
  bool WantsInput() const {
    return !has_ended_ && fired_ == LinkFault::Kind::kNone && waiting_bytes_ < kWaitingBytesMax;
  }

  // What may be sent now; empty: nothing yet.
  std::string_view Due(int64_t now) const;
  void Sent(size_t bytes);
  // When more is due. -1: nothing waits.
  int64_t NextDue() const { return waiting_.empty() ? -1 : waiting_.front().due; }

  // All that came has been sent and no more will come.
  bool IsFinished() const { return has_ended_ && waiting_.empty() && held_.empty(); }
  // The fault that has come about; kClose and kReset: and what passed before it has been sent.
  LinkFault::Kind Fired() const {
    return waiting_.empty() || fired_ == LinkFault::Kind::kStall ? fired_ : LinkFault::Kind::kNone;
  }
  bool is_stalled() const { return fired_ == LinkFault::Kind::kStall; }
  // What has fired was armed for one connection only; true once.
  bool TakeOnce() { return std::exchange(fault_.is_once, false); }
  const MessageCounter& passed() const { return passed_; }

 private:
  struct Piece {
    int64_t due;
    std::string bytes;
  };

  uint64_t Passed() const;
  bool IsReached() const { return fault_.kind != LinkFault::Kind::kNone && Passed() >= fires_at_; }
  void Enqueue(std::string_view bytes, int64_t now);

  LinkRule rule_;
  LinkFault fault_;
  uint64_t fires_at_ = 0;
  LinkFault::Kind fired_ = LinkFault::Kind::kNone;
  MessageCounter passed_;
  std::deque<Piece> waiting_;
  size_t waiting_bytes_ = 0;
  size_t sent_of_first_ = 0;
  std::string held_;     // came after a stall had begun
  int64_t free_at_ = 0;  // when the bandwidth lets the next byte in
  bool has_ended_ = false;
};

}  // namespace larder::link_proxy

#endif  // LARDER_TESTS_TESTING_LINK_PROXY_FLOW_H_
