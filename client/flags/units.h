#ifndef LARDER_CLIENT_FLAGS_UNITS_H_
#define LARDER_CLIENT_FLAGS_UNITS_H_

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/types.h"

namespace larder::cli {

// What people type on command lines, and what they read. Parse functions return INVALID_ARGUMENT
// with what is wrong, for a message that begins with the flag's name.

// 500ms, 1h30m, 1.5s, 2d; units ns us ms s m h d w. Not negative. 0 needs no unit.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

// 100, 64KiB, 1.5MB; units B KB MB GB TB (powers of 1000), KiB MiB GiB TiB, also K M G T (powers of
// 1024).
absl::StatusOr<uint64_t> ParseBytes(std::string_view text);

// 1000, 50k, 5M, 1.5G: powers of 1000.
absl::StatusOr<uint64_t> ParseCount(std::string_view text);

// A size, or two as in 10..4KiB with the first at most the second.
absl::StatusOr<std::pair<uint64_t, uint64_t>> ParseByteRange(std::string_view text);

// memory, disk or replicas:N.
absl::StatusOr<Ack> ParseAck(std::string_view text);

// A finite number in decimal digits, such as 0.5, -3 or 1e6.
absl::StatusOr<double> ParseReal(std::string_view text);

// Decimal digits, and with a signed type a - or + before them; nothing before or after that, and
// not more than T holds.
template <typename T>
std::optional<T> ParseWhole(std::string_view text) {
  if (std::is_signed_v<T> && text.substr(0, 1) == "+" && text.substr(1, 1) != "-") {
    text.remove_prefix(1);
  }
  T number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_end, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed_end != end) return std::nullopt;
  return number;
}

// A signed 64-bit integer.
absl::StatusOr<int64_t> ParseInteger(std::string_view text);

// The version of an entry: an unsigned 64-bit integer above 0.
absl::StatusOr<uint64_t> ParseVersion(std::string_view text);

// An even number of hexadecimal digits, at least 2.
absl::StatusOr<std::string> ParseHex(std::string_view text);
std::string FormatHex(std::string_view bytes);

std::string FormatBytes(uint64_t bytes);             // 1.5 GiB
std::string FormatLatency(absl::Duration duration);  // 3 digits: 12.3us, 1.23ms, 45.6s
std::string FormatTimestamp(absl::Time time);        // 2025-01-31T12:00:00.000Z; "never"

}  // namespace larder::cli

#endif  // LARDER_CLIENT_FLAGS_UNITS_H_
