#include "server/handlers/maintenance_handler.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/handlers/request_checks.h"

namespace larder::server {

MaintenanceHandler::MaintenanceHandler(storage::Keyspace* keyspace, const NodeFigureSource* figures,
                                       storage::EvictionKind eviction,
                                       std::vector<ConfigEntry> config)
    : keyspace_(keyspace), figures_(figures), eviction_(eviction), config_(std::move(config)) {}

void MaintenanceHandler::Stats(Reply<StatsAnswer>& reply) {
  reply.Complete({.node = figures_->Read(),
                  .keyspace = keyspace_->Stats(),
                  .memory_bytes = keyspace_->Memory().total(),
                  .memory_limit_bytes = keyspace_->memory_limit_bytes(),
                  .eviction = std::string(storage::EvictionKindName(eviction_))});
}

void MaintenanceHandler::MemoryStats(Reply<MemoryStatsAnswer>& reply) {
  reply.Complete({.usage = keyspace_->Memory(),
                  .limit_bytes = keyspace_->memory_limit_bytes(),
                  .resident_bytes = figures_->Read().resident_bytes});
}

void MaintenanceHandler::SlotStats(const SlotStatsView& request, Reply<SlotStatsAnswer>& reply) {
  const uint32_t last = request.last.value_or(request.first);
  if (const auto status = CheckSlot("SlotStats", "first", request.first); !status.ok()) {
    return reply.Fail(status);
  }
  if (const auto status = CheckSlot("SlotStats", "last", last); !status.ok()) {
    return reply.Fail(status);
  }
  if (last < request.first) {
    return reply.Fail(absl::InvalidArgumentError(
        absl::StrCat("SlotStats: last is ", last, ", less than first, ", request.first)));
  }
  SlotStatsAnswer answer;
  for (uint32_t slot = request.first; slot <= last; ++slot) {
    const storage::SlotStats stats = keyspace_->StatsOfSlot(slot);
    if (stats.entries != 0) answer.slots.emplace_back(slot, stats);
  }
  reply.Complete(answer);
}

void MaintenanceHandler::Flush(const FlushView& request, Reply<FlushAnswer>& reply) {
  if (!request.slot.has_value()) return reply.Complete({.entries = keyspace_->Flush()});
  if (const auto status = CheckSlot("Flush", "slot", *request.slot); !status.ok()) {
    return reply.Fail(status);
  }
  reply.Complete({.entries = keyspace_->FlushSlot(*request.slot)});
}

void MaintenanceHandler::GetConfig(const GetConfigView& request, Reply<GetConfigAnswer>& reply) {
  if (request.name.empty()) return reply.Complete({.values = config_});
  const auto found = std::find_if(config_.begin(), config_.end(), [&](const ConfigEntry& entry) {
    return entry.name == request.name;
  });
  if (found == config_.end()) {
    return reply.Fail(absl::InvalidArgumentError(
        "GetConfig: name is no flag of this node; leave it empty for all flags"));
  }
  reply.Complete({.values = {*found}});
}

}  // namespace larder::server
