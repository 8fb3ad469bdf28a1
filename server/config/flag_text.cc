#include "server/config/flag_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

struct Unit {
  char letter;
  int shift;
};
constexpr std::array<Unit, 4> kUnits = {{{'t', 40}, {'g', 30}, {'m', 20}, {'k', 10}}};

// The power of two that a suffix stands for.
std::optional<int> ShiftOf(std::string_view suffix) {
  const std::string lower = absl::AsciiStrToLower(absl::string_view(suffix.data(), suffix.size()));
  if (lower.empty() || lower == "b") return 0;
  for (const Unit& unit : kUnits) {
    const std::string letter(1, unit.letter);
    if (lower == letter || lower == letter + "b" || lower == letter + "ib") return unit.shift;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_end, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || parsed_end != end) return std::nullopt;
  return number;
}

std::optional<uint64_t> ParseBytes(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<uint64_t> number = ParseNumber(text.substr(0, digits));
  const std::optional<int> shift = ShiftOf(text.substr(digits));
  if (!number.has_value() || !shift.has_value()) return std::nullopt;
  if (*number > std::numeric_limits<uint64_t>::max() >> *shift) return std::nullopt;
  return *number << *shift;
}

std::string FormatBytes(uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes == 0 || bytes % (uint64_t{1} << unit.shift) != 0) continue;
    return absl::StrCat(bytes >> unit.shift, std::string(1, absl::ascii_toupper(unit.letter)),
                        "iB");
  }
  return absl::StrCat(bytes);
}

std::optional<absl::Duration> ParseFlagDuration(std::string_view text) {
  absl::Duration duration;
  if (!absl::ParseDuration(absl::string_view(text.data(), text.size()), &duration)) {
    return std::nullopt;
  }
  if (duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) return std::nullopt;
  return duration;
}

std::optional<double> ParseDecimal(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_end, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed_end != end) return std::nullopt;
  if (!std::isfinite(number) || number < 0) return std::nullopt;
  return number;
}

}  // namespace larder::server
