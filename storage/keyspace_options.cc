#include "storage/keyspace_options.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "storage/operations.h"
#include "storage/unit_pool.h"

namespace larder::storage {
namespace {

// Much of less would be slack. A limit may be lowered later to a part of that.
constexpr uint64_t kMemoryPerStripe = uint64_t{16} << 20;
constexpr uint64_t kSegmentsPerStripeMin = 16;
// So many at least, if they need not be too short for that.
constexpr uint64_t kSegmentsPerStripe = 512;

}  // namespace

absl::Status CheckNumbers(const KeyspaceOptions& options) {
  if (!std::has_single_bit(options.stripes) || options.stripes > kSlots) {
    return absl::InvalidArgumentError(absl::StrCat(
        "stripes is ", options.stripes, "; it must be a power of two from 1 to ", kSlots));
  }
  if (options.eviction_samples < 1 || options.eviction_samples > 64) {
    return absl::InvalidArgumentError(absl::StrCat("eviction_samples is ", options.eviction_samples,
                                                   "; it must be from 1 to 64"));
  }
  return absl::OkStatus();
}

absl::Status CheckMemory(uint64_t bytes, uint64_t stripes, uint64_t segment_bytes,
                         uint64_t record_bytes_max) {
  if (bytes < kKeyspaceBytesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory_bytes is ", bytes, "; the least is ", kKeyspaceBytesMin));
  }
  const uint64_t least = stripes * kSegmentsPerStripeMin * segment_bytes;
  if (bytes < least) {
    return absl::InvalidArgumentError(absl::StrCat("memory_bytes is ", bytes, "; with ", stripes,
                                                   " stripes and segments of ", segment_bytes,
                                                   " bytes the least is ", least));
  }
  const uint64_t most = stripes * record_bytes_max;
  if (bytes > most) {
    return absl::InvalidArgumentError(absl::StrCat(
        "memory_bytes (--memory) is ", bytes, "; a stripe holds at most ", record_bytes_max,
        " bytes of records, so with ", stripes, " stripes (--stripes) the most is ", most));
  }
  return absl::OkStatus();
}

uint32_t StripesFor(const KeyspaceOptions& options) {
  const uint64_t stripes_max =
      std::bit_floor(std::max<uint64_t>(options.memory_bytes / kMemoryPerStripe, 1));
  return static_cast<uint32_t>(std::min<uint64_t>(options.stripes, stripes_max));
}

size_t SegmentBytesFor(const KeyspaceOptions& options) {
  const uint64_t bytes = options.memory_bytes / StripesFor(options) / kSegmentsPerStripe;
  return std::clamp<size_t>(std::bit_floor(bytes), EntryPools::kSegmentBytesMin,
                            EntryPools::kSegmentBytesMax);
}

}  // namespace larder::storage
