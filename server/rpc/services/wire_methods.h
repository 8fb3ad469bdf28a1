#ifndef LARDER_SERVER_RPC_SERVICES_WIRE_METHODS_H_
#define LARDER_SERVER_RPC_SERVICES_WIRE_METHODS_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "server/messages/service_parts.h"
#include "server/metrics/method.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/services/cache_requests.h"

namespace larder::server {

// The methods that are called most, and those with items: requests are read in place, answers are
// written where they are sent from, without messages in between.
std::unique_ptr<UnaryMethod> CreateGetMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateSetMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateDeleteMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateTouchMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateMultiGetMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateMultiSetMethod(const ServiceParts& parts);
std::unique_ptr<UnaryMethod> CreateMultiDeleteMethod(const ServiceParts& parts);

// Sends what is the `error` of an operation's answer, and no error of the call.
void SendPipelineError(uint64_t id, const absl::Status& status, RpcCall& call);

// What became of a request, to be counted; one that was left open counts itself.
struct PipelineOutcome {
  Method method;
  absl::StatusCode code;
  bool is_open = false;
  friend bool operator==(const PipelineOutcome&, const PipelineOutcome&) = default;
};

// Whose operations may be left open. Told on the thread of the call's loop, while it lasts.
class OpenOperations {
 public:
  virtual void OnLeftOpen() = 0;
  // The answer of one of them is sent.
  virtual void OnAnsweredLater() = 0;

 protected:
  ~OpenOperations() = default;
};

// Runs an operation of a Pipeline in the same way, if it is `admitted`. None: it is not one of
// these, or cannot be read, and nothing was done. One that is left open has taken the place in the
// limit that it was admitted to.
std::optional<PipelineOutcome> RunPipelineOperation(const ServiceParts& parts,
                                                    const absl::Status& admitted,
                                                    const PipelineView& operation, RpcCall& call,
                                                    OpenOperations* open);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_WIRE_METHODS_H_
