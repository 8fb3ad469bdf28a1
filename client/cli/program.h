#ifndef LARDER_CLIENT_CLI_PROGRAM_H_
#define LARDER_CLIENT_CLI_PROGRAM_H_

#include <string>
#include <vector>

#include "client/cli/session.h"

namespace larder::cli {

// Runs `larder ARGUMENTS` and returns its exit code; see session.h. REQUIRES: SIGPIPE is ignored.
int RunProgram(std::vector<std::string> arguments, const Streams& streams);

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_PROGRAM_H_
