#ifndef LARDER_TESTS_TESTING_HISTORY_HISTORY_H_
#define LARDER_TESTS_TESTING_HISTORY_HISTORY_H_

#include <string>
#include <vector>

#include "tests/testing/history/loss_event.h"
#include "tests/testing/history/operation.h"

namespace larder::history {

// What many clients did to many keys, and what happened to the nodes meanwhile.
struct History {
  std::vector<std::string> keys;
  std::vector<std::string> nodes;
  std::vector<Operation> operations;  // in any order
  std::vector<LossEvent> events;      // in any order
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_HISTORY_H_
