#include "server/rpc/call_mailbox.h"

namespace larder::server {

void CallMailbox::Send(CallLetter letter) {
  // Under the lock, so that nobody is woken whose mailbox is closed. The letter itself is destroyed
  // behind it, if nobody takes it.
  const storage::MutexLock lock(mutex_);
  if (wake_ == nullptr) return;
  letters_.push_back(std::move(letter));
  if (letters_.size() == 1) wake_();
}

std::vector<CallLetter> CallMailbox::Take() {
  const storage::MutexLock lock(mutex_);
  return std::exchange(letters_, {});
}

void CallMailbox::Close() {
  std::vector<CallLetter> unread;
  const storage::MutexLock lock(mutex_);
  wake_ = nullptr;
  unread.swap(letters_);
}

}  // namespace larder::server
