#ifndef LARDER_TESTS_BENCH_PROGRAM_H_
#define LARDER_TESTS_BENCH_PROGRAM_H_

#include <ostream>
#include <string>
#include <vector>

namespace larder::bench {

// Runs `larder_bench ARGUMENTS`. Returns its exit code: 0 done, 1 the measurement failed, 2 wrong
// usage. Errors are one line on `err`.
int RunProgram(std::vector<std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_PROGRAM_H_
