#ifndef LARDER_SERVER_GRPCPP_ELSEWHERE_H_
#define LARDER_SERVER_GRPCPP_ELSEWHERE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cluster/hash_slot.h"
#include "larder/v1/cache.pb.h"
#include "server/forwarding/forwarding.h"
#include "server/messages/redirect.h"
#include "server/messages/service_parts.h"

namespace larder::server {

// Why a request is not served by this transport, which sends nothing on: FAILED_PRECONDITION with a
// redirect, of one of its keys. OK: all of its keys are this node's.
inline absl::Status ElsewhereStatus(const Routing& routing, uint32_t slot, const SlotOwner& owner) {
  if (owner.place == SlotOwner::Place::kHere) return absl::OkStatus();
  if (owner.place == SlotOwner::Place::kNobody) {
    return absl::UnavailableError(
        absl::StrCat("not applied: slot ", slot, " has no primary that is known"));
  }
  return WithRedirect(absl::FailedPreconditionError(absl::StrCat(
                          "node ", owner.endpoint, " owns slot ", slot,
                          "; with --transport=grpcpp this one does not ask it itself")),
                      {.slot = slot,
                       .kind = Redirect::Kind::kMoved,
                       .endpoint = owner.endpoint,
                       .topology_version = routing.topology_version()});
}

template <typename Request>
absl::Status CheckIsHere(const ServiceParts& parts, const Request& request) {
  if (parts.forwarding == nullptr || parts.forwarding->routing.is_all_here()) [[likely]] {
    return absl::OkStatus();
  }
  const std::shared_ptr<const Routing> routing = parts.forwarding->routing.Current();
  if constexpr (requires { request.items(); }) {
    for (const auto& item : request.items()) {
      const uint32_t slot = cluster::HashSlot(item.key());
      const absl::Status status = ElsewhereStatus(*routing, slot, routing->OwnerOf(slot));
      if (!status.ok()) return status;
    }
  } else if constexpr (requires { request.key(); }) {
    const uint32_t slot = cluster::HashSlot(request.key());
    return ElsewhereStatus(*routing, slot, routing->OwnerOf(slot));
  } else if constexpr (requires { request.cursor(); }) {
    // Of several owners, each answers a Scan for what it has.
    const SlotOwner* const owner = routing->sole_owner();
    if (owner != nullptr) return ElsewhereStatus(*routing, 0, *owner);
  }
  return absl::OkStatus();
}

// The same of the operation of a Pipeline.
inline absl::Status CheckIsHere(const ServiceParts& parts, const v1::PipelineRequest& request) {
  switch (request.operation_case()) {
    case v1::PipelineRequest::kGet:
      return CheckIsHere(parts, request.get());
    case v1::PipelineRequest::kSet:
      return CheckIsHere(parts, request.set());
    case v1::PipelineRequest::kDelete:
      return CheckIsHere(parts, request.delete_());
    case v1::PipelineRequest::kLease:
      return CheckIsHere(parts, request.lease());
    case v1::PipelineRequest::kTouch:
      return CheckIsHere(parts, request.touch());
    case v1::PipelineRequest::kIncrement:
      return CheckIsHere(parts, request.increment());
    case v1::PipelineRequest::kAppend:
      return CheckIsHere(parts, request.append());
    case v1::PipelineRequest::kMultiGet:
      return CheckIsHere(parts, request.multi_get());
    case v1::PipelineRequest::kMultiSet:
      return CheckIsHere(parts, request.multi_set());
    case v1::PipelineRequest::kMultiDelete:
      return CheckIsHere(parts, request.multi_delete());
    case v1::PipelineRequest::OPERATION_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_ELSEWHERE_H_
