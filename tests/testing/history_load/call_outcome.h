#ifndef LARDER_TESTS_TESTING_HISTORY_LOAD_CALL_OUTCOME_H_
#define LARDER_TESTS_TESTING_HISTORY_LOAD_CALL_OUTCOME_H_

#include "absl/status/status.h"
#include "tests/testing/history/operation.h"

namespace larder::history {

// What an error of larder::Client says of a call that was tried once. Only the node's own word is
// taken for "not applied": what the client says of a connection is not.
Outcome OutcomeOf(const absl::Status& status);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOAD_CALL_OUTCOME_H_
