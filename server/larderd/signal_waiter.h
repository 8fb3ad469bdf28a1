#ifndef LARDER_SERVER_LARDERD_SIGNAL_WAITER_H_
#define LARDER_SERVER_LARDERD_SIGNAL_WAITER_H_

#include <chrono>

#include "client/channel/file_descriptor.h"

namespace larder::server {

// The signals of a node: SIGTERM, SIGINT and SIGHUP wait until they are asked for; SIGPIPE, SIGUSR1
// and SIGUSR2 do nothing. The others do what they always do. To be made before there are threads;
// one for a process.
class SignalWaiter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kWoken = 0;
  static constexpr int kTimeOver = -1;

  SignalWaiter();
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

  // Returns the signal that came, kWoken after Wake, or kTimeOver.
  int Wait(Time until = Time::max());
  // Lets one Wait return. On any thread.
  void Wake();

 private:
  FileDescriptor signals_;
  FileDescriptor wake_event_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_LARDERD_SIGNAL_WAITER_H_
