#include "cluster/replication/node_id.h"

#include <charconv>
#include <system_error>

#include "absl/strings/str_format.h"

namespace larder::cluster {
namespace {

constexpr size_t kHalfDigits = 16;

std::optional<uint64_t> HexOf(std::string_view digits) {
  uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

std::string NodeId::ToText() const { return absl::StrFormat("%016x%016x", high, low); }

std::optional<NodeId> NodeId::FromText(std::string_view text) {
  if (text.size() != 2 * kHalfDigits) return std::nullopt;
  const std::optional<uint64_t> high = HexOf(text.substr(0, kHalfDigits));
  const std::optional<uint64_t> low = HexOf(text.substr(kHalfDigits));
  if (!high.has_value() || !low.has_value()) return std::nullopt;
  return NodeId{*high, *low};
}

}  // namespace larder::cluster
