#ifndef LARDER_TESTS_TESTING_HISTORY_ABSENCE_CHECK_H_
#define LARDER_TESTS_TESTING_HISTORY_ABSENCE_CHECK_H_

#include "tests/testing/history/key_eras.h"
#include "tests/testing/history/lifetimes.h"

namespace larder::history {

// Something has removed every value that is missing: a delete, its expiry, a loss. Adds what it
// finds to the context.
void CheckMisses(CheckContext& context, const KeyView& view, const KeyEras& eras,
                 const Lifetimes& lifetimes);
// The key was deleted before it is created again: two of those that wait for its absence cannot
// both have it. Of keys that have no ttl.
void CheckCreations(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes);
// Something was there for every delete that deleted.
void CheckRemovals(CheckContext& context, const KeyView& view);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_ABSENCE_CHECK_H_
