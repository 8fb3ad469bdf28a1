// All orders of events in small worlds, within bounds that take seconds.

#include "tests/simulation/explorer/explorer.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>

namespace larder::simulation {
namespace {

struct Small {
  ExplorerOptions options;
  std::set<size_t> acted;  // in some state: a world in which nothing happens shows nothing
};

class ExplorerTest : public testing::TestWithParam<Small> {};

TEST_P(ExplorerTest, NoPromiseIsBroken) {
  const Exploration found = Explore(GetParam().options);
  std::string events;
  for (const std::string& event : found.events) events += event + "\n";
  EXPECT_FALSE(found.violation.has_value()) << *found.violation << "\n" << events;
  EXPECT_TRUE(found.is_whole);
  EXPECT_GT(found.distinct, 500U);
  EXPECT_EQ(found.acted, GetParam().acted);
}

INSTANTIATE_TEST_SUITE_P(
    All, ExplorerTest,
    testing::Values(Small{{.world = "served", .budget = {1, 0, 0}, .steps = 6}, {0}},
                    Small{{.world = "forced", .budget = {0, 1, 0}, .steps = 14}, {0, 1}},
                    Small{{.world = "forced_unheard", .budget = {1, 0, 0}, .steps = 12}, {0, 1}},
                    Small{{.world = "forced_aside", .budget = {1, 0, 0}, .steps = 12}, {0, 1}},
                    Small{{.world = "forced_drift", .steps = 24}, {0, 1}},
                    Small{{.world = "crashed", .budget = {0, 1, 0}, .steps = 12}, {0, 2}},
                    Small{{.world = "planned", .budget = {0, 1, 0}, .steps = 14}, {0, 1}}),
    [](const auto& small) { return small.param.options.world; });

TEST(ExplorerBoundsTest, ASearchThatIsCutSaysSo) {
  const Exploration found =
      Explore({.world = "served", .budget = {1, 0, 0}, .steps = 6, .states_max = 100});
  EXPECT_FALSE(found.is_whole);
  EXPECT_EQ(found.distinct, 100U);
}

}  // namespace
}  // namespace larder::simulation
