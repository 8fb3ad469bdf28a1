#ifndef LARDER_SERVER_HANDLERS_BACKGROUND_H_
#define LARDER_SERVER_HANDLERS_BACKGROUND_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace larder::server {

// Does what takes too long for the threads that serve requests, on a thread of the node, in order.
// Thread-safe.
class Background {
 public:
  using Work = absl::AnyInvocable<void(const absl::Status&) &&>;

  virtual ~Background() = default;
  // `work` is called once: with OK on that thread, or with why it is not to be done.
  // RESOURCE_EXHAUSTED, before Post returns: as much waits as may. UNAVAILABLE: the node ends.
  virtual void Post(Work work) = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_BACKGROUND_H_
