#ifndef LARDER_SERVER_CONFIG_FLAG_TEXT_H_
#define LARDER_SERVER_CONFIG_FLAG_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace larder::server {

// Numbers, sizes and durations as they are written in flags. Parsers return nothing for text that
// is none, has a sign, or does not fit; Format writes what Parse reads.

// Digits.
std::optional<uint64_t> ParseNumber(std::string_view text);

// Digits, then nothing (or b), k, m, g or t, each also as kb or kib and in capitals: always powers
// of 1024, as Redis' kb and mb are.
std::optional<uint64_t> ParseBytes(std::string_view text);
std::string FormatBytes(uint64_t bytes);

// Reads durations as Go writes them: 500ms, 10s, 1h30m. Never negative or infinite.
std::optional<absl::Duration> ParseFlagDuration(std::string_view text);

// Finite and not negative.
std::optional<double> ParseDecimal(std::string_view text);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_FLAG_TEXT_H_
