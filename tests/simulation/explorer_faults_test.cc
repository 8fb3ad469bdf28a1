// The explorer finds mistakes that are planted in the protocol.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "cluster/registers/protocol_fault.h"
#include "tests/simulation/explorer/explorer.h"

namespace larder::simulation {
namespace {

using cluster::ProtocolFault;

struct Planted {
  std::string name;
  ProtocolFault fault;
  ExplorerOptions options;
};

class ExplorerFaultsTest : public testing::TestWithParam<Planted> {
 protected:
  void TearDown() override { cluster::planted_protocol_fault = ProtocolFault::kNone; }
};

TEST_P(ExplorerFaultsTest, IsFound) {
  const Exploration without = Explore(GetParam().options);
  EXPECT_FALSE(without.violation.has_value()) << *without.violation;
  EXPECT_TRUE(without.is_whole);
  cluster::planted_protocol_fault = GetParam().fault;
  const Exploration found = Explore(GetParam().options);
  ASSERT_TRUE(found.violation.has_value());
  std::printf("%s, %d distinct states, depth %d\n", found.violation->c_str(),
              static_cast<int>(found.distinct), static_cast<int>(found.depth));
}

INSTANTIATE_TEST_SUITE_P(
    All, ExplorerFaultsTest,
    testing::Values(Planted{"no_wait_for_grants",
                            ProtocolFault::kNoWaitForGrants,
                            {.world = "forced_unheard", .budget = {0, 0, 0}, .steps = 10}},
                    Planted{"restarted_voter_lends",
                            ProtocolFault::kRestartedVoterLends,
                            {.world = "forced_aside", .budget = {1, 0, 0}, .steps = 12}},
                    Planted{"lease_from_answer",
                            ProtocolFault::kLeaseFromAnswer,
                            {.world = "forced_late", .budget = {0, 0, 1}, .steps = 13}},
                    Planted{"grant_after_vote",
                            ProtocolFault::kGrantAfterVote,
                            {.world = "forced_between", .budget = {0, 0, 1}, .steps = 12}},
                    Planted{"no_drift",
                            ProtocolFault::kNoDrift,
                            {.world = "forced_drift", .budget = {0, 0, 0}, .steps = 24}}),
    [](const auto& planted) { return planted.param.name; });

}  // namespace
}  // namespace larder::simulation
