#include "server/larderd/signal_waiter.h"

#include <glog/logging.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace larder::server {

SignalWaiter::SignalWaiter() {
  for (const int ignored : {SIGPIPE, SIGUSR1, SIGUSR2}) std::signal(ignored, SIG_IGN);
  // nohup lets it be ignored, but then certificates could not be read again.
  std::signal(SIGHUP, SIG_DFL);
  sigset_t awaited;
  sigemptyset(&awaited);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&awaited, signal);
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  signals_ = FileDescriptor(signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_event_ = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  PCHECK(signals_.is_open() && wake_event_.is_open()) << "cannot wait for signals";
}

int SignalWaiter::Wait(Time until) {
  while (true) {
    signalfd_siginfo signal{};
    if (::read(signals_.number(), &signal, sizeof(signal)) == sizeof(signal)) {
      return static_cast<int>(signal.ssi_signo);
    }
    eventfd_t wakes = 0;
    if (eventfd_read(wake_event_.number(), &wakes) == 0) return kWoken;
    int timeout_ms = -1;
    if (until != Time::max()) {
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= left.zero()) return kTimeOver;
      const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      timeout_ms = static_cast<int>(std::min<int64_t>(left_ms, 60'000));
    }
    pollfd polled[2] = {{signals_.number(), POLLIN, 0}, {wake_event_.number(), POLLIN, 0}};
    ::poll(polled, 2, timeout_ms);
  }
}

void SignalWaiter::Wake() { eventfd_write(wake_event_.number(), 1); }

}  // namespace larder::server
