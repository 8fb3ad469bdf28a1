#ifndef LARDER_CLIENT_CHANNEL_BLOCKED_SIGNALS_H_
#define LARDER_CLIENT_CHANNEL_BLOCKED_SIGNALS_H_

#include <csignal>
#include <initializer_list>

namespace larder {

// Lets threads that are started while it lives take no signals, which are the program's, but for
// those that a thread brings upon itself.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int own : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT}) {
      sigdelset(&blocked, own);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_BLOCKED_SIGNALS_H_
