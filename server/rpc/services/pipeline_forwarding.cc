#include "server/rpc/services/pipeline_forwarding.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "larder/v1/cache.pb.h"
#include "server/rpc/services/routed_request.h"

namespace larder::server {
namespace {

// Up to so many bytes are one frame, and come in the order in which they were sent.
constexpr size_t kInOrderBytesMax = size_t{16} << 10;

// The method that an operation is, and where its answer goes.
std::optional<PipelineAnswerHead> HeadOf(const PipelineView& operation) {
  using Request = v1::PipelineRequest;
  using Response = v1::PipelineResponse;
  switch (operation.operation) {
    case Request::kGet:
      return PipelineAnswerHead{operation.id, Response::kGet, Method::kGet};
    case Request::kSet:
      return PipelineAnswerHead{operation.id, Response::kSet, Method::kSet};
    case Request::kDelete:
      return PipelineAnswerHead{operation.id, Response::kDelete, Method::kDelete};
    case Request::kLease:
      return PipelineAnswerHead{operation.id, Response::kLease, Method::kLease};
    case Request::kTouch:
      return PipelineAnswerHead{operation.id, Response::kTouch, Method::kTouch};
    case Request::kIncrement:
      return PipelineAnswerHead{operation.id, Response::kIncrement, Method::kIncrement};
    case Request::kAppend:
      return PipelineAnswerHead{operation.id, Response::kAppend, Method::kAppend};
    case Request::kMultiGet:
      return PipelineAnswerHead{operation.id, Response::kMultiGet, Method::kMultiGet};
    case Request::kMultiSet:
      return PipelineAnswerHead{operation.id, Response::kMultiSet, Method::kMultiSet};
    case Request::kMultiDelete:
      return PipelineAnswerHead{operation.id, Response::kMultiDelete, Method::kMultiDelete};
    default:
      return std::nullopt;
  }
}

}  // namespace

PipelineForwarding::PipelineForwarding(const ServiceParts& parts, Forwarder* forwarder,
                                       RpcCall* call, OpenOperations* open)
    : parts_([&] {
        ServiceParts with_limit = parts;
        with_limit.inflight = &forwarder->shared().sent;
        return with_limit;
      }()),
      forwarder_(*forwarder),
      call_(*call),
      open_(open) {}

PipelineForwarding::~PipelineForwarding() {
  for (const Sent& sent : sent_) {
    if (sent.call != nullptr) sent.call->Abandon();
  }
}

PipelineForwarding::Taken PipelineForwarding::TakeRouted(const PipelineView& operation) {
  const std::optional<PipelineAnswerHead> head = HeadOf(operation);
  if (!head.has_value()) return Taken::kUnknown;
  const Routing& routing = forwarder_.routing();
  const RoutedRequest routed =
      RouteRequest(head->method, operation.request, routing, *parts_.cache);
  if (routed.kind == RoutedRequest::Kind::kUnreadable) return Taken::kUnknown;
  if (routed.kind == RoutedRequest::Kind::kHere) return Taken::kHere;
  if (IsToBeScattered(routed, routing, call_)) {
    Scatter(*head, operation.request, routing);
  } else if (routed.owner->place == SlotOwner::Place::kPeer && !WantsRedirect(call_)) {
    Forward(*head, routed.owner->endpoint, operation.request);
  } else {
    Fail(*head, NotHereStatus(head->method, routed.slot, *routed.owner, routing,
                              forwarder_.shared().metrics));
  }
  return Taken::kTaken;
}

bool PipelineForwarding::TakeMessage(const v1::PipelineRequest& request) {
  const int number = request.operation_case();
  if (number == v1::PipelineRequest::OPERATION_NOT_SET) return false;  // refused there
  if (forwarder_.routing().is_all_here()) return false;
  const std::string bytes =
      request.GetReflection()
          ->GetMessage(request, v1::PipelineRequest::descriptor()->FindFieldByNumber(number))
          .SerializeAsString();
  const PipelineView operation{
      .id = request.id(), .operation = static_cast<uint32_t>(number), .request = bytes};
  const Taken taken = Take(operation);
  if (taken != Taken::kUnknown) return taken == Taken::kTaken;
  Fail(*HeadOf(operation),
       absl::InvalidArgumentError(
           "Pipeline: whose the operation is cannot be told; nothing was done"));
  return true;
}

void PipelineForwarding::Fail(const PipelineAnswerHead& head, const absl::Status& status) {
  SendPipelineError(head.id, status, call_);
  parts_.metrics->Record(head.method, status.code(),
                         absl::FromChrono(std::chrono::steady_clock::now() - call_.received_at()));
}

std::unique_ptr<PacedAnswer> PipelineForwarding::LeaveOpen(const PipelineAnswerHead& head) {
  if (const absl::Status admitted = parts_.inflight->Enter(); !admitted.ok()) {
    Fail(head, admitted);
    return nullptr;
  }
  open_->OnLeftOpen();
  return std::make_unique<OpenPipelineAnswer>(parts_, head, call_, open_);
}

void PipelineForwarding::Forward(const PipelineAnswerHead& head, const std::string& endpoint,
                                 std::string_view request) {
  absl::StatusOr<HeldBytes> held = forwarder_.Hold(head.method, request.size());
  if (!held.ok()) return Fail(head, held.status());
  std::unique_ptr<PacedAnswer> answer = LeaveOpen(head);
  if (answer == nullptr) return;
  Sent& sent = sent_.emplace_back(this, std::move(answer));
  sent.self = std::prev(sent_.end());
  sent.endpoint = endpoint;
  sent.is_large = request.size() > kInOrderBytesMax;
  sent.method = sent.request.method = head.method;
  sent.request.deadline = call_.deadline();
  sent.request.held = *std::move(held);
  sent.request.prefixed.reserve(ChannelCall::kPrefixBytes + request.size());
  sent.request.prefixed.append(ChannelCall::kPrefixBytes, '\0').append(request);
  waiting_.push_back({.one = &sent});
  StartWaiting();
}

void PipelineForwarding::StartWaiting() {
  // What fails at once is answered at once.
  if (std::exchange(is_starting_, true)) return;
  while (!waiting_.empty() && !has_large_) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    if (next.one != nullptr) {
      Start(*next.one);
    } else {
      has_large_ = next.several->is_large;
      next.several->scatter->SendOn();
    }
  }
  is_starting_ = false;
}

