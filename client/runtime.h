#ifndef LARDER_CLIENT_RUNTIME_H_
#define LARDER_CLIENT_RUNTIME_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace larder {

// Where a Client gets time, chance and waiting from, so that tests need neither clock nor sleep.
// Implementations are thread-safe.
class ClientRuntime {
 public:
  virtual ~ClientRuntime() = default;

  virtual absl::Time Now() = 0;

  // Uniform in [0, 1).
  virtual double Random() = 0;

  // Runs `callback` once, on another thread or on this one, after `delay`.
  virtual void RunAfter(absl::Duration delay, std::function<void()> callback) = 0;
};

// The real one: monotonic clock (its times are no dates), seeded from the system, timers on gRPC's
// threads.
std::shared_ptr<ClientRuntime> CreateClientRuntime();

}  // namespace larder

#endif  // LARDER_CLIENT_RUNTIME_H_
