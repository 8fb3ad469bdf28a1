#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "client/channel/standard_streams.h"
#include "tests/testing/history_load/program.h"

int main(int argc, char** argv) {
  larder::HoldStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);
  return larder::history::RunProgram(std::vector<std::string>(argv + 1, argv + argc), STDIN_FILENO,
                                     std::cout, std::cerr);
}
