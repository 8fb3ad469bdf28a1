#ifndef LARDER_TESTS_BENCH_FILL_SIZES_H_
#define LARDER_TESTS_BENCH_FILL_SIZES_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

namespace larder::bench {

// INVALID_ARGUMENT names the flag, --`name`, for a count that is not from 1 to a thousand million.
absl::Status CheckCount(const char* name, uint64_t count);

// INVALID_ARGUMENT: more than a keyspace takes.
absl::Status CheckValueBytes(uint64_t value_bytes);

// More memory than so many entries can ever need.
uint64_t AmpleMemory(uint64_t keys, size_t key_bytes, size_t value_bytes);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_FILL_SIZES_H_
