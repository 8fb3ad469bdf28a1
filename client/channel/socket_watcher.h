#ifndef LARDER_CLIENT_CHANNEL_SOCKET_WATCHER_H_
#define LARDER_CLIENT_CHANNEL_SOCKET_WATCHER_H_

#include <cstdint>

namespace larder {

// Listener that an EventLoop tells, on its thread, when a file can be read or written.
class SocketWatcher {
 public:
  virtual ~SocketWatcher() = default;
  // `events`: those of epoll.
  virtual void OnReady(uint32_t events) = 0;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_SOCKET_WATCHER_H_
