#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "client/channel/standard_streams.h"
#include "tests/bench/program.h"

int main(int argc, char** argv) {
  larder::HoldStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);
  return larder::bench::RunProgram(std::vector<std::string>(argv + 1, argv + argc), std::cout,
                                   std::cerr);
}
