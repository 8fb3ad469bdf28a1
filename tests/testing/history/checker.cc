#include "tests/testing/history/checker.h"

#include <utility>
#include <vector>

#include "tests/testing/history/absence_check.h"
#include "tests/testing/history/key_eras.h"
#include "tests/testing/history/key_view.h"
#include "tests/testing/history/lifetimes.h"
#include "tests/testing/history/order_check.h"
#include "tests/testing/history/protection_check.h"
#include "tests/testing/history/single_checks.h"

namespace larder::history {
namespace {

void CheckKey(CheckContext& context, const std::vector<uint32_t>& operations) {
  const KeyView view(context, operations);
  const KeyEras eras(context, view);
  const Lifetimes lifetimes(context, view);
  CheckRow(context, view, eras);
  CheckStates(context, eras);
  CheckCounters(context, view, eras);
  CheckRestored(context, view, eras);
  CheckReplaced(context, view, operations);
  CheckMinPositions(context, view, eras, operations);
  CheckMisses(context, view, eras, lifetimes);
  CheckCreations(context, view, lifetimes);
  CheckRemovals(context, view);
  CheckExpiry(context, view, lifetimes);
  CheckProtected(context, view, lifetimes);
  CheckLeases(context, operations);
  CheckFinalReads(context, operations);
}

}  // namespace

Report Check(const History& history, const CheckOptions& options) {
  CheckContext context(history, options);
  // The operations of each key, one key after the other.
  std::vector<std::vector<uint32_t>> keys(history.keys.size());
  for (uint32_t i = 0; i < history.operations.size(); ++i) {
    keys[history.operations[i].key].push_back(i);
  }
  for (std::vector<uint32_t>& operations : keys) {
    if (!operations.empty()) CheckKey(context, operations);
    std::vector<uint32_t>().swap(operations);
  }
  CheckVersionsAndPositions(context);
  return std::move(context.report());
}

}  // namespace larder::history
