#ifndef LARDER_CLIENT_CLI_COMPLETION_H_
#define LARDER_CLIENT_CLI_COMPLETION_H_

#include <CLI/App.hpp>
#include <string>

namespace larder::cli {

// A bash script that completes the program's subcommands and flags, as they are in `app`. Flags
// whose type is a list a|b|c offer these, those of type FILE offer files. Needs nothing of the
// bash-completion package.
std::string BashCompletion(const CLI::App& app);

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_COMPLETION_H_
