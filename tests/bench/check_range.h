#ifndef LARDER_TESTS_BENCH_CHECK_RANGE_H_
#define LARDER_TESTS_BENCH_CHECK_RANGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::bench {

// INVALID_ARGUMENT: the flag's number is below 1 or above `max`.
inline absl::Status CheckRange(const char* name, int64_t number, int64_t max) {
  if (number >= 1 && number <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, "=", number, ": must be from 1 to ", max));
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_CHECK_RANGE_H_
