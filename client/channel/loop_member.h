#ifndef LARDER_CLIENT_CHANNEL_LOOP_MEMBER_H_
#define LARDER_CLIENT_CHANNEL_LOOP_MEMBER_H_

#include <atomic>
#include <cstdint>

#include "client/channel/loop_time.h"

namespace larder {

// Owner of connections that live on an EventLoop, together with those of other members. Called on
// the loop's thread only.
class LoopMember {
 public:
  virtual ~LoopMember() = default;
  LoopMember(const LoopMember&) = delete;
  LoopMember& operator=(const LoopMember&) = delete;

  // Has its turn, after EventLoop::Notify, RequestTurn or the time of SetDeadline: once for all of
  // them, behind what was ready and what was posted.
  virtual void OnTurn() = 0;
  // Hears that so many more seconds have passed, of those in which somebody wanted to know.
  virtual void OnSecond(uint32_t seconds) = 0;

 protected:
  LoopMember() = default;

 private:
  friend class EventLoop;

  std::atomic<bool> has_input_{false};  // Notify was called, and the loop has not looked since
  bool waits_for_turn_ = false;
  LoopTime deadline_ = kNoTime;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_LOOP_MEMBER_H_
