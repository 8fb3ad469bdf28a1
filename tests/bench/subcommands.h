#ifndef LARDER_TESTS_BENCH_SUBCOMMANDS_H_
#define LARDER_TESTS_BENCH_SUBCOMMANDS_H_

#include <CLI/App.hpp>

#include "tests/bench/invocation.h"

namespace larder::bench {

// Each adds one subcommand with its flags. A new one: a function here, and its name in program.cc.
void AddClientCommand(CLI::App& app, Invocation& invocation);
void AddFloorServerCommand(CLI::App& app, Invocation& invocation);
void AddHitRatioCommand(CLI::App& app, Invocation& invocation);
void AddHotPathCommand(CLI::App& app, Invocation& invocation);
void AddIdleCommand(CLI::App& app, Invocation& invocation);
void AddKeyspaceCommand(CLI::App& app, Invocation& invocation);
void AddLogCommand(CLI::App& app, Invocation& invocation);
void AddMemoryCommand(CLI::App& app, Invocation& invocation);
void AddNeighbourCommand(CLI::App& app, Invocation& invocation);
void AddReplicationCommand(CLI::App& app, Invocation& invocation);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_SUBCOMMANDS_H_
