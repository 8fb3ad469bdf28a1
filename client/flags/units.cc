#include "client/flags/units.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace larder::cli {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr double kKi = 1024;

constexpr Unit kDurationUnits[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
                                   {"m", 60},    {"h", 3600},  {"d", 86400}, {"w", 604800}};
constexpr Unit kByteUnits[] = {{"", 1},
                               {"B", 1},
                               {"KB", 1e3},
                               {"MB", 1e6},
                               {"GB", 1e9},
                               {"TB", 1e12},
                               {"K", kKi},
                               {"M", kKi* kKi},
                               {"G", kKi* kKi* kKi},
                               {"T", kKi* kKi* kKi* kKi},
                               {"KiB", kKi},
                               {"MiB", kKi* kKi},
                               {"GiB", kKi* kKi* kKi},
                               {"TiB", kKi* kKi* kKi* kKi}};
constexpr Unit kCountUnits[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};

absl::Status Refuse(std::string_view text, const char* expected) {
  return absl::InvalidArgumentError(absl::StrCat("'", std::string(text), "' is not ", expected));
}

// Takes digits and at most one point off the front; false: there is no number.
bool TakeNumber(std::string_view& text, double& number) {
  size_t end = 0;
  int points = 0;
  while (end < text.size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>(text[end])) || text[end] == '.')) {
    points += text[end] == '.' ? 1 : 0;
    ++end;
  }
  if (end == 0 || points > 1 || end == static_cast<size_t>(points)) return false;
  if (!absl::SimpleAtod(absl::string_view(text.data(), end), &number)) return false;
  text.remove_prefix(end);
  return true;
}

// Takes letters off the front.
std::string_view TakeLetters(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && absl::ascii_isalpha(static_cast<unsigned char>(text[end]))) ++end;
  const std::string_view letters = text.substr(0, end);
  text.remove_prefix(end);
  return letters;
}

bool SameUnit(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (absl::ascii_tolower(static_cast<unsigned char>(a[i])) !=
        absl::ascii_tolower(static_cast<unsigned char>(b[i]))) {
      return false;
    }
  }
  return true;
}

const Unit* Find(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (SameUnit(unit.name, name)) return &unit;
  }
  return nullptr;
}

// A number and one unit that is a whole result.
absl::StatusOr<uint64_t> ParseScaled(std::string_view text, std::span<const Unit> units,
                                     const char* expected) {
  std::string_view rest = text;
  // Exact, beyond what a double holds.
  if (const std::optional<uint64_t> whole = ParseWhole<uint64_t>(text)) return *whole;
  double number = 0;
  if (!TakeNumber(rest, number)) return Refuse(text, expected);
  const Unit* const unit = Find(units, TakeLetters(rest));
  if (unit == nullptr || !rest.empty()) return Refuse(text, expected);
  const double result = number * unit->factor;
  if (result != std::floor(result) || result >= 18446744073709551616.0) {
    return Refuse(text, expected);
  }
  return static_cast<uint64_t>(result);
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  constexpr char kExpected[] = "a duration such as 500ms, 1h30m or 2d";
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return Refuse(text, kExpected);
  absl::Duration total;
  std::string_view rest = text;
  while (!rest.empty()) {
    double number = 0;
    if (!TakeNumber(rest, number)) return Refuse(text, kExpected);
    const Unit* const unit = Find(kDurationUnits, TakeLetters(rest));
    if (unit == nullptr) return Refuse(text, kExpected);
    total += number * absl::Seconds(unit->factor);
  }
  if (total > absl::Hours(24.0 * 365 * 10000))
    return Refuse(text, "a duration of at most 10000 years");
  return total;
}

absl::StatusOr<uint64_t> ParseBytes(std::string_view text) {
  return ParseScaled(text, kByteUnits, "a size in bytes such as 100, 64KiB or 1.5GB");
}

absl::StatusOr<uint64_t> ParseCount(std::string_view text) {
  return ParseScaled(text, kCountUnits, "a count such as 1000, 50k or 5M");
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> ParseByteRange(std::string_view text) {
  const size_t dots = text.find("..");
  absl::StatusOr<uint64_t> low = ParseBytes(text.substr(0, dots));
  if (!low.ok()) return low.status();
  if (dots == std::string_view::npos) return std::pair(*low, *low);
  absl::StatusOr<uint64_t> high = ParseBytes(text.substr(dots + 2));
  if (!high.ok()) return high.status();
  if (*low > *high) return Refuse(text, "a range of sizes from less to more");
  return std::pair(*low, *high);
}

absl::StatusOr<Ack> ParseAck(std::string_view text) {
  if (text == "memory") return Ack{Ack::Level::kMemory, 0};
  if (text == "disk") return Ack{Ack::Level::kDisk, 0};
  constexpr std::string_view kReplicas = "replicas:";
  if (text.substr(0, kReplicas.size()) == kReplicas) {
    const auto replicas = ParseWhole<uint32_t>(text.substr(kReplicas.size()));
    if (replicas && *replicas > 0) return Ack{Ack::Level::kReplicas, *replicas};
  }
  return Refuse(text, "memory, disk or replicas:N with N at least 1");
}

absl::StatusOr<double> ParseReal(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_end, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && parsed_end == end && std::isfinite(number)) return number;
  return Refuse(text, "a decimal number such as 0.5");
}

absl::StatusOr<int64_t> ParseInteger(std::string_view text) {
  if (const std::optional<int64_t> number = ParseWhole<int64_t>(text)) return *number;
  return Refuse(text, "a signed 64-bit integer");
}

absl::StatusOr<uint64_t> ParseVersion(std::string_view text) {
  const std::optional<uint64_t> version = ParseWhole<uint64_t>(text);
  if (version && *version > 0) return *version;
  return Refuse(text, "a version, which is a number above 0");
}

absl::StatusOr<std::string> ParseHex(std::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) text = {};
  }
  if (text.empty() || text.size() % 2 != 0) {
    return absl::InvalidArgumentError("not an even number of hexadecimal digits");
  }
  return absl::HexStringToBytes(absl::string_view(text.data(), text.size()));
}

std::string FormatHex(std::string_view bytes) {
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

std::string FormatBytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (value /= kKi; value >= kKi && unit + 1 < std::size(kUnits); ++unit) value /= kKi;
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string FormatLatency(absl::Duration duration) {
  double value = absl::ToDoubleMicroseconds(duration);
  const char* unit = "us";
  if (value >= 999.5e3) {
    value /= 1e6;
    unit = "s";
  } else if (value >= 999.5) {
    value /= 1e3;
    unit = "ms";
  }
  return absl::StrFormat("%.*f%s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, unit);
}

std::string FormatTimestamp(absl::Time time) {
  if (time == absl::InfiniteFuture()) return "never";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace larder::cli