void PipelineForwarding::Start(Sent& sent) {
  const auto call = forwarder_.Start(sent.endpoint, std::move(sent.request), &sent);
  if (!call.ok()) {
    sent.answer->SendPaced({}, call.status(), {});
    sent_.erase(sent.self);
    return;
  }
  sent.call = *call;
  has_large_ = sent.is_large;
}

void PipelineForwarding::OnAnswered(Sent& sent, ForwardedAnswer& forwarded) {
  if (IsMultiKey(sent.method)) HideRedirects(sent.method, forwarded.message);
  sent.answer->SendPaced(std::move(forwarded.message), forwarded.status, std::move(forwarded.held));
  if (sent.is_large) has_large_ = false;
  sent_.erase(sent.self);
  StartWaiting();
}

void PipelineForwarding::Scatter(const PipelineAnswerHead& head, std::string_view request,
                                 const Routing& routing) {
  const Limits& limits = parts_.cache->limits();
  const ReadOutcome outcome = LookAtMultiKeyRequest(head.method, request, limits);
  if (outcome != ReadOutcome::kRead) {
    return Fail(head, UnroutableStatus(head.method, outcome, limits));
  }
  absl::StatusOr<HeldBytes> held = forwarder_.Hold(head.method, request.size());
  if (!held.ok()) return Fail(head, held.status());
  std::unique_ptr<PacedAnswer> answer = LeaveOpen(head);
  if (answer == nullptr) return;
  // Those that are answered go now, since none of them can while it says so.
  scattered_.remove_if([](const Scattered& scattered) { return scattered.scatter->is_over(); });
  Scattered& scattered = scattered_.emplace_back(this);
  scattered.is_large = request.size() > kInOrderBytesMax;
  MultiKeyScatter& scatter = scattered.scatter.emplace(
      parts_, &forwarder_, &call_, head.method, std::move(answer), *std::move(held), &scattered);
  const std::string_view kept = scatter.Keep(request);
  RoutedRequest routed = RouteRequest(head.method, kept, routing, *parts_.cache);
  scatter.Begin(kept, std::move(routed.items), routing);
  waiting_.push_back({.several = &scattered});
  StartWaiting();
  // Before what comes behind it is run here.
  scatter.RunHere();
}

void PipelineForwarding::OnGathered(const Scattered& scattered) {
  if (scattered.is_large) has_large_ = false;
  StartWaiting();
}

}  // namespace larder::server
