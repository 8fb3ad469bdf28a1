#include "tests/testing/history/zones.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace larder::history {
namespace {

Zone Make(int64_t first_end, int64_t last_begin) { return {first_end, last_begin, 0, 0, 0}; }

TEST(ZonesTest, ForwardZonesMustNotOverlap) {
  EXPECT_TRUE(FindContradictions({Make(0, 10), Make(11, 20)}).empty());
  EXPECT_EQ(FindContradictions({Make(0, 10), Make(9, 20)}).size(), 1u);
}

TEST(ZonesTest, ABackwardZoneMustNotLieInAForwardZone) {
  EXPECT_EQ(FindContradictions({Make(0, 10), Make(6, 5)}).size(), 1u);
  EXPECT_TRUE(FindContradictions({Make(0, 10), Make(12, 5)}).empty());
  EXPECT_TRUE(FindContradictions({Make(8, 2), Make(6, 5)}).empty());
}

// By definition: in a row, no zone may have ended before one in front of it has begun.
bool CanBeARow(std::vector<Zone> zones) {
  while (!zones.empty()) {
    bool has_first = false;
    for (size_t i = 0; i < zones.size() && !has_first; ++i) {
      bool is_first = true;
      for (size_t j = 0; j < zones.size(); ++j) {
        if (j != i && zones[j].first_end < zones[i].last_begin) is_first = false;
      }
      if (!is_first) continue;
      zones.erase(zones.begin() + static_cast<ptrdiff_t>(i));
      has_first = true;
    }
    if (!has_first) return false;
  }
  return true;
}

TEST(ZonesTest, FindsExactlyWhatCannotBePutInARow) {
  std::mt19937_64 random(7);
  int contradictory = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<Zone> zones;
    const size_t count = 2 + random() % 5;
    for (size_t i = 0; i < count; ++i) {
      const auto at = static_cast<int64_t>(random() % 30);
      zones.push_back(Make(at, at - 6 + static_cast<int64_t>(random() % 10)));
    }
    const bool is_found = !FindContradictions(zones).empty();
    ASSERT_EQ(is_found, !CanBeARow(zones)) << "round " << round;
    contradictory += is_found ? 1 : 0;
  }
  EXPECT_GT(contradictory, 1000);
  EXPECT_LT(contradictory, 19000);
}

}  // namespace
}  // namespace larder::history
