#include "tests/testing/history/written_value.h"

#include <algorithm>
#include <charconv>

namespace larder::history {
namespace {

constexpr int kSumBits = 24;
constexpr int kNumberBits = 28;
constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyzABCDEF";

// Sixty-four bits that differ for each writer and place (splitmix64; S. Vigna).
uint64_t Mix(OperationId writer, uint64_t place) {
  uint64_t x = (uint64_t{writer.client} << 32 | writer.number) + 0x9e3779b97f4a7c15 * (place + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

void AppendFiller(OperationId writer, size_t bytes, std::string& value) {
  for (size_t at = 0; at < bytes; at += 8) {
    uint64_t bits = Mix(writer, at);
    for (size_t i = at; i < std::min(at + 8, bytes); ++i, bits >>= 8) value += kLetters[bits & 31];
  }
}

template <typename Number>
std::optional<Number> TakeNumber(std::string_view& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool TakeChar(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<OperationId> TakeId(std::string_view& text) {
  const auto client = TakeNumber<uint32_t>(text);
  if (!client || !TakeChar(text, '.')) return std::nullopt;
  const auto number = TakeNumber<uint32_t>(text);
  if (!number) return std::nullopt;
  return OperationId{*client, *number};
}

std::string Header(OperationId writer, size_t bytes) {
  return "[" + ToText(writer) + ":" + std::to_string(bytes) + "]";
}

// Takes a piece off the front; nullopt: it is damaged.
std::optional<OperationId> TakePiece(std::string_view& value) {
  std::string_view rest = value;
  if (!TakeChar(rest, '[')) return std::nullopt;
  const std::optional<OperationId> writer = TakeId(rest);
  if (!writer || !TakeChar(rest, ':')) return std::nullopt;
  const auto bytes = TakeNumber<size_t>(rest);
  if (!bytes || *bytes > value.size()) return std::nullopt;
  if (value.substr(0, *bytes) != MakePiece(*writer, *bytes)) return std::nullopt;
  value.remove_prefix(*bytes);
  return writer;
}

}  // namespace

std::string ToText(OperationId id) {
  return std::to_string(id.client) + "." + std::to_string(id.number);
}

std::optional<OperationId> ParseOperationId(std::string_view text) {
  const std::optional<OperationId> id = TakeId(text);
  return text.empty() ? id : std::nullopt;
}

std::string MakePiece(OperationId writer, size_t bytes) {
  // The length is part of what has this length.
  size_t whole = bytes;
  std::string piece = Header(writer, whole);
  while (piece.size() > whole) {
    whole = piece.size();
    piece = Header(writer, whole);
  }
  AppendFiller(writer, whole - piece.size(), piece);
  return piece;
}

int64_t CounterStart(OperationId creator) {
  return ((int64_t{creator.client} << kNumberBits) | creator.number) << kSumBits;
}

std::string DescribeCounter(int64_t number) {
  if (number < 0) return "!a counter below 0: " + std::to_string(number);
  const int64_t creator = number >> kSumBits;
  const OperationId id{static_cast<uint32_t>(creator >> kNumberBits),
                       static_cast<uint32_t>(creator & kCounterNumberMax)};
  return "#" + ToText(id) + "+" + std::to_string(number & kCounterSumMax);
}

std::string DescribeValue(std::string_view value) {
  std::string_view rest = value;
  if (const auto number = TakeNumber<int64_t>(rest); number && rest.empty()) {
    return DescribeCounter(*number);
  }
  std::string state;
  for (rest = value; !rest.empty();) {
    const size_t at = value.size() - rest.size();
    const std::optional<OperationId> writer = TakePiece(rest);
    if (!writer) {
      return "!damaged from byte " + std::to_string(at) + " of " + std::to_string(value.size()) +
             ", after '" + state + "'";
    }
    if (!state.empty()) state += ',';
    state += ToText(*writer);
  }
  return state.empty() ? "!empty" : state;
}

std::optional<ValueState> ParseState(std::string_view text) {
  ValueState state;
  state.is_counter = TakeChar(text, '#');
  do {
    const std::optional<OperationId> writer = TakeId(text);
    if (!writer) return std::nullopt;
    state.writers.push_back(*writer);
  } while (!state.is_counter && TakeChar(text, ','));
  if (state.is_counter) {
    if (!TakeChar(text, '+')) return std::nullopt;
    const auto sum = TakeNumber<int64_t>(text);
    if (!sum) return std::nullopt;
    state.sum = *sum;
  }
  if (!text.empty()) return std::nullopt;
  return state;
}

}  // namespace larder::history
