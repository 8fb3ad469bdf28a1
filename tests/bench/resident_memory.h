#ifndef LARDER_TESTS_BENCH_RESIDENT_MEMORY_H_
#define LARDER_TESTS_BENCH_RESIDENT_MEMORY_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace larder::bench {

// Resident bytes of this process: /proc/self/statm.
uint64_t ResidentBytes();

// Resident bytes of another process: VmRSS. NOT_FOUND: there is none.
absl::StatusOr<uint64_t> ResidentBytesOf(pid_t pid);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_RESIDENT_MEMORY_H_
