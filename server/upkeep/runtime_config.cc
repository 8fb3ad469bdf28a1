#include "server/upkeep/runtime_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/flag_table.h"

namespace larder::server {
namespace {

// Those that RuntimeConfig::Apply knows.
constexpr std::array<std::string_view, 2> kChangeable = {"max_inflight", "memory"};

// What differs between two configs.
std::vector<ConfigChange> ChangesBetween(const ServerConfig& before, const ServerConfig& after) {
  std::vector<ConfigChange> changes;
  for (const Flag& flag : Flags()) {
    ConfigChange change{flag.name, flag.get(before), flag.get(after)};
    if (change.old_value != change.new_value) changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace

RuntimeConfig::RuntimeConfig(const ServerConfig& config, ServedKeyspace* keyspace,
                             InflightLimit* inflight, ConfigListener listener)
    : keyspace_(keyspace), inflight_(inflight), listener_(std::move(listener)), config_(config) {}

std::vector<ConfigEntry> RuntimeConfig::Read() const {
  std::vector<ConfigEntry> entries;
  {
    storage::MutexLock lock(mutex_);
    entries = ConfigEntries(config_);
  }
  for (ConfigEntry& entry : entries) {
    entry.changeable =
        std::find(kChangeable.begin(), kChangeable.end(), entry.name) != kChangeable.end();
  }
  return entries;
}

absl::Status RuntimeConfig::Change(absl::Span<const ConfigSettingView> settings) {
  std::vector<ConfigChange> changes;
  {
    storage::MutexLock lock(mutex_);
    ServerConfig changed = config_;
    for (const ConfigSettingView& setting : settings) {
      const absl::Status status = SetFlag(changed, setting.name, setting.value);
      if (!status.ok()) return status;
    }
    if (const absl::Status status = CheckConfig(changed); !status.ok()) return status;
    if (const absl::Status status = Apply(changed); !status.ok()) return status;
    changes = ChangesBetween(config_, changed);
    config_ = std::move(changed);
  }
  if (listener_) std::for_each(changes.begin(), changes.end(), listener_);
  return absl::OkStatus();
}

absl::Status RuntimeConfig::Apply(const ServerConfig& config) {
  // First what can be refused: the keyspace needs more than the flag's least for many stripes.
  const absl::Status status = keyspace_->SetMemoryLimit(config.keyspace.memory_bytes);
  if (!status.ok())
    return absl::Status(status.code(), absl::StrCat("--memory: ", status.message()));
  inflight_->SetRequestsMax(config.max_inflight);
  return absl::OkStatus();
}

}  // namespace larder::server
