#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string_view>

#include "client/channel/standard_streams.h"
#include "tests/testing/link_proxy/link_proxy.h"

namespace {

constexpr char kUsage[] =
    "usage: larder_link_proxy TARGET_PORT [LISTEN_PORT]\n"
    "A TCP proxy on 127.0.0.1 before a port of this machine. Prints 'port N', then answers "
    "commands on\n"
    "stdin until it ends (tests/testing/link_proxy/link_command.h lists them).\n";

bool ReadPort(std::string_view text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

}  // namespace

int main(int argc, char** argv) {
  larder::HoldStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);
  larder::link_proxy::LinkProxy::Options options;
  options.control_in = STDIN_FILENO;
  options.control_out = STDOUT_FILENO;
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::cout << kUsage;
    return 0;
  }
  if (argc < 2 || argc > 3 || !ReadPort(argv[1], options.target_port) ||
      (argc == 3 && !ReadPort(argv[2], options.listen_port))) {
    std::cerr << kUsage;
    return 2;
  }
  const auto proxy = larder::link_proxy::LinkProxy::Create(options);
  if (!proxy.ok()) {
    std::cerr << "larder_link_proxy: " << proxy.status().message() << "\n";
    return 1;
  }
  std::cout << "port " << (*proxy)->port() << std::endl;
  const absl::Status status = (*proxy)->Run();
  if (!status.ok()) std::cerr << "larder_link_proxy: " << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
