#include "tests/bench/fill_sizes.h"

#include "absl/strings/str_cat.h"
#include "storage/operations.h"

namespace larder::bench {

absl::Status CheckCount(const char* name, uint64_t count) {
  if (count >= 1 && count <= 1'000'000'000) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", name, "=", count, ": must be from 1 to 1000000000"));
}

absl::Status CheckValueBytes(uint64_t value_bytes) {
  if (value_bytes <= storage::kValueBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--value_bytes=", value_bytes, ": more than ",
                                                 storage::kValueBytesMax, " bytes"));
}

uint64_t AmpleMemory(uint64_t keys, size_t key_bytes, size_t value_bytes) {
  return (uint64_t{256} << 20) + keys * (key_bytes + value_bytes + 512);
}

}  // namespace larder::bench
