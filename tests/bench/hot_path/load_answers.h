#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_ANSWERS_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_ANSWERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::bench {

// Which operations of one connection were answered, by their numbers there: 0, 1, 2, ...
struct LoadAnswers {
  std::vector<uint64_t> numbers;  // of the failed ones too
  uint64_t failures = 0;
  std::string first_failure;

  void Add(uint64_t number) { numbers.push_back(number); }
  void Fail(uint64_t number, std::string_view why) {
    if (failures++ == 0) first_failure.assign(why);
    numbers.push_back(number);
  }
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_ANSWERS_H_
