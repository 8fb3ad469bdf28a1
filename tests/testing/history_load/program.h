#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_PROGRAM_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_PROGRAM_H_

#include <iosfwd>
#include <string>
#include <vector>

namespace larder::history {

// larder_history but its main. `input`: the file from which `run` reads control lines. Returns the
// exit code: 0 done and nothing found, 1 findings, 2 wrong usage, 3 a node or a file failed.
int RunProgram(std::vector<std::string> arguments, int input, std::ostream& out, std::ostream& err);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_PROGRAM_H_
