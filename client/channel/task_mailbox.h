#ifndef LARDER_CLIENT_CHANNEL_TASK_MAILBOX_H_
#define LARDER_CLIENT_CHANNEL_TASK_MAILBOX_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "client/channel/event_loop.h"
#include "client/channel/mutex.h"

namespace larder {

// Takes what threads have found out that may outlive a loop, or a member of it. Thread-safe.
class TaskMailbox : public std::enable_shared_from_this<TaskMailbox> {
 public:
  explicit TaskMailbox(EventLoop* loop) : loop_(loop) {}

  // Runs the task on the loop, unless the mailbox is closed by then.
  void Post(std::function<void()> task) {
    const MutexLock lock(mutex_);
    if (loop_ == nullptr) return;
    loop_->Post([self = shared_from_this(), task = std::move(task)] {
      if (self->is_open()) task();
    });
  }
  // Drops all tasks from now on, but for one that runs on another thread at this moment: who is not
  // on the loop's waits for it by EventLoop::RunAndWait.
  void Close() {
    const MutexLock lock(mutex_);
    loop_ = nullptr;
  }

 private:
  bool is_open() {
    const MutexLock lock(mutex_);
    return loop_ != nullptr;
  }

  Mutex mutex_;
  EventLoop* loop_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_TASK_MAILBOX_H_
