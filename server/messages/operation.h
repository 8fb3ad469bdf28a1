#ifndef LARDER_SERVER_MESSAGES_OPERATION_H_
#define LARDER_SERVER_MESSAGES_OPERATION_H_

#include "larder/v1/admin.pb.h"
#include "larder/v1/cache.pb.h"
#include "server/handlers/request_checks.h"
#include "server/messages/message_replies.h"
#include "server/messages/message_views.h"
#include "server/messages/multi_message_reply.h"
#include "server/messages/request_bounds.h"
#include "server/messages/service_parts.h"
#include "server/metrics/method.h"

namespace larder::server {

// How a request message is run, for unary calls and pipelines alike: its response message, the
// reply that writes it, the handler's method. Internal to the front ends, as it includes generated
// headers.
template <typename Request>
struct Operation;

template <typename ResponseMessage, typename MessageReply, Method kName>
struct OperationOf {
  using Response = ResponseMessage;
  using Reply = MessageReply;  // (Response*, Completion*)
  static constexpr Method kMethod = kName;
  static ItemsBound Items(const Limits&) { return {}; }
};

template <typename Response, typename Reply, Method kName, auto kHandle>
struct CacheOperation : OperationOf<Response, Reply, kName> {
  template <typename Request>
  static void Run(const ServiceParts& parts, const Request& request, Reply& reply) {
    (parts.cache->*kHandle)(ViewOf(request), reply);
  }
};

template <typename Response, typename Reply, Method kName, auto kHandle>
struct MultiKeyOperation : OperationOf<Response, Reply, kName> {
  static ItemsBound Items(const Limits& limits) { return MultiKeyItems(limits); }

