#include <csignal>
#include <string>
#include <vector>

#include "client/cli/program.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return larder::cli::RunProgram(std::vector<std::string>(argv + 1, argv + argc), {});
}
