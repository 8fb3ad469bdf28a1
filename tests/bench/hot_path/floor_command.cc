#include <CLI/App.hpp>
#include <memory>

#include "tests/bench/hot_path/floor_loop.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

struct FloorArguments {
  uint16_t port = 0;
  WireSizes sizes;
};

absl::Status Run(const FloorArguments& arguments) {
  const auto loop = FloorLoop::Listen(arguments.port, arguments.sizes);
  if (!loop.ok()) return loop.status();
  return (*loop)->Run(/*connections_max=*/0);
}

}  // namespace

void AddFloorServerCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<FloorArguments>();
  // No group: it is what hot_path starts, and not in the help.
  CLI::App& command =
      *app.add_subcommand("floor_server", "Answers so many bytes with so many")->group("");
  command.add_option("--port", arguments->port, "Of 127.0.0.1")->type_name("N")->required();
  command.add_option("--request_bytes", arguments->sizes.request_bytes, "Of each request")
      ->type_name("N")
      ->required()
      ->check(CLI::PositiveNumber);
  command.add_option("--answer_bytes", arguments->sizes.answer_bytes, "Of each answer")
      ->type_name("N")
      ->required()
      ->check(CLI::PositiveNumber);
  command.callback(
      [&invocation, arguments] { invocation.run = [arguments] { return Run(*arguments); }; });
}

}  // namespace larder::bench
