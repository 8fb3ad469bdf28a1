#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_MAILBOX_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_MAILBOX_H_

#include <functional>
#include <utility>

#include "client/channel/channel_loop.h"

namespace larder {

// Where threads that may outlive a loop leave what they have found out. Thread-safe.
struct ChannelLoop::Mailbox {
  void Post(std::function<void()> task) {
    const MutexLock lock(mutex);
    if (loop != nullptr) loop->Post(std::move(task));
  }
  void Close() {
    const MutexLock lock(mutex);
    loop = nullptr;
  }

  Mutex mutex;
  ChannelLoop* loop ABSL_GUARDED_BY(mutex) = nullptr;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_MAILBOX_H_
