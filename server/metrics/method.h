#ifndef LARDER_SERVER_METRICS_METHOD_H_
#define LARDER_SERVER_METRICS_METHOD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::server {

// The methods of larder.v1, as they are counted. kMethodNames has their names, in the same order.
enum class Method : uint8_t {
  kGet,
  kSet,
  kDelete,
  kLease,
  kMultiGet,
  kMultiSet,
  kMultiDelete,
  kTouch,
  kIncrement,
  kAppend,
  kPipeline,
  kScan,
  kWatch,
  kStats,
  kMemoryStats,
  kSlotStats,
  kFlush,
  kDigest,
  kGetConfig,
  kSetConfig,
  kSnapshot,
  kLastSnapshot,
  kHotKeys,
  kSlowLog,
  kStatus,
  kNodes,
  kSlots,
  kShards,
  kMeet,
  kForget,
  kReplicate,
  kFailover,
  kReplicaOf,
  kReplication,
  kMigrateSlots,
  kRebalance,
  kEvents,
};

inline constexpr std::array<std::string_view, 37> kMethodNames = {
    "Get",         "Set",       "Delete",      "Lease",        "MultiGet",     "MultiSet",
    "MultiDelete", "Touch",     "Increment",   "Append",       "Pipeline",     "Scan",
    "Watch",       "Stats",     "MemoryStats", "SlotStats",    "Flush",        "Digest",
    "GetConfig",   "SetConfig", "Snapshot",    "LastSnapshot", "HotKeys",      "SlowLog",
    "Status",      "Nodes",     "Slots",       "Shards",       "Meet",         "Forget",
    "Replicate",   "Failover",  "ReplicaOf",   "Replication",  "MigrateSlots", "Rebalance",
    "Events",
};
inline constexpr size_t kMethods = kMethodNames.size();
static_assert(static_cast<size_t>(Method::kEvents) + 1 == kMethods);

inline std::string_view MethodName(Method method) {
  return kMethodNames[static_cast<size_t>(method)];
}

// Those of the Cache service come first.
inline bool IsCacheMethod(Method method) { return method <= Method::kWatch; }

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_METHOD_H_
