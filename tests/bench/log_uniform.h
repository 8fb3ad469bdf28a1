#ifndef LARDER_TESTS_BENCH_LOG_UNIFORM_H_
#define LARDER_TESTS_BENCH_LOG_UNIFORM_H_

#include <cmath>
#include <cstddef>

#include "client/load/random.h"

namespace larder::bench {

// Uniform in log scale from low to high. REQUIRES: 1 <= low <= high.
inline size_t LogUniform(size_t low, size_t high, load::Random& random) {
  const double ratio = static_cast<double>(high) / static_cast<double>(low);
  return static_cast<size_t>(static_cast<double>(low) * std::pow(ratio, random.Fraction()));
}

inline double LogUniformMean(size_t low, size_t high) {
  if (low == high) return static_cast<double>(low);
  return static_cast<double>(high - low) /
         std::log(static_cast<double>(high) / static_cast<double>(low));
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_LOG_UNIFORM_H_
