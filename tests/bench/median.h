#ifndef LARDER_TESTS_BENCH_MEDIAN_H_
#define LARDER_TESTS_BENCH_MEDIAN_H_

#include <algorithm>
#include <vector>

namespace larder::bench {

// The middle one, or the mean of the two in the middle. REQUIRES: not empty.
inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_MEDIAN_H_
