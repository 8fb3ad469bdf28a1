#ifndef LARDER_TESTS_BENCH_LABELLED_NUMBER_H_
#define LARDER_TESTS_BENCH_LABELLED_NUMBER_H_

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace larder::bench {

// The number behind the first word of the file that is `label`, as "VmRSS:" in /proc/PID/status.
// Nothing: there is none, or no such file.
inline std::optional<uint64_t> ReadLabelledNumber(const std::string& path, std::string_view label) {
  std::ifstream file(path);
  std::string word;
  uint64_t number = 0;
  while (file >> word) {
    if (word == label && file >> number) return number;
  }
  return std::nullopt;
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_LABELLED_NUMBER_H_
