#ifndef LARDER_SERVER_RPC_SERVICES_PACED_ANSWER_H_
#define LARDER_SERVER_RPC_SERVICES_PACED_ANSWER_H_

#include <string>

#include "absl/status/status.h"
#include "server/forwarding/held_bytes.h"
#include "server/rpc/services/wire_replies.h"

namespace larder::server {

// An answer that another node may give. When it has to go is not known, so it may come while its
// client does not read.
class PacedAnswer : public OpenAnswer {
 public:
  // In place of Send: waits until the client reads what was sent before, counted in `held`.
  virtual void SendPaced(std::string message, const absl::Status& status, HeldBytes held) = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_PACED_ANSWER_H_