  template <typename Request>
  static void Run(const ServiceParts& parts, const Request& request, Reply& reply) {
    // Before views are made, which would be gigabytes for millions of empty items.
    const auto items = static_cast<size_t>(request.items_size());
    const absl::Status status = CheckItems(MethodName(kName), items, parts.cache->limits());
    if (!status.ok()) return reply.Fail(status);
    reply.Run(parts.multi_key, kHandle, request);
  }
};

template <>
struct Operation<v1::GetRequest>
    : CacheOperation<v1::GetResponse, GetMessageReply, Method::kGet, &CacheHandler::Get> {};
template <>
struct Operation<v1::SetRequest>
    : CacheOperation<v1::SetResponse, SetMessageReply, Method::kSet, &CacheHandler::Set> {};
template <>
struct Operation<v1::DeleteRequest> : CacheOperation<v1::DeleteResponse, DeleteMessageReply,
                                                     Method::kDelete, &CacheHandler::Delete> {};
template <>
struct Operation<v1::LeaseRequest>
    : CacheOperation<v1::LeaseResponse, LeaseMessageReply, Method::kLease, &CacheHandler::Lease> {};
template <>
struct Operation<v1::TouchRequest>
    : CacheOperation<v1::TouchResponse, TouchMessageReply, Method::kTouch, &CacheHandler::Touch> {};
template <>
struct Operation<v1::IncrementRequest>
    : CacheOperation<v1::IncrementResponse, IncrementMessageReply, Method::kIncrement,
                     &CacheHandler::Increment> {};
template <>
struct Operation<v1::AppendRequest> : CacheOperation<v1::AppendResponse, AppendMessageReply,
                                                     Method::kAppend, &CacheHandler::Append> {};

template <>
struct Operation<v1::ScanRequest>
    : CacheOperation<v1::ScanResponse, ScanMessageReply, Method::kScan, &CacheHandler::Scan> {};

template <>
struct Operation<v1::MultiGetRequest>
    : MultiKeyOperation<v1::MultiGetResponse,
                        MultiMessageReply<GetReply, GetMessageReply, GetView, v1::MultiGetResponse>,
                        Method::kMultiGet, &MultiKeyHandler::MultiGet> {};
template <>
struct Operation<v1::MultiSetRequest>
    : MultiKeyOperation<v1::MultiSetResponse,
                        MultiMessageReply<SetReply, SetMessageReply, SetView, v1::MultiSetResponse>,
                        Method::kMultiSet, &MultiKeyHandler::MultiSet> {};
template <>
struct Operation<v1::MultiDeleteRequest>
    : MultiKeyOperation<
          v1::MultiDeleteResponse,
          MultiMessageReply<DeleteReply, DeleteMessageReply, DeleteView, v1::MultiDeleteResponse>,
          Method::kMultiDelete, &MultiKeyHandler::MultiDelete> {};

template <>
struct Operation<v1::StatsRequest>
    : OperationOf<v1::StatsResponse, StatsMessageReply, Method::kStats> {
  static void Run(const ServiceParts& parts, const v1::StatsRequest&, Reply& reply) {
    parts.maintenance->Stats(reply);
  }
};
template <>
struct Operation<v1::MemoryStatsRequest>
    : OperationOf<v1::MemoryStatsResponse, MemoryStatsMessageReply, Method::kMemoryStats> {
  static void Run(const ServiceParts& parts, const v1::MemoryStatsRequest&, Reply& reply) {
    parts.maintenance->MemoryStats(reply);
  }
};
template <>
struct Operation<v1::SlotStatsRequest>
    : OperationOf<v1::SlotStatsResponse, SlotStatsMessageReply, Method::kSlotStats> {
  static void Run(const ServiceParts& parts, const v1::SlotStatsRequest& request, Reply& reply) {
    parts.maintenance->SlotStats(ViewOf(request), reply);
  }
};
template <>
struct Operation<v1::FlushRequest>
    : OperationOf<v1::FlushResponse, FlushMessageReply, Method::kFlush> {
  static void Run(const ServiceParts& parts, const v1::FlushRequest& request, Reply& reply) {
    FlushView view = ViewOf(request);
    view.peer = reply.DescribePeer();
    parts.maintenance->Flush(view, reply);
  }
};
template <>
struct Operation<v1::DigestRequest>
    : OperationOf<v1::DigestResponse, DigestMessageReply, Method::kDigest> {
  static void Run(const ServiceParts& parts, const v1::DigestRequest& request, Reply& reply) {
    parts.maintenance->Digest(ViewOf(request), reply);
  }
};
template <>
struct Operation<v1::ReplicaOfRequest>
    : OperationOf<v1::ReplicaOfResponse, ReplicaOfMessageReply, Method::kReplicaOf> {
  static void Run(const ServiceParts& parts, const v1::ReplicaOfRequest& request, Reply& reply) {
    ReplicaOfView view = ViewOf(request);
    view.peer = reply.DescribePeer();
    parts.replication->ReplicaOf(view, reply);
  }
};
template <>
struct Operation<v1::ReplicationRequest>
    : OperationOf<v1::ReplicationResponse, ReplicationMessageReply, Method::kReplication> {
  static void Run(const ServiceParts& parts, const v1::ReplicationRequest&, Reply& reply) {
    parts.replication->Replication(reply);
  }
};
template <>
struct Operation<v1::GetConfigRequest>
    : OperationOf<v1::GetConfigResponse, GetConfigMessageReply, Method::kGetConfig> {
  static void Run(const ServiceParts& parts, const v1::GetConfigRequest& request, Reply& reply) {
    parts.maintenance->GetConfig(ViewOf(request), reply);
  }
};
template <>
struct Operation<v1::SetConfigRequest>
    : OperationOf<v1::SetConfigResponse, SetConfigMessageReply, Method::kSetConfig> {
  static ItemsBound Items(const Limits&) { return {.field = "values", .max = kConfigValuesMax}; }
  static void Run(const ServiceParts& parts, const v1::SetConfigRequest& request, Reply& reply) {
    // Before views are made, as for the items of a multi-key call.
    const absl::Status status =
        CheckConfigValues(MethodName(kMethod), static_cast<size_t>(request.values_size()));
    if (!status.ok()) return reply.Fail(status);
    SetConfigView view = ViewOf(request);
    view.peer = reply.DescribePeer();
    parts.maintenance->SetConfig(view, reply);
  }
};

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_OPERATION_H_
