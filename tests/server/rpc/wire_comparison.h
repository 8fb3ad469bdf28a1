#ifndef LARDER_TESTS_SERVER_RPC_WIRE_COMPARISON_H_
#define LARDER_TESTS_SERVER_RPC_WIRE_COMPARISON_H_

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "larder/v1/cache.pb.h"
#include "server/messages/message_views.h"
#include "server/rpc/services/cache_requests.h"

namespace larder::server {

// Reads the same bytes in place and by protobuf: both refuse them, or both find the same.

inline auto PartsOf(const std::optional<WireDuration>& duration) {
  return duration.has_value() ? std::make_tuple(true, duration->seconds, duration->nanos)
                              : std::make_tuple(false, int64_t{0}, int32_t{0});
}
inline auto PartsOf(const GetView& view) {
  return std::make_tuple(view.key, PartsOf(view.max_staleness), view.has_min_position);
}
inline auto PartsOf(const SetView& view) {
  return std::make_tuple(view.key, view.value, PartsOf(view.ttl), view.flags, view.keep_ttl,
                         view.condition.kind, view.condition.flag, view.condition.version,
                         view.condition.lease_token, view.ack.level, view.ack.replicas,
                         view.return_previous);
}
inline auto PartsOf(const DeleteView& view) {
  return std::make_tuple(view.key, view.if_version, PartsOf(view.serve_stale_for));
}

template <typename Request, typename View>
bool ReadsTheSame(std::string_view bytes, bool (*read)(std::string_view, View&)) {
  Request message;
  const bool is_message = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  View view;
  if (read(bytes, view) != is_message) return false;
  return !is_message || PartsOf(view) == PartsOf(ViewOf(message));
}

inline bool ReadsTheSameMultiGet(std::string_view bytes) {
  v1::MultiGetRequest message;
  const bool is_message = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  constexpr size_t kItemsMax = 3;
  std::vector<GetView> views;
  size_t items = 0;
  if (ReadMultiGetRequest(bytes, kItemsMax, views, items) != is_message) return false;
  if (!is_message) return true;
  if (items != static_cast<size_t>(message.items_size())) return false;
  if (views.size() != std::min(items, kItemsMax)) return false;
  for (size_t i = 0; i < views.size(); ++i) {
    if (PartsOf(views[i]) != PartsOf(ViewOf(message.items(static_cast<int>(i))))) return false;
  }
  return true;
}

// What a Pipeline's message is run as: an operation that is read here must be the message's.
inline bool ReadsTheSamePipeline(std::string_view bytes) {
  v1::PipelineRequest message;
  const bool is_message = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  PipelineView view;
  if (!ReadPipelineRequest(bytes, view)) return !is_message;
  GetView get;
  SetView set;
  DeleteView del;
  switch (view.operation) {
    case v1::PipelineRequest::kGet:
      if (!ReadGetRequest(view.request, get)) return !is_message;
      return is_message && view.id == message.id() && message.has_get() &&
             PartsOf(get) == PartsOf(ViewOf(message.get()));
    case v1::PipelineRequest::kSet:
      if (!ReadSetRequest(view.request, set)) return !is_message;
      return is_message && view.id == message.id() && message.has_set() &&
             PartsOf(set) == PartsOf(ViewOf(message.set()));
    case v1::PipelineRequest::kDelete:
      if (!ReadDeleteRequest(view.request, del)) return !is_message;
      return is_message && view.id == message.id() && message.has_delete_() &&
             PartsOf(del) == PartsOf(ViewOf(message.delete_()));
    default:
      return true;  // left to protobuf
  }
}

// The name of the first that differs; nullptr: none does.
inline const char* FirstDifference(std::string_view bytes) {
  if (!ReadsTheSame<v1::GetRequest>(bytes, &ReadGetRequest)) return "GetRequest";
  if (!ReadsTheSame<v1::SetRequest>(bytes, &ReadSetRequest)) return "SetRequest";
  if (!ReadsTheSame<v1::DeleteRequest>(bytes, &ReadDeleteRequest)) return "DeleteRequest";
  if (!ReadsTheSameMultiGet(bytes)) return "MultiGetRequest";
  if (!ReadsTheSamePipeline(bytes)) return "PipelineRequest";
  return nullptr;
}

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RPC_WIRE_COMPARISON_H_
