#ifndef LARDER_TESTS_TESTING_HISTORY_PROTECTION_CHECK_H_
#define LARDER_TESTS_TESTING_HISTORY_PROTECTION_CHECK_H_

#include <vector>

#include "tests/testing/history/key_view.h"
#include "tests/testing/history/lifetimes.h"

namespace larder::history {

// What holds across losses: an acknowledged write that none of them may lose is not undone by any.
// Adds what it finds to the context.
void CheckProtected(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_PROTECTION_CHECK_H_
