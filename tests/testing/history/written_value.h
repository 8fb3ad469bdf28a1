#ifndef LARDER_TESTS_TESTING_HISTORY_WRITTEN_VALUE_H_
#define LARDER_TESTS_TESTING_HISTORY_WRITTEN_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/testing/history/operation.h"

namespace larder::history {

// The values that the clients of a history write, each of which says who wrote it and can be told
// from every damaged one:
//   a piece     "[client.number:bytes]" and filler that only this operation writes
//   a value     one piece, and one more for each kAppend
//   a counter   decimal digits: who created it, and in the lower 24 bits the sum of what was added

// REQUIRES: none of them is larger.
inline constexpr uint32_t kCounterClientMax = (1u << 11) - 1;
inline constexpr uint32_t kCounterNumberMax = (1u << 28) - 1;
inline constexpr int64_t kCounterSumMax = (int64_t{1} << 24) - 1;

// A piece of about `bytes` bytes.
std::string MakePiece(OperationId writer, size_t bytes);
// What a counter begins with.
int64_t CounterStart(OperationId creator);

// The state that a value is, as text: "3.17" or, with what was appended, "3.17,4.2"; a counter:
// "#3.17+5"; a damaged value: "!" and what is wrong.
std::string DescribeValue(std::string_view value);
std::string DescribeCounter(int64_t number);

// A state's text as its parts.
struct ValueState {
  std::vector<OperationId> writers;  // the first created it
  bool is_counter = false;
  int64_t sum = 0;
};
// nullopt: it is a damaged value's, or no state at all.
std::optional<ValueState> ParseState(std::string_view text);

std::string ToText(OperationId id);
std::optional<OperationId> ParseOperationId(std::string_view text);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_WRITTEN_VALUE_H_
