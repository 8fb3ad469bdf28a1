#ifndef LARDER_TESTS_BENCH_MEDIAN_AND_SPREAD_H_
#define LARDER_TESTS_BENCH_MEDIAN_AND_SPREAD_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/bench/median.h"

namespace larder::bench {

// As "2.50 (2.10-3.00)": the median, the least and the most. "-" of nothing.
inline std::string MedianAndSpread(const std::vector<double>& values, int decimals) {
  if (values.empty()) return "-";
  const auto [least, most] = std::ranges::minmax(values);
  return absl::StrFormat("%.*f (%.*f-%.*f)", decimals, Median(values), decimals, least, decimals,
                         most);
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_MEDIAN_AND_SPREAD_H_
