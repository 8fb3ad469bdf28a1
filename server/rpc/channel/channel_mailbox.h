#ifndef LARDER_SERVER_RPC_CHANNEL_CHANNEL_MAILBOX_H_
#define LARDER_SERVER_RPC_CHANNEL_CHANNEL_MAILBOX_H_

#include <functional>
#include <utility>

#include "server/rpc/channel/channel_loop.h"

namespace larder::server {

// Where threads that may outlive a loop leave what they have found out. Thread-safe.
struct ChannelLoop::Mailbox {
  void Post(std::function<void()> task) {
    const storage::MutexLock lock(mutex);
    if (loop != nullptr) loop->Post(std::move(task));
  }
  void Close() {
    const storage::MutexLock lock(mutex);
    loop = nullptr;
  }

  storage::Mutex mutex;
  ChannelLoop* loop ABSL_GUARDED_BY(mutex) = nullptr;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_CHANNEL_CHANNEL_MAILBOX_H_
