#include "tests/simulation/cluster/slow_nodes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace larder::simulation {
namespace {

TEST(SlowNodesTest, OnlyWhoIsStoppedForLongerThanTheNodeTimeoutIsReplaced) {
  SlowCounts all;
  for (const uint64_t seed : {1u, 2u, 3u}) {
    const SlowCounts counts = RunSlowNodes({.minutes = 10, .seed = seed});
    EXPECT_EQ(counts.violation, "") << seed;
    for (const std::string& line : counts.unexpected) ADD_FAILURE() << seed << ": " << line;
    all.stops_of_primaries += counts.stops_of_primaries;
    all.replaced += counts.replaced;
  }
  EXPECT_GT(all.stops_of_primaries, 5u);
  // Some go on just before they would have been.
  EXPECT_GT(all.replaced * 2, all.stops_of_primaries);
}

TEST(SlowNodesTest, AStopBelowTheNodeTimeoutReplacesNobody) {
  const SlowCounts counts = RunSlowNodes({.minutes = 20, .stop_ms = 500});
  EXPECT_EQ(counts.violation, "");
  EXPECT_GT(counts.stops_of_primaries, 2u);
  EXPECT_EQ(counts.replaced, 0u);
  EXPECT_EQ(counts.fails, 0u);
}

// Who stops for less than the timeout was held for dead all the same: it had not told for some time
// before, nor did with its first message, that it hears.
TEST(SlowNodesTest, AStopIsNotDeafness) {
  const SlowCounts counts = RunSlowNodes({.minutes = 60, .delay_max_ms = 0, .stop_ms = 1450});
  EXPECT_EQ(counts.violation, "");
  EXPECT_EQ(counts.fails, 0u);
  EXPECT_TRUE(counts.unexpected.empty());
}

// The same run tells when it is not so.
TEST(SlowNodesTest, NodesThatAreSlowerThanTheTimeoutAreHeldForDead) {
  const SlowCounts counts =
      RunSlowNodes({.minutes = 3, .delay_max_ms = 1500, .node_timeout_ms = 500});
  EXPECT_EQ(counts.violation, "");
  EXPECT_FALSE(counts.unexpected.empty());
}

}  // namespace
}  // namespace larder::simulation
