// The simulator sees what it is for: each mistake that is planted in the protocol is found.

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "cluster/registers/protocol_fault.h"
#include "tests/simulation/cluster/cluster_simulation.h"

namespace larder::simulation {
namespace {

using cluster::NamedProtocolFault;
using cluster::ProtocolFault;

constexpr uint64_t kSeedsToFind = 400;

class ProtocolFaultTest : public testing::TestWithParam<NamedProtocolFault> {
 protected:
  void TearDown() override { cluster::planted_protocol_fault = ProtocolFault::kNone; }
};

TEST_P(ProtocolFaultTest, IsFound) {
  cluster::planted_protocol_fault = GetParam().fault;
  for (uint64_t seed = 1; seed <= kSeedsToFind; ++seed) {
    const std::optional<std::string> violation = ClusterSimulation({.seed = seed}).Run();
    if (!violation.has_value()) continue;
    RecordProperty("seed", static_cast<int>(seed));
    RecordProperty("violation", *violation);
    std::printf("%s: seed %d: %s\n", std::string(GetParam().name).c_str(), static_cast<int>(seed),
                violation->c_str());
    return;
  }
  FAIL() << "not found in " << kSeedsToFind << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, ProtocolFaultTest, testing::ValuesIn(cluster::kProtocolFaults),
                         [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
}  // namespace larder::simulation
