#ifndef LARDER_TESTS_BENCH_HOT_PATH_WIRE_SIZES_H_
#define LARDER_TESTS_BENCH_HOT_PATH_WIRE_SIZES_H_

#include <cstddef>

namespace larder::bench {

// What one operation takes on a connection, framing included. Both more than 0.
struct WireSizes {
  size_t request_bytes = 1;
  size_t answer_bytes = 1;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_WIRE_SIZES_H_
