#ifndef LARDER_SERVER_CONFIG_COMMAND_LINE_H_
#define LARDER_SERVER_CONFIG_COMMAND_LINE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/config/server_config.h"

namespace larder::server {

// What a command line asks for: to run with a config, or to print something and end.
struct CommandLine {
  ServerConfig config;
  std::optional<std::string> print;  // --help, --version
};

// Reads the arguments after the program's name: --name=value or --name value, the last one wins.
// --flagfile names a file of such lines, which the command line overrides; # begins a comment line.
// INVALID_ARGUMENT: one line that names the flag, the value and what it may be.
absl::StatusOr<CommandLine> ParseCommandLine(std::vector<std::string> arguments);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_COMMAND_LINE_H_
