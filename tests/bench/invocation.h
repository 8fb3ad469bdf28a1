#ifndef LARDER_TESTS_BENCH_INVOCATION_H_
#define LARDER_TESTS_BENCH_INVOCATION_H_

#include <functional>
#include <ostream>

#include "absl/status/status.h"

namespace larder::bench {

// One run of the program: where it prints, and what the command line chose.
struct Invocation {
  std::ostream& out;
  std::ostream& err;  // progress and warnings

  // Set by the subcommand when the command line is parsed. INVALID_ARGUMENT is a usage error.
  std::function<absl::Status()> run = {};
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_INVOCATION_H_
