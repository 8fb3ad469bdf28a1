#ifndef LARDER_SERVER_HANDLERS_SHARED_BUDGET_H_
#define LARDER_SERVER_HANDLERS_SHARED_BUDGET_H_

#include <cstddef>

#include "server/handlers/response_budget.h"
#include "storage/mutex.h"

namespace larder::server {

// The budget of one answer, also of its items that are answered later: from Share on thread-safe.
class SharedBudget {
 public:
  SharedBudget(size_t limit_bytes, size_t items) : budget_(limit_bytes, items) {}

  void Share() {
    if (!is_shared_) is_shared_ = true;  // or it would be written while others read it
  }

  size_t used_bytes() {
    size_t bytes = 0;
    With([&bytes](ResponseBudget& budget) {
      bytes = budget.used_bytes();
      return true;
    });
    return bytes;
  }
  bool Take(size_t bytes) {
    return With([bytes](ResponseBudget& budget) { return budget.Take(bytes); });
  }
  bool TakeValue(size_t bytes) {
    return With([bytes](ResponseBudget& budget) { return budget.TakeValue(bytes); });
  }
  void Return(size_t bytes) {
    With([bytes](ResponseBudget& budget) {
      budget.Return(bytes);
      return true;
    });
  }

 private:
  template <typename Action>
  bool With(Action&& action) {
    if (!is_shared_) [[likely]]
      return action(budget_);
    storage::MutexLock lock(mutex_);
    return action(budget_);
  }

  ResponseBudget budget_;
  bool is_shared_ = false;  // set before another thread has it
  storage::Mutex mutex_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_SHARED_BUDGET_H_
