#ifndef LARDER_SERVER_RPC_SERVICES_PIPELINE_FORWARDING_H_
#define LARDER_SERVER_RPC_SERVICES_PIPELINE_FORWARDING_H_

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "larder/v1/cache.pb.h"
#include "server/forwarding/forwarder.h"
#include "server/messages/service_parts.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/services/cache_requests.h"
#include "server/rpc/services/multi_key_scatter.h"
#include "server/rpc/services/pipeline_place.h"
#include "server/rpc/services/wire_methods.h"

namespace larder::server {

// The operations of one Pipeline whose slots other nodes own: each becomes a call to its owner, or
// calls to several, and is answered when they have answered. They go out in their order; as a large
// one may be overtaken on its way, those behind it wait for its answer, counted as if they were
// sent. Answers wait while the client does not read. Belongs to the thread of the call's loop.
class PipelineForwarding {
 public:
  // All outlive this, but for calls that go with it.
  PipelineForwarding(const ServiceParts& parts, Forwarder* forwarder, RpcCall* call,
                     OpenOperations* open);
  ~PipelineForwarding();
  PipelineForwarding(const PipelineForwarding&) = delete;
  PipelineForwarding& operator=(const PipelineForwarding&) = delete;

  enum class [[nodiscard]] Taken : uint8_t {
    kTaken,    // it is answered, now or later
    kHere,     // it is to be run here
    kUnknown,  // whose it is cannot be told from the bytes: it is to be made a message first
  };
  Taken Take(const PipelineView& operation) {
    if (forwarder_.routing().is_all_here()) [[likely]]
      return Taken::kHere;
    return TakeRouted(operation);
  }
  // Of one that was kUnknown, as protobuf reads it. False: it is to be run here.
  bool TakeMessage(const v1::PipelineRequest& request);

 private:
  // An operation for one node that waits for its answer, or to be sent.
  struct Sent final : ForwardListener {
    Sent(PipelineForwarding* to, std::unique_ptr<PacedAnswer> reply)
        : owner(to), answer(std::move(reply)) {}
    void OnForwarded(ForwardedAnswer forwarded) override { owner->OnAnswered(*this, forwarded); }

    PipelineForwarding* const owner;
    const std::unique_ptr<PacedAnswer> answer;
    Method method = Method::kPipeline;
    std::string endpoint;
    ForwardRequest request;  // until it is sent
    bool is_large = false;
    ForwardedCall* call = nullptr;
    std::list<Sent>::iterator self;
  };
  // A multi-key operation for several nodes.
  struct Scattered final : MultiKeyScatter::Listener {
    explicit Scattered(PipelineForwarding* to) : owner(to) {}
    void OnGathered() override { owner->OnGathered(*this); }

    PipelineForwarding* const owner;
    bool is_large = false;
    std::optional<MultiKeyScatter> scatter;
  };
  // One of the two that is not sent yet.
  struct Waiting {
    Sent* one = nullptr;
    Scattered* several = nullptr;
  };

  Taken TakeRouted(const PipelineView& operation);
  void Forward(const PipelineAnswerHead& head, const std::string& endpoint,
               std::string_view request);
  void Scatter(const PipelineAnswerHead& head, std::string_view request, const Routing& routing);
  // Takes a place for an operation that is answered later; nullptr: it was answered, with why not.
  std::unique_ptr<PacedAnswer> LeaveOpen(const PipelineAnswerHead& head);
  void Fail(const PipelineAnswerHead& head, const absl::Status& status);
  void Start(Sent& sent);
  // Sends those that wait, up to a large one.
  void StartWaiting();
  void OnAnswered(Sent& sent, ForwardedAnswer& forwarded);
  void OnGathered(const Scattered& scattered);

  const ServiceParts parts_;  // with the limit of calls that are sent on
  Forwarder& forwarder_;
  RpcCall& call_;
  OpenOperations* const open_;
  std::list<Sent> sent_;
  std::list<Scattered> scattered_;
  std::deque<Waiting> waiting_;
  bool has_large_ = false;    // one is not answered
  bool is_starting_ = false;  // StartWaiting runs
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_PIPELINE_FORWARDING_H_
