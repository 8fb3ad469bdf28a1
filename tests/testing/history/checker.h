#ifndef LARDER_TESTS_TESTING_HISTORY_CHECKER_H_
#define LARDER_TESTS_TESTING_HISTORY_CHECKER_H_

#include "tests/testing/history/check_context.h"
#include "tests/testing/history/finding.h"
#include "tests/testing/history/history.h"

namespace larder::history {

// Decides whether a correct store can have given these answers, with the losses that the events
// allow and no others. What it finds no correct execution explains; README.md says what it can
// miss.
Report Check(const History& history, const CheckOptions& options);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_CHECKER_H_
