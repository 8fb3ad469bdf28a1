#ifndef LARDER_TESTS_BENCH_ACCESS_TRACE_H_
#define LARDER_TESTS_BENCH_ACCESS_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace larder::bench {

// Requests for objects, which are numbered from 0 in the order in which they first appear.
struct AccessTrace {
  struct Access {
    uint32_t object = 0;
    uint32_t bytes = 0;  // 0 if the trace has no sizes
  };

  std::vector<Access> accesses;
  uint32_t objects = 0;
  bool has_sizes = false;  // every line has one
};

// Reads a trace of lines `KEY` or `KEY,BYTES`, which may be packed by xz, into memory.
// INVALID_ARGUMENT: there is no such file, it is broken, or it is empty.
absl::StatusOr<AccessTrace> ReadAccessTrace(const std::string& path);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_ACCESS_TRACE_H_
