#include "tests/bench/hot_path/pipeline_answer.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace larder::bench {
namespace {

constexpr uint64_t kVarint = 0;  // wire types
constexpr uint64_t kBytes = 2;
constexpr uint64_t kIdField = 1;

// Takes a number from the front. Nothing: there is no whole one.
std::optional<uint64_t> TakeVarint(std::string_view& message) {
  constexpr int kBitsMax = 64;
  uint64_t number = 0;
  for (int bits = 0; bits < kBitsMax && !message.empty(); bits += 7) {
    const auto byte = static_cast<uint8_t>(message.front());
    message.remove_prefix(1);
    number |= uint64_t{byte & 0x7fu} << bits;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

absl::Status Malformed() {
  return absl::InternalError("the Pipeline sends what is no PipelineResponse");
}

}  // namespace

absl::StatusOr<PipelineAnswer> ParsePipelineAnswer(std::string_view message) {
  PipelineAnswer answer;
  while (!message.empty()) {
    const std::optional<uint64_t> tag = TakeVarint(message);
    const std::optional<uint64_t> number = TakeVarint(message);
    if (!tag.has_value() || !number.has_value()) return Malformed();
    if (*tag == (kIdField << 3 | kVarint)) {
      answer.id = *number;
    } else if ((*tag & 7) == kBytes && *number <= message.size()) {
      answer.result_field = static_cast<uint32_t>(*tag >> 3);
      answer.result_bytes = *number;
      message.remove_prefix(*number);
    } else {
      return Malformed();
    }
  }
  return answer;
}

}  // namespace larder::bench
