#ifndef LARDER_TESTS_TESTING_HISTORY_SINGLE_CHECKS_H_
#define LARDER_TESTS_TESTING_HISTORY_SINGLE_CHECKS_H_

#include <cstdint>
#include <vector>

#include "tests/testing/history/check_context.h"

namespace larder::history {

// Checks that need no order of states. They add what they find to the context.

// A token is good once, and void as soon as the key has changed. `operations`: those on one key.
void CheckLeases(CheckContext& context, const std::vector<uint32_t>& operations);
// After quiet all nodes answer the same. `operations`: those on one key.
void CheckFinalReads(CheckContext& context, const std::vector<uint32_t>& operations);
// No two writes have one version or position; positions of one shard and epoch grow as writes are
// acknowledged one after the other. Of all keys.
void CheckVersionsAndPositions(CheckContext& context);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_SINGLE_CHECKS_H_
