#ifndef LARDER_TESTS_TESTING_HISTORY_ZONES_H_
#define LARDER_TESTS_TESTING_HISTORY_ZONES_H_

#include <cstdint>
#include <utility>
#include <vector>

namespace larder::history {

// The times that are known of something that is there without a break: by `first_end` it was there
// (the first end of an operation that made or saw it), at `last_begin` it was there still or was
// yet to come (the last begin of one). P. Gibbons and E. Korach, "Testing shared memories" (SIAM J.
// Comput. 26, 1997), section 4.1: forward zones are those with first_end < last_begin.
struct Zone {
  int64_t first_end;
  int64_t last_begin;
  uint32_t first_operation;  // whose end it is
  uint32_t last_operation;   // whose begin it is
  uint32_t what;             // the caller's
};

// Pairs (older, newer) of zones of which neither can wholly precede the other: each has an end
// before a begin of the other's. At most one pair for each newer. There is none exactly if all can
// be put in a row (in a longest circle of "must precede" the zone with the last begin and its
// successor precede each other already); so the check is exact for a register whose writes differ,
// as that of Anderson et al., "What consistency does your key-value store actually provide?"
// (HotDep 2010). O(n log n).
std::vector<std::pair<Zone, Zone>> FindContradictions(std::vector<Zone> zones);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_ZONES_H_
