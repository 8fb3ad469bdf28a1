#include "cluster/wire/node_state.h"

#include <gmock/gmock.h>

#include <string>

#include "larder/peer/v1/node_state.pb.h"
#include "tests/cluster/wire/random_messages.h"

namespace larder::cluster {
namespace {

std::string WhyRefused(const peer::v1::NodeState& state) {
  const auto decoded = DecodeNodeState(state.SerializeAsString());
  if (decoded.ok()) return "it was not refused";
  EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

TEST(NodeStateTest, ComesBackAsItWas) {
  RandomMessages random(18);
  for (int round = 0; round < 500; ++round) {
    NodeState state;
    state.node = random.MakeNode();
    state.replication = {random.MakeEpochIf(), random.MakeHistory(), random.Chance(2)};
    if (random.Chance(2)) {
      state.shard_time_offset = Millis(static_cast<int64_t>(random.Below(1000000)) - 500000);
    }
    if (random.Chance(2)) state.source = random.Text(40);
    const auto decoded = DecodeNodeState(EncodeNodeState(state));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, state);
    EXPECT_EQ(PartsOf(decoded->replication.history), PartsOf(state.replication.history));
  }
}

TEST(NodeStateTest, WhatCanNotBeIsNamed) {
  peer::v1::NodeState state;
  EXPECT_EQ(WhyRefused(state), "NodeState.node_id: 0 bytes; a node id has 16");
  state.set_node_id(std::string(16, 'n'));
  EXPECT_EQ(WhyRefused(state), "it was not refused");
  state.set_shard_time_offset_ms(INT64_MIN);
  EXPECT_EQ(WhyRefused(state), "NodeState.shard_time_offset_ms: more than 10,000 years");
  state.clear_shard_time_offset_ms();
  state.mutable_fence()->set_term(1);
  EXPECT_EQ(WhyRefused(state), "NodeState.fence: 0 bytes; a node id has 16");
  EXPECT_EQ(DecodeNodeState("\xff\xff").status().message(), "NodeState: not a message of protobuf");
}

}  // namespace
}  // namespace larder::cluster
