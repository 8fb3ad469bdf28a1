#ifndef LARDER_SERVER_MESSAGES_COMPLETION_H_
#define LARDER_SERVER_MESSAGES_COMPLETION_H_

#include <string>

#include "absl/status/status.h"
#include "server/messages/paused_operation.h"

namespace larder::server {

// Told once that a response message is complete, or that there is an error instead.
class Completion {
 public:
  virtual void Done(const absl::Status& status) = 0;
  // Done comes later, from any thread: the response, its reply and this stay until then.
  virtual void KeepOpen() = 0;
  // Whether the operation is to go on later, since others wait for their turn. gRPC's own server
  // gives each call a thread, so there nothing need pause.
  virtual bool Pause(PausedOperation& /*operation*/) { return false; }
  // Who asks, for a log: address, and the name in its certificate if it has one.
  virtual std::string DescribePeer() const { return "nobody known"; }

 protected:
  ~Completion() = default;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_COMPLETION_H_
