#ifndef LARDER_TESTS_TESTING_HISTORY_ORDER_CHECK_H_
#define LARDER_TESTS_TESTING_HISTORY_ORDER_CHECK_H_

#include "tests/testing/history/key_eras.h"

namespace larder::history {

// What holds inside an era. The functions add what they find to the context.

// Blocks, misses and deletes can be put in a row that agrees with the times of the operations.
void CheckRow(CheckContext& context, const KeyView& view, const KeyEras& eras);
// The states of a block follow one another: none is seen after a higher one, the pieces of a value
// are those of the one before and one more.
void CheckStates(CheckContext& context, const KeyEras& eras);
// A counter counts each acknowledged increment once, one of unknown outcome at most once.
void CheckCounters(CheckContext& context, const KeyView& view, const KeyEras& eras);
// What comes back after a loss is one value of before, and none if everything was lost.
void CheckRestored(CheckContext& context, const KeyView& view, const KeyEras& eras);
// No version is replaced twice.
void CheckReplaced(CheckContext& context, const KeyView& view,
                   const std::vector<uint32_t>& operations);
// A read with min_position sees no less than the write at that position.
void CheckMinPositions(CheckContext& context, const KeyView& view, const KeyEras& eras,
                       const std::vector<uint32_t>& operations);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_ORDER_CHECK_H_
