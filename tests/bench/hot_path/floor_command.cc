#include <CLI/App.hpp>
#include <memory>

#include "client/flags/arguments.h"
#include "tests/bench/hot_path/floor_loop.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

constexpr size_t kMessageBytesMax = size_t{1} << 30;

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
  cli::AddWhole<uint16_t>(command, "--port", arguments->port, {0, UINT16_MAX}, "Of 127.0.0.1")
      ->required();
  cli::AddWhole<size_t>(command, "--request_bytes", arguments->sizes.request_bytes,
                        {1, kMessageBytesMax}, "Of each request")
      ->required();
  cli::AddWhole<size_t>(command, "--answer_bytes", arguments->sizes.answer_bytes,
                        {1, kMessageBytesMax}, "Of each answer")
      ->required();
  command.callback(
      [&invocation, arguments] { invocation.run = [arguments] { return Run(*arguments); }; });
}

}  // namespace larder::bench
