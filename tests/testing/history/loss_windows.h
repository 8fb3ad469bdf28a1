#ifndef LARDER_TESTS_TESTING_HISTORY_LOSS_WINDOWS_H_
#define LARDER_TESTS_TESTING_HISTORY_LOSS_WINDOWS_H_

#include <cstdint>
#include <vector>

#include "tests/testing/history/history.h"

namespace larder::history {

// The times at which the nodes' content may have gone back, made of the events of a history that
// lose anything; events that overlap are one window. Between windows are eras, numbered from 0; era
// n + 1 follows window n. Immutable.
class LossWindows {
 public:
  struct Window {
    int64_t begin;
    int64_t end;
    bool loses_everything;
    std::vector<LossEvent> events;
  };
  // The eras in which an operation can have been, both ends included.
  struct Eras {
    uint32_t low;
    uint32_t high;
    bool is_one() const { return low == high; }
  };

  explicit LossWindows(const std::vector<LossEvent>& events);

  const std::vector<Window>& windows() const { return windows_; }
  bool empty() const { return windows_.empty(); }

  Eras ErasOf(int64_t begin, int64_t end, const LogPosition& position) const;
  // No window after its begin may lose this acknowledged write.
  bool IsProtected(const Operation& write) const;
  // A window between the eras loses everything. REQUIRES: from <= to.
  bool AllIsLostBetween(uint32_t from, uint32_t to) const;

 private:
  std::vector<Window> windows_;  // by time, disjoint
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LOSS_WINDOWS_H_
