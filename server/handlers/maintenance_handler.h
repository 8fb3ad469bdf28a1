#ifndef LARDER_SERVER_HANDLERS_MAINTENANCE_HANDLER_H_
#define LARDER_SERVER_HANDLERS_MAINTENANCE_HANDLER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/handlers/background.h"
#include "server/handlers/config_store.h"
#include "server/handlers/digest_walk.h"
#include "server/handlers/reply.h"
#include "server/handlers/request_views.h"
#include "server/handlers/served_keyspace.h"
#include "server/handlers/time_source.h"
#include "storage/eviction_kind.h"

namespace larder::server {

// What a node knows of itself beside its keyspace.
struct NodeFigures {
  std::string version;
  absl::Duration uptime;
  uint64_t resident_bytes = 0;
  uint64_t connections = 0;
  std::vector<std::pair<std::string, uint64_t>> requests;  // finished, by "Method/CODE"
};

class NodeFigureSource {
 public:
  virtual ~NodeFigureSource() = default;
  virtual NodeFigures Read() const = 0;
};

struct StatsAnswer {
  NodeFigures node;
  storage::KeyspaceStats keyspace;
  uint64_t memory_bytes = 0;
  uint64_t memory_limit_bytes = 0;
  std::string eviction;
};

struct MemoryStatsAnswer {
  storage::MemoryUsage usage;
  uint64_t limit_bytes = 0;
  uint64_t resident_bytes = 0;
};

struct SlotStatsAnswer {
  std::vector<std::pair<uint32_t, storage::SlotStats>> slots;  // in order, without empty ones
};

struct FlushAnswer {
  uint64_t entries = 0;
};

struct DigestAnswer {
  std::string digest;  // 16 bytes
  uint64_t entries = 0;
};

struct GetConfigAnswer {
  std::vector<ConfigEntry> values;  // by name
};

struct SetConfigAnswer {};

// What the Maintenance methods work with. All must outlive them, but for `background`, which may
// end when there are no more requests.
struct MaintenanceParts {
  const ServedKeyspace* keyspace = nullptr;
  const TimeSource* time = nullptr;
  const NodeFigureSource* figures = nullptr;
  storage::EvictionKind eviction{};
  ConfigStore* config = nullptr;
  Background* background = nullptr;
  // Told in a line of what was done to the whole node and who asked, on any thread. May be empty.
  std::function<void(const std::string&)> on_intervention = {};
};

// The Maintenance methods of a node without durable storage. Thread-safe.
class MaintenanceHandler {
 public:
  explicit MaintenanceHandler(const MaintenanceParts& parts) : parts_(parts) {}
  virtual ~MaintenanceHandler() = default;

  virtual void Stats(Reply<StatsAnswer>& reply);
  virtual void MemoryStats(Reply<MemoryStatsAnswer>& reply);
  virtual void SlotStats(const SlotStatsView& request, Reply<SlotStatsAnswer>& reply);
  // Answers later, from the background.
  virtual void Flush(const FlushView& request, Reply<FlushAnswer>& reply);
  // Answers later, from the background, one at a time.
  virtual void Digest(const DigestView& request, Reply<DigestAnswer>& reply);
  virtual void GetConfig(const GetConfigView& request, Reply<GetConfigAnswer>& reply);
  virtual void SetConfig(const SetConfigView& request, Reply<SetConfigAnswer>& reply);

 private:
  void Tell(const std::string& line) const;
  void GoOn(std::unique_ptr<DigestWalk> walk, OpenReply<Reply<DigestAnswer>> open);

  const MaintenanceParts parts_;
  std::atomic<bool> is_digesting_{false};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_MAINTENANCE_HANDLER_H_
