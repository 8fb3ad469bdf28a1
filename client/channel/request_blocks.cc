#include "client/channel/request_blocks.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "proto/http2/status_block.h"

namespace larder {
namespace {

// Indices of the static table (RFC 7541, appendix A) as indexed fields.
constexpr char kMethodPost = '\x83';
constexpr char kSchemeHttp = '\x86';
constexpr char kSchemeHttps = '\x87';

constexpr char kUserAgent[] = "larder-channel/1";
constexpr int64_t kNumberMax = 99'999'999;  // gRPC permits 8 digits
constexpr int64_t kSteps = 16;              // of which a power of two has so many

int64_t MillisecondsLeft(absl::Duration left) {
  return std::max<int64_t>(1, absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1))));
}

// The step that `ms` is rounded to.
int64_t StepOf(int64_t ms) {
  return std::max<int64_t>(
      1, static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(ms))) / kSteps);
}

int64_t RoundUp(int64_t ms) {
  const int64_t step = StepOf(ms);
  return (ms + step - 1) / step * step;
}

std::string TimeoutText(int64_t rounded_ms) {
  if (rounded_ms <= kNumberMax) return absl::StrCat(rounded_ms, "m");
  return absl::StrCat(std::min(rounded_ms / 1000 + 1, kNumberMax), "S");
}

}  // namespace

std::string GrpcTimeout(absl::Duration left) {
  return TimeoutText(RoundUp(MillisecondsLeft(left)));
}

std::string_view RequestBlocks::BlockOf(std::string_view path, absl::Duration left) {
  auto block = std::find_if(blocks_.begin(), blocks_.end(),
                            [&](const Block& known) { return known.path == path.data(); });
  if (block == blocks_.end()) block = blocks_.insert(block, {path.data(), 0, 0, {}});
  const int64_t ms = left == absl::InfiniteDuration() ? -1 : MillisecondsLeft(left);
  if (!block->bytes.empty() && ms >= block->timeout_min_ms && ms <= block->timeout_max_ms) {
    return block->bytes;
  }
  const bool is_tls = origin_.scheme == RequestOrigin::Scheme::kHttps;
  std::string bytes = {kMethodPost, is_tls ? kSchemeHttps : kSchemeHttp};
  AppendField(":path", path, bytes);
  AppendField(":authority", origin_.authority, bytes);
  AppendField("te", "trailers", bytes);
  AppendField("content-type", "application/grpc", bytes);
  AppendField("user-agent", kUserAgent, bytes);
  for (const auto& [name, value] : origin_.metadata) AppendField(name, value, bytes);
  block->timeout_min_ms = block->timeout_max_ms = ms;
  if (ms >= 0) {
    block->timeout_max_ms = RoundUp(ms);
    block->timeout_min_ms = std::max<int64_t>(1, block->timeout_max_ms - StepOf(ms) + 1);
    AppendField("grpc-timeout", TimeoutText(block->timeout_max_ms), bytes);
  }
  block->bytes = std::move(bytes);
  return block->bytes;
}

}  // namespace larder
