#ifndef LARDER_CLIENT_CLI_COMMANDS_H_
#define LARDER_CLIENT_CLI_COMMANDS_H_

#include <CLI/App.hpp>

#include "client/cli/session.h"

namespace larder::cli {

// Each adds subcommands to the program: their flags, help, and what they do, which they leave in
// `session.command` when the command line chooses them. `session` must outlive `app`.

void AddReadCommands(CLI::App& app, Session& session);         // get mget scan
void AddWriteCommands(CLI::App& app, Session& session);        // set mset append incr
void AddKeyCommands(CLI::App& app, Session& session);          // delete touch lease
void AddNodeCommands(CLI::App& app, Session& session);         // ping stats flush
void AddReplicationCommands(CLI::App& app, Session& session);  // replica of, replication, digest
void AddConfigCommands(CLI::App& app, Session& session);       // config get, config set
void AddLoadCommands(CLI::App& app, Session& session);         // bench replay
void AddCompletionCommand(CLI::App& app, Session& session);    // completion

// The whole program: global flags and all of these.
void AddCommands(CLI::App& app, Session& session);

}  // namespace larder::cli

#endif  // LARDER_CLIENT_CLI_COMMANDS_H_
