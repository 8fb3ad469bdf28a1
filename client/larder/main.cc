#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "client/channel/standard_streams.h"
#include "client/cli/program.h"

int main(int argc, char** argv) {
  larder::HoldStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);
  // What goes wrong is said once, by us.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  return larder::cli::RunProgram(std::vector<std::string>(argv + 1, argv + argc), {});
}
