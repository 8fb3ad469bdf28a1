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
  EXPECT_EQ(all.replaced, all.stops_of_primaries);
}

TEST(SlowNodesTest, AStopBelowTheNodeTimeoutReplacesNobody) {
  const SlowCounts counts = RunSlowNodes({.minutes = 20, .stop_ms = 500});
  EXPECT_EQ(counts.violation, "");
  EXPECT_GT(counts.stops_of_primaries, 2u);
  EXPECT_EQ(counts.replaced, 0u);
  EXPECT_EQ(counts.fails, 0u);
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
