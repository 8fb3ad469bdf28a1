#ifndef LARDER_TESTS_SIMULATION_EVENT_QUEUE_H_
#define LARDER_TESTS_SIMULATION_EVENT_QUEUE_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "cluster/replication/boot_time.h"

namespace larder::simulation {

using cluster::Millis;

// What will happen, in the order of time; at one time, in the order it was decided.
class EventQueue {
 public:
  Millis now() const { return now_; }

  void After(Millis delay, std::function<void()> what) {
    events_.push({now_ + delay, next_++, std::move(what)});
  }
  // Lets everything happen that is due before `end`, until `stop` says so.
  void RunUntil(Millis end, const std::function<bool()>& stop) {
    while (!stop() && !events_.empty() && events_.top().at < end) {
      now_ = events_.top().at;
      const std::function<void()> what = std::move(events_.top().what);
      events_.pop();
      what();
    }
    if (now_ < end && !stop()) now_ = end;
  }

 private:
  struct Event {
    Millis at;
    uint64_t number;
    mutable std::function<void()> what;
    bool operator<(const Event& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  Millis now_{0};
  uint64_t next_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_EVENT_QUEUE_H_
