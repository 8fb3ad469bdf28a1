#include "server/rpc/services/routed_method.h"

#include <optional>
#include <string>
#include <utility>

#include "server/rpc/services/message_method.h"
#include "server/rpc/services/multi_key_scatter.h"
#include "server/rpc/services/routed_request.h"
#include "server/rpc/services/unary_place.h"

namespace larder::server {
namespace {

ServiceParts WithLimit(ServiceParts parts, InflightLimit* limit) {
  parts.inflight = limit;
  return parts;
}

// Waits for the answer of another node, as long as the call lasts.
class ForwardedUnary final : public CallAttachment, public ForwardListener {
 public:
  ForwardedUnary(Method method, RpcCall& call, CountedRequest& counted)
      : method_(method), answer_(call, counted) {}
  ~ForwardedUnary() override {
    if (forwarded_ != nullptr) forwarded_->Abandon();
  }

  void Begin(ForwardedCall* forwarded) { forwarded_ = forwarded; }
  // It could not be begun.
  void Fail(const absl::Status& status) { answer_.Send({}, status); }
  void OnForwarded(ForwardedAnswer answer) override {
    forwarded_ = nullptr;
    if (IsMultiKey(method_)) HideRedirects(method_, answer.message);
    answer_.SendPaced(std::move(answer.message), answer.status, std::move(answer.held));
  }

 private:
  const Method method_;
  OpenUnaryAnswer answer_;
  ForwardedCall* forwarded_ = nullptr;  // while it is open
};

}  // namespace

RoutedMethod::RoutedMethod(const ServiceParts& parts, Method method, Forwarder* forwarder,
                           const CreateMethod& create)
    : parts_(parts),
      parts_of_sent_(WithLimit(parts, &forwarder->shared().sent)),
      parts_of_received_(WithLimit(parts, &forwarder->shared().received)),
      method_(method),
      forwarder_(*forwarder),
      local_(create(parts)),
      local_for_peers_(create(parts_of_received_)) {}

void RoutedMethod::Run(std::string_view request, RpcCall& call) {
  if (forwarder_.routing().is_all_here() && !WantsRedirect(call)) [[likely]] {
    return local_->Run(request, call);
  }
  RunRouted(request, call);
}

void RoutedMethod::RunRouted(std::string_view request, RpcCall& call) {
  const Routing& routing = forwarder_.routing();
  ForwardingMetrics& metrics = forwarder_.shared().metrics;
  if (call.routing() == RoutingWish::kRedirect) TellTopology(routing, call);
  if (call.is_from_node()) {
    metrics.received[static_cast<size_t>(method_)].fetch_add(1, std::memory_order_relaxed);
  }
  const auto run_here = [&] {
    (call.is_from_node() ? local_for_peers_ : local_)->Run(request, call);
  };
  // Without a look at its items, which is not cheap: anybody may say that a call is forwarded.
  if (routing.is_all_here()) return run_here();
  const Limits& limits = parts_.cache->limits();
  const RoutedRequest routed = RouteRequest(method_, request, routing, *parts_.cache);
  if (routed.kind == RoutedRequest::Kind::kUnreadable) {
    return Refuse(UnroutableStatus(method_, routed.outcome, limits), call);
  }
  if (IsToBeScattered(routed, routing, call)) return Scatter(request, routing, call);
  if (routed.kind == RoutedRequest::Kind::kHere) return run_here();
  if (routed.owner->place == SlotOwner::Place::kPeer && !WantsRedirect(call)) {
    return Forward(routed.owner->endpoint, request, call);
  }
  Refuse(NotHereStatus(method_, routed.slot, *routed.owner, routing, metrics), call);
}

void RoutedMethod::Refuse(const absl::Status& status, RpcCall& call) {
  CountedRequest counted(PartsFor(call), method_, call);
  counted.Finish(counted.admitted().ok() ? status : counted.admitted(), call);
}

void RoutedMethod::Forward(const std::string& endpoint, std::string_view request, RpcCall& call) {
  CountedRequest counted(parts_of_sent_, method_, call);
  if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
  auto forwarded = std::make_unique<ForwardedUnary>(method_, call, counted);
  const auto begun =
      forwarder_.Start(endpoint,
                       {.method = method_,
                        .prefixed = call.TakeRequest(request, ChannelCall::kPrefixBytes),
                        .deadline = call.deadline()},
                       forwarded.get());
  if (begun.ok()) {
    forwarded->Begin(*begun);
  } else {
    forwarded->Fail(begun.status());
  }
  call.Attach(std::move(forwarded));
}

void RoutedMethod::Scatter(std::string_view request, const Routing& routing, RpcCall& call) {
  const Limits& limits = parts_.cache->limits();
  const ReadOutcome outcome = LookAtMultiKeyRequest(method_, request, limits);
  if (outcome != ReadOutcome::kRead) {
    return Refuse(UnroutableStatus(method_, outcome, limits), call);
  }
  CountedRequest counted(WantsRedirect(call) ? PartsFor(call) : parts_of_sent_, method_, call);
  if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
  absl::StatusOr<HeldBytes> held = forwarder_.Hold(method_, request.size());
  if (!held.ok()) return counted.Finish(held.status(), call);
  // It is read again where it stays.
  const std::string_view kept = call.KeepRequest(request);
  RoutedRequest routed = RouteRequest(method_, kept, routing, *parts_.cache);
  auto scatter = std::make_unique<MultiKeyScatter>(parts_, &forwarder_, &call, method_,
                                                   std::make_unique<OpenUnaryAnswer>(call, counted),
                                                   *std::move(held));
  MultiKeyScatter& started = *scatter;
  call.Attach(std::move(scatter));
  started.Begin(kept, std::move(routed.items), routing);
  started.SendOn();
  started.RunHere();
}

}  // namespace larder::server
