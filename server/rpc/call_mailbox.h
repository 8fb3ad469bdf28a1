#ifndef LARDER_SERVER_RPC_CALL_MAILBOX_H_
#define LARDER_SERVER_RPC_CALL_MAILBOX_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "storage/mutex.h"

namespace larder::server {

class RpcCall;

// What goes on with a call that was left open (RpcCall::Defer): made by whoever has the result, on
// any thread; run, or destroyed unrun if the call has ended meanwhile, on the thread of its loop,
// or destroyed where it was sent from if the loop has ended.
class CallCompletion {
 public:
  virtual ~CallCompletion() = default;
  // Finishes a unary call, or defers it again; sends messages of a streaming call.
  virtual void Run(RpcCall& call) = 0;
  // What it holds of the answer, and of a request that the call does not keep itself.
  virtual size_t bytes_held() const { return 0; }
  // Whether it waits while the client does not read, instead of ending the call when too much waits
  // to be read. What it holds is then bounded by whoever has made it.
  virtual bool waits_for_reader() const { return false; }
};

// A completion on its way to its call. Stream ids are never used twice on a connection, nor are
// connection numbers in a loop. No completion: whoever was to complete the call has given up.
struct CallLetter {
  uint64_t connection = 0;
  uint32_t stream = 0;
  std::unique_ptr<CallCompletion> completion;
};

// Brings completions to the loop of their calls. Thread-safe; outlives the loop if tickets do.
class CallMailbox {
 public:
  // `wake` is called, on the sender's thread, for the first letter since Take. It must not block.
  explicit CallMailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Send(CallLetter letter);
  // All that has come, in order. To be called by the loop when it is woken.
  std::vector<CallLetter> Take();
  // What is sent from now on is destroyed, and nobody is woken any more.
  void Close();

 private:
  storage::Mutex mutex_;
  std::function<void()> wake_ ABSL_GUARDED_BY(mutex_);  // none once it is closed
  std::vector<CallLetter> letters_ ABSL_GUARDED_BY(mutex_);
};

// The right, and the duty, to go on with a call that was left open. Movable, to any thread. One
// that is dropped lets its unary call fail.
class CallTicket {
 public:
  CallTicket(std::shared_ptr<CallMailbox> mailbox, uint64_t connection, uint32_t stream)
      : mailbox_(std::move(mailbox)), connection_(connection), stream_(stream) {}
  CallTicket(CallTicket&&) = default;
  CallTicket& operator=(CallTicket&&) = delete;
  ~CallTicket() {
    if (mailbox_ != nullptr) Complete(nullptr);
  }

  // Once.
  void Complete(std::unique_ptr<CallCompletion> completion) {
    std::exchange(mailbox_, nullptr)->Send({connection_, stream_, std::move(completion)});
  }

 private:
  std::shared_ptr<CallMailbox> mailbox_;  // nullptr: it was used, or moved from
  const uint64_t connection_;
  const uint32_t stream_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_CALL_MAILBOX_H_
