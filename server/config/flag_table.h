#ifndef LARDER_SERVER_CONFIG_FLAG_TABLE_H_
#define LARDER_SERVER_CONFIG_FLAG_TABLE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/config/server_config.h"
#include "server/handlers/config_store.h"

namespace larder::server {

// A flag of larderd: how it is set in a config, read from one, and described to a person.
struct Flag {
  std::string name;  // without dashes
  std::string type;  // SIZE, DURATION, ...
  std::string help;
  std::string range;  // "4MiB to 16TiB"
  // INVALID_ARGUMENT names flag, value and range.
  std::function<absl::Status(ServerConfig&, std::string_view)> set;
  std::function<std::string(const ServerConfig&)> get;
};

// All flags, in the order of --help. The one place that lists them.
const std::vector<Flag>& Flags();

// Sets the flag of that name, without dashes. INVALID_ARGUMENT: there is none, or as Flag::set.
absl::Status SetFlag(ServerConfig& config, std::string_view name, std::string_view value);

// The values of all flags, by name; or only of those that differ from a default config, in the
// order of --help. `changeable` is not known here.
std::vector<ConfigEntry> ConfigEntries(const ServerConfig& config);
std::vector<ConfigEntry> ChangedConfigEntries(const ServerConfig& config);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_FLAG_TABLE_H_
