#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_EVENT_LINE_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_EVENT_LINE_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "tests/testing/history/loss_event.h"

namespace larder::history {

// What a line of the control connection asks for:
//   event begin NAME lose=nothing|suffix|everything [nodes=N] [disk=kept]
//   [kept=SHARD:EPOCH:SEQUENCE]
//         [epoch=N]                 before something is done to the nodes
//   event end NAME [kept=SHARD:EPOCH:SEQUENCE] [epoch=N]   when only nodes that go on answer
//   stop                            the load ends
struct EventLine {
  enum class Kind : uint8_t { kBegin, kEnd, kStop };
  Kind kind = Kind::kStop;
  LossEvent event;  // without times
};

// INVALID_ARGUMENT names the word that is wrong.
absl::StatusOr<EventLine> ParseEventLine(std::string_view line);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_EVENT_LINE_H_
