#include "cluster/wire/node_state.h"

#include <cstdint>

#include "absl/status/status.h"
#include "cluster/wire/field_decoder.h"
#include "cluster/wire/field_encoder.h"
#include "cluster/wire/wire_limits.h"
#include "larder/peer/v1/node_state.pb.h"

namespace larder::cluster {
namespace {

// Clocks that are further apart than 10,000 years are none.
constexpr int64_t kOffsetMsMax = int64_t{10000} * 366 * 86400000;

}  // namespace

std::string EncodeNodeState(const NodeState& state) {
  peer::v1::NodeState out;
  out.set_node_id(EncodeNodeId(state.node));
  const DurableReplication& replication = state.replication;
  if (replication.fence.is_set()) EncodeEpoch(replication.fence, out.mutable_fence());
  EncodeHistory(replication.history, out.mutable_history());
  out.set_commanded(replication.commanded);
  if (state.shard_time_offset.has_value()) {
    out.set_shard_time_offset_ms(state.shard_time_offset->count());
  }
  if (!state.source.empty()) out.set_source(state.source);
  return out.SerializeAsString();
}

absl::StatusOr<NodeState> DecodeNodeState(const std::string& bytes) {
  peer::v1::NodeState in;
  if (!in.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("NodeState: not a message of protobuf");
  }
  FieldDecoder fields("NodeState");
  NodeState state;
  state.node = fields.Node("node_id", in.node_id());
  state.replication.fence = fields.ReadEpochIf(in.has_fence(), "fence", in.fence());
  state.replication.history = fields.ReadHistory("history", in.history());
  state.replication.commanded = in.commanded();
  if (in.has_shard_time_offset_ms()) {
    const int64_t offset = in.shard_time_offset_ms();
    if (offset < -kOffsetMsMax || offset > kOffsetMsMax) {
      fields.Refuse("shard_time_offset_ms", "more than 10,000 years");
    }
    state.shard_time_offset = Millis(offset);
  }
  state.source = fields.Text("source", in.mutable_source(), WireLimits().endpoint_bytes_max);
  if (!fields.ok()) return fields.status();
  return state;
}

}  // namespace larder::cluster
