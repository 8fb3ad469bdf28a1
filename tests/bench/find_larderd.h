#ifndef LARDER_TESTS_BENCH_FIND_LARDERD_H_
#define LARDER_TESTS_BENCH_FIND_LARDERD_H_

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/child_process.h"

namespace larder::bench {

// The program that --larderd names; empty: the one beside this program. INVALID_ARGUMENT: there is
// none.
inline absl::StatusOr<std::string> FindLarderd(std::string path) {
  if (path.empty()) {
    std::error_code error;
    path = std::filesystem::read_symlink("/proc/self/exe", error).replace_filename("larderd");
  } else if (path.find('/') == std::string::npos) {
    path.insert(0, "./");
  }
  if (!FindProgram(path).empty()) return path;
  return absl::InvalidArgumentError(absl::StrCat("--larderd=", path, ": there is no such program"));
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_FIND_LARDERD_H_
