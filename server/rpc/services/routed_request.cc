#include "server/rpc/services/routed_request.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/hash_slot.h"
#include "proto/wire/wire_reader.h"
#include "server/messages/redirect.h"
#include "server/messages/request_bounds.h"
#include "server/rpc/services/cache_requests.h"

namespace larder::server {
namespace {

// All requests about one key have it in this field, and those about many their items.
constexpr uint32_t kKeyField = 1;
constexpr uint32_t kItemsField = 1;

// The slot of the key of a request about one. Absent: it has none that is valid. The last key
// counts, as protobuf has it.
ReadOutcome ReadSlot(std::string_view request, FieldBudget& fields, const Limits& limits,
                     std::optional<uint32_t>& slot) {
  std::string_view key;
  WireReader reader(request);
  while (reader.Next() && fields.Take()) {
    if (reader.Is(kKeyField, WireType::kBytes)) {
      key = reader.ReadBytes();
    } else {
      reader.Skip(fields);
    }
  }
  if (fields.is_overdrawn()) return ReadOutcome::kTooManyFields;
  if (!reader.ok()) return ReadOutcome::kUnreadable;
  if (!key.empty() && key.size() <= limits.max_key_bytes) slot = cluster::HashSlot(key);
  return ReadOutcome::kRead;
}

const SlotOwner& ThisNode() {
  static const SlotOwner& this_node = *new SlotOwner;
  return this_node;
}

// Who answers for a slot, or for the Get of one of its keys.
const SlotOwner& OwnerOf(uint32_t slot, bool is_get, std::string_view request,
                         const Routing& routing, const CacheHandler& cache) {
  const SlotOwner& owner = routing.OwnerOf(slot);
  if (!is_get || !owner.has_copy_here) [[likely]]
    return owner;
  GetView view;
  const bool is_read = ReadGetRequest(request, view) == ReadOutcome::kRead;
  return is_read && cache.MayReadCopy(view) ? ThisNode() : owner;
}

ReadOutcome ReadItems(Method method, std::string_view request, const Routing& routing,
                      const CacheHandler& cache, std::vector<RoutedItem>& items) {
  const Limits& limits = cache.limits();
  FieldBudget fields = RequestFields();
  WireReader reader(request);
  while (reader.Next() && fields.Take()) {
    if (!reader.Is(kItemsField, WireType::kBytes)) {
      reader.Skip(fields);
      continue;
    }
    const std::string_view item = reader.ReadBytes();
    if (!reader.ok()) break;
    if (items.size() == limits.max_multi_items) return ReadOutcome::kTooManyItems;
    AllowItem(fields);
    std::optional<uint32_t> slot;
    const ReadOutcome outcome = ReadSlot(item, fields, limits, slot);
    if (outcome != ReadOutcome::kRead) return outcome;
    items.push_back({.bytes = item,
                     .slot = slot.value_or(0),
                     .owner = slot.has_value() ? &OwnerOf(*slot, method == Method::kMultiGet, item,
                                                          routing, cache)
                                               : &ThisNode()});
  }
  if (fields.is_overdrawn()) return ReadOutcome::kTooManyFields;
  return reader.ok() ? ReadOutcome::kRead : ReadOutcome::kUnreadable;
}

RoutedRequest Unreadable(ReadOutcome outcome) {
  return {.kind = RoutedRequest::Kind::kUnreadable, .outcome = outcome};
}

bool IsHere(const SlotOwner& owner) { return owner.place == SlotOwner::Place::kHere; }

bool IsSame(const SlotOwner& a, const SlotOwner& b) {
  return &a == &b || (a.place == b.place && a.endpoint == b.endpoint);
}

RoutedRequest RouteItems(Method method, std::string_view request, const Routing& routing,
                         const CacheHandler& cache) {
  std::vector<RoutedItem> items;
  const ReadOutcome outcome = ReadItems(method, request, routing, cache, items);
  if (outcome != ReadOutcome::kRead) return Unreadable(outcome);
  bool is_here = true;
  bool is_one = true;
  for (const RoutedItem& item : items) {
    is_here &= IsHere(*item.owner);
    is_one &= IsSame(*item.owner, *items.front().owner);
  }
  if (is_here) return {};
  if (is_one) {
    const RoutedItem first = items.front();
    return {.kind = RoutedRequest::Kind::kOne,
            .slot = first.slot,
            .owner = first.owner,
            .items = std::move(items)};
  }
  return {.kind = RoutedRequest::Kind::kSeveral, .items = std::move(items)};
}

}  // namespace

RoutedRequest RouteRequest(Method method, std::string_view request, const Routing& routing,
                           const CacheHandler& cache) {
  if (IsMultiKey(method)) return RouteItems(method, request, routing, cache);
  RoutedRequest routed;
  if (method == Method::kScan) {
    routed.owner = routing.sole_owner();  // of several, each answers for what it has
  } else {
    FieldBudget fields = RequestFields();
    std::optional<uint32_t> slot;
    const ReadOutcome outcome = ReadSlot(request, fields, cache.limits(), slot);
    if (outcome != ReadOutcome::kRead) return Unreadable(outcome);
    if (!slot.has_value()) return {};
    routed.slot = *slot;
    routed.owner = &OwnerOf(*slot, method == Method::kGet, request, routing, cache);
  }
  if (routed.owner != nullptr && !IsHere(*routed.owner)) routed.kind = RoutedRequest::Kind::kOne;
  return routed;
}

absl::Status UnroutableStatus(Method method, ReadOutcome outcome, const Limits& limits) {
  const ItemsBound items = IsMultiKey(method) ? MultiKeyItems(limits) : ItemsBound{};
  return StatusOf(outcome, MethodName(method), items);
}

absl::Status NotHereStatus(Method method, uint32_t slot, const SlotOwner& owner,
                           const Routing& routing, ForwardingMetrics& metrics) {
  const std::string name(MethodName(method));
  if (owner.place == SlotOwner::Place::kNobody) {
    return absl::UnavailableError(
        absl::StrCat(name, ": not applied: slot ", slot, " has no primary that is known"));
  }
  metrics.redirects_given.fetch_add(1, std::memory_order_relaxed);
  return WithRedirect(absl::FailedPreconditionError(
                          absl::StrCat(name, ": node ", owner.endpoint, " owns slot ", slot)),
                      {.slot = slot,
                       .kind = Redirect::Kind::kMoved,
                       .endpoint = owner.endpoint,
                       .topology_version = routing.topology_version()});
}

void TellTopology(const Routing& routing, RpcCall& call) {
  // It fails for names and values that are not these.
  call.AddTrailingMetadata("topology_version", absl::StrCat(routing.topology_version()))
      .IgnoreError();
}

}  // namespace larder::server
