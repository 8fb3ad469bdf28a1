#include "tests/testing/history/zones.h"

#include <algorithm>
#include <cstddef>

namespace larder::history {

std::vector<std::pair<Zone, Zone>> FindContradictions(std::vector<Zone> zones) {
  std::sort(zones.begin(), zones.end(),
            [](const Zone& one, const Zone& other) { return one.first_end < other.first_end; });
  // Of the zones up to each, the one that begins last.
  std::vector<size_t> latest(zones.size());
  std::vector<std::pair<Zone, Zone>> pairs;
  for (size_t i = 0; i < zones.size(); ++i) {
    latest[i] = i > 0 && zones[latest[i - 1]].last_begin >= zones[i].last_begin ? latest[i - 1] : i;
    const auto before = std::partition_point(
        zones.begin(), zones.begin() + static_cast<ptrdiff_t>(i),
        [&](const Zone& zone) { return zone.first_end < zones[i].last_begin; });
    if (before == zones.begin()) continue;
    const Zone& older = zones[latest[static_cast<size_t>(before - zones.begin()) - 1]];
    if (older.last_begin > zones[i].first_end) pairs.emplace_back(older, zones[i]);
  }
  return pairs;
}

}  // namespace larder::history
