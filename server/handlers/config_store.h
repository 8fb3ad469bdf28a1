#ifndef LARDER_SERVER_HANDLERS_CONFIG_STORE_H_
#define LARDER_SERVER_HANDLERS_CONFIG_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/handlers/request_views.h"

namespace larder::server {

// A flag as it would be written on the command line.
struct ConfigEntry {
  std::string name;
  std::string value;
  bool changeable = false;  // while the node runs
};

// The flags of a running node. Thread-safe.
class ConfigStore {
 public:
  virtual ~ConfigStore() = default;

  // The values of now, by name.
  virtual std::vector<ConfigEntry> Read() const = 0;

  // Changes all or none. INVALID_ARGUMENT names a flag, its value and what is allowed.
  // REQUIRES: each names a changeable flag, no two the same one.
  virtual absl::Status Change(absl::Span<const ConfigSettingView> settings) = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_CONFIG_STORE_H_
