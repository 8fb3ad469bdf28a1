// Request messages read in place, against protobuf: both refuse the bytes or both find the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/server/rpc/wire_comparison.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (larder::server::FirstDifference(bytes) != nullptr) std::abort();
  return 0;
}
