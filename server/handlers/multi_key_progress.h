#ifndef LARDER_SERVER_HANDLERS_MULTI_KEY_PROGRESS_H_
#define LARDER_SERVER_HANDLERS_MULTI_KEY_PROGRESS_H_

#include <cstddef>
#include <memory>

#include "server/handlers/shared_budget.h"

namespace larder::server {

// How far a multi-key call has come; kept by its caller while the call is paused.
struct MultiKeyProgress {
  size_t next = 0;                       // the item that is run next
  std::shared_ptr<SharedBudget> budget;  // nullptr: the call has not begun
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_MULTI_KEY_PROGRESS_H_
