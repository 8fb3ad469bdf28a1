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

// Reads the same bytes in place and by protobuf: both refuse them, or both find the same. What has
// more fields or items than it may is refused in place only.

// Whether bytes that protobuf may well parse are refused for what is in them: a field takes two
// bytes, and 64 are always allowed.
inline bool MayBeRefused(ReadOutcome outcome, std::string_view bytes, size_t items_max) {
  constexpr size_t kFieldBytes = 2;
  constexpr size_t kFieldsAllowed = 64;
  if (outcome == ReadOutcome::kTooManyItems) return bytes.size() > kFieldBytes * items_max;
  return outcome == ReadOutcome::kTooManyFields && bytes.size() > kFieldBytes * kFieldsAllowed;
}

inline auto PartsOf(const std::optional<WireDuration>& duration) {
  return duration.has_value() ? std::make_tuple(true, duration->seconds, duration->nanos)
                              : std::make_tuple(false, int64_t{0}, int32_t{0});
}
inline auto PartsOf(const GetView& view) {
  const PositionView position = view.min_position.value_or(PositionView{});
  return std::make_tuple(view.key, PartsOf(view.max_staleness), view.min_position.has_value(),
                         position.shard, position.term, position.incarnation, position.node,
                         position.sequence);
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

inline auto PartsOf(const TouchView& view) { return std::make_tuple(view.key, PartsOf(view.ttl)); }

// Whether protobuf parses the bytes, and whether what is counted of them first agrees.
struct Parsed {
  bool is_message = false;
  bool is_counted_right = false;
};
template <typename Request>
Parsed Parse(std::string_view bytes, size_t items_max, Request& message) {
  const bool is_message = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const ReadOutcome outcome = LookAtRequest(bytes, *Request::descriptor(), items_max);
  // No request of ours has text, so nothing else is refused by protobuf.
  const bool is_readable = outcome == ReadOutcome::kRead;
  return {is_message, is_readable == is_message || MayBeRefused(outcome, bytes, items_max)};
}

template <typename Request, typename View>
bool ReadsTheSame(std::string_view bytes, ReadOutcome (*read)(std::string_view, View&)) {
  Request message;
  const Parsed parsed = Parse(bytes, 0, message);
  if (!parsed.is_counted_right) return false;
  View view;
  const ReadOutcome outcome = read(bytes, view);
  if (MayBeRefused(outcome, bytes, 0)) return true;
  if (outcome != ReadOutcome::kRead) return !parsed.is_message;
  return parsed.is_message && PartsOf(view) == PartsOf(ViewOf(message));
}

template <typename Request, typename View>
bool ReadsTheSameItems(std::string_view bytes,
                       ReadOutcome (*read)(std::string_view, size_t, std::vector<View>&)) {
  constexpr size_t kItemsMax = 3;
  Request message;
  const Parsed parsed = Parse(bytes, kItemsMax, message);
  if (!parsed.is_counted_right) return false;
  std::vector<View> views;
  const ReadOutcome outcome = read(bytes, kItemsMax, views);
  if (views.size() > kItemsMax) return false;
  if (outcome == ReadOutcome::kTooManyItems) {
    return !parsed.is_message || static_cast<size_t>(message.items_size()) > kItemsMax;
  }
  if (MayBeRefused(outcome, bytes, kItemsMax)) return true;
  if (outcome != ReadOutcome::kRead) return !parsed.is_message;
  if (!parsed.is_message || views.size() != static_cast<size_t>(message.items_size())) return false;
  for (size_t i = 0; i < views.size(); ++i) {
    if (PartsOf(views[i]) != PartsOf(ViewOf(message.items(static_cast<int>(i))))) return false;
  }
  return true;
}

// An operation of a Pipeline that is read here must be that of the message.
template <typename View, typename Message>
bool IsTheOperation(ReadOutcome (*read)(std::string_view, View&), const PipelineView& pipeline,
                    const v1::PipelineRequest& message, bool is_message, bool has_operation,
                    const Message& operation) {
  View view;
  const ReadOutcome outcome = read(pipeline.request, view);
  if (MayBeRefused(outcome, pipeline.request, 0)) return true;
  if (outcome != ReadOutcome::kRead) return !is_message;
  return is_message && pipeline.id == message.id() && has_operation &&
         PartsOf(view) == PartsOf(ViewOf(operation));
}

// What a Pipeline's message is run as.
inline bool ReadsTheSamePipeline(std::string_view bytes) {
  constexpr size_t kItemsMax = 3;
  v1::PipelineRequest message;
  const Parsed parsed = Parse(bytes, kItemsMax, message);
  if (!parsed.is_counted_right) return false;
  const bool is_message = parsed.is_message;
  PipelineView view;
  const ReadOutcome outcome = ReadPipelineRequest(bytes, view);
  if (MayBeRefused(outcome, bytes, 0)) return true;
  if (outcome != ReadOutcome::kRead) return !is_message;
  switch (view.operation) {
    case v1::PipelineRequest::kGet:
      return IsTheOperation(&ReadGetRequest, view, message, is_message, message.has_get(),
                            message.get());
    case v1::PipelineRequest::kSet:
      return IsTheOperation(&ReadSetRequest, view, message, is_message, message.has_set(),
                            message.set());
    case v1::PipelineRequest::kDelete:
      return IsTheOperation(&ReadDeleteRequest, view, message, is_message, message.has_delete_(),
                            message.delete_());
    case v1::PipelineRequest::kTouch:
      return IsTheOperation(&ReadTouchRequest, view, message, is_message, message.has_touch(),
                            message.touch());
    default:
      return true;  // left to protobuf
  }
}

// The name of the first that differs; nullptr: none does.
inline const char* FirstDifference(std::string_view bytes) {
  if (!ReadsTheSame<v1::GetRequest>(bytes, &ReadGetRequest)) return "GetRequest";
  if (!ReadsTheSame<v1::SetRequest>(bytes, &ReadSetRequest)) return "SetRequest";
  if (!ReadsTheSame<v1::DeleteRequest>(bytes, &ReadDeleteRequest)) return "DeleteRequest";
  if (!ReadsTheSame<v1::TouchRequest>(bytes, &ReadTouchRequest)) return "TouchRequest";
  if (!ReadsTheSameItems<v1::MultiGetRequest>(bytes, &ReadMultiGetRequest)) {
    return "MultiGetRequest";
  }
  if (!ReadsTheSameItems<v1::MultiSetRequest>(bytes, &ReadMultiSetRequest)) {
    return "MultiSetRequest";
  }
  if (!ReadsTheSameItems<v1::MultiDeleteRequest>(bytes, &ReadMultiDeleteRequest)) {
    return "MultiDeleteRequest";
  }
  if (!ReadsTheSamePipeline(bytes)) return "PipelineRequest";
  return nullptr;
}

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RPC_WIRE_COMPARISON_H_
