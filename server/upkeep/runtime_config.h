#ifndef LARDER_SERVER_UPKEEP_RUNTIME_CONFIG_H_
#define LARDER_SERVER_UPKEEP_RUNTIME_CONFIG_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/config/server_config.h"
#include "server/handlers/config_store.h"
#include "server/handlers/served_keyspace.h"
#include "server/transport/inflight_limit.h"
#include "storage/mutex.h"

namespace larder::server {

// A flag that got another value, as it would be written on the command line.
struct ConfigChange {
  std::string name;
  std::string old_value;
  std::string new_value;
};

// Told of each change after it was made, on the thread that made it; under no lock.
using ConfigListener = std::function<void(const ConfigChange&)>;

// The flags of a running node, and how a change takes effect: only flags that are read in one
// place, an atomic, can change. Thread-safe; changes come one after the other, and a reader sees
// all of one or nothing of it. Keyspace and limit must outlive it.
class RuntimeConfig final : public ConfigStore {
 public:
  // `config` is what keyspace and limit were made from. The listener may be empty.
  RuntimeConfig(const ServerConfig& config, ServedKeyspace* keyspace, InflightLimit* inflight,
                ConfigListener listener);

  std::vector<ConfigEntry> Read() const override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Change(absl::Span<const ConfigSettingView> settings) override
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Puts a config into effect, or nothing of it.
  absl::Status Apply(const ServerConfig& config) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ServedKeyspace* const keyspace_;
  InflightLimit* const inflight_;
  const ConfigListener listener_;
  mutable storage::Mutex mutex_;
  ServerConfig config_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_UPKEEP_RUNTIME_CONFIG_H_
