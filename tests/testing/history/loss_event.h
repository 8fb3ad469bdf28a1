#ifndef LARDER_TESTS_TESTING_HISTORY_LOSS_EVENT_H_
#define LARDER_TESTS_TESTING_HISTORY_LOSS_EVENT_H_

#include <cstdint>
#include <string>

#include "tests/testing/history/operation.h"

namespace larder::history {

// Something that was done to the nodes, and what the promises allow it to lose: what is given here
// is all that may be missing afterwards. It happens between `begin` and `end`: from just before it
// is done until only the nodes that go on answer.
struct LossEvent {
  enum class Loses : uint8_t {
    kNothing,     // a planned failover, a cut link
    kSuffix,      // the end of the log, but what was acknowledged by who survives
    kEverything,  // and nothing that was written before may be seen after
  };

  std::string name;
  Loses loses = Loses::kNothing;
  int64_t begin = 0;
  int64_t end = kNever;
  // With kSuffix. A write with REPLICAS(n) is kept if n is at least nodes_lost, one with DISK if no
  // disk was lost, any at or before `kept` in its shard.
  uint32_t nodes_lost = 1;
  bool disk_lost = true;
  LogPosition kept;
  // The epoch of what is written after: tells at which side of the event a write with a position
  // is.
  uint64_t new_epoch = 0;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOSS_EVENT_H_
