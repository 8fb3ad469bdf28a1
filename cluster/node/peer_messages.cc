#include "cluster/node/peer_messages.h"

#include <array>
#include <cstddef>
#include <memory>

#include "cluster/members/table_updates.h"

namespace larder::cluster {
namespace {

// Of fields as protobuf has them, with their tags; numbers of usual sizes.
constexpr size_t kNumber = 3;
constexpr size_t kBigNumber = 9;
constexpr size_t kNodeId = 18;
constexpr size_t kEpoch = kNodeId + 2 * kNumber + 2;
constexpr size_t kPosition = kEpoch + kBigNumber + 2;
constexpr size_t kBallot = kNodeId + 2 * kNumber + 2;
constexpr size_t kKey = 2 * kNumber + 2;

size_t Bytes(const std::optional<Position>& position) {
  return position.has_value() ? kPosition : 0;
}

size_t Bytes(const RegisterValue& value) {
  if (const auto* shard = std::get_if<ShardRegister>(&value)) return EncodedBytes(*shard);
  if (const auto* list = std::get_if<VoterList>(&value)) return EncodedBytes(*list);
  if (const auto* map = std::get_if<std::shared_ptr<const SlotMap>>(&value)) {
    return kNumber + (*map)->runs().size() * 2 * kNumber;
  }
  if (const auto* founding = std::get_if<std::shared_ptr<const Founding>>(&value)) {
    size_t bytes = kNodeId + kNumber;
    for (const Founding::Founder& founder : (*founding)->founders) {
      bytes += 2 + kNodeId + founder.endpoint.size() + founder.bus_endpoint.size() +
               founder.zone.size() + 6;
    }
    return bytes;
  }
  return 0;
}

size_t Bytes(const Gossip& gossip) {
  size_t bytes = 2 * kNumber + 3 * kBigNumber + 2 * kNumber;
  if (!gossip.updates.empty()) bytes += EncodedBytes(gossip.updates);
  if (gossip.data.has_value()) bytes += kNumber + Bytes(gossip.data->position) + kEpoch;
  return bytes;
}

size_t Bytes(const Ping& ping) {
  return 2 * kNumber + Bytes(ping.gossip) + (ping.request.has_value() ? kNumber + kEpoch : 0);
}
size_t Bytes(const Pong& pong) {
  return kNumber + Bytes(pong.gossip) + (pong.grant.has_value() ? 5 * kNumber + kEpoch : 0);
}
size_t Bytes(const Suspect& message) {
  return message.suspects.size() * kFailMarkBytes + message.withdrawn.size() * kNodeId;
}
size_t Bytes(const Failed& message) { return message.failed.size() * kFailMarkBytes; }
size_t Bytes(const Prepare& /*message*/) { return kKey + kNumber + kBallot + kNumber; }
size_t Bytes(const Promise& message) { return kKey + 2 * kBallot + Bytes(message.value); }
size_t Bytes(const Accept& message) {
  size_t bytes = kKey + kNumber + kBallot + Bytes(message.value);
  if (message.proof.has_value()) {
    bytes += kNumber + EncodedBytes(message.proof->underneath) + Bytes(message.proof->position);
    for (const auto& one : message.proof->endorsements) bytes += kNodeId + Bytes(one.position);
  }
  return bytes;
}
size_t Bytes(const Accepted& /*message*/) { return kKey + kBallot; }
size_t Bytes(const Refused& /*message*/) { return kKey + 2 * kBallot + kNumber + kNodeId; }
size_t Bytes(const Chosen& message) { return kKey + kBallot + Bytes(message.value); }
size_t Bytes(const Endorse& message) { return 2 * kNumber + kEpoch + Bytes(message.position); }
size_t Bytes(const Endorsed& message) { return kNumber + kEpoch + Bytes(message.position); }
size_t Bytes(const NotEndorsed& message) {
  return 2 * kNumber + 2 * kEpoch + Bytes(message.position);
}
size_t Bytes(const Stand& /*message*/) { return 2 * kNumber + kBallot; }
size_t Bytes(const HandOver& /*message*/) { return kNumber; }
size_t Bytes(const VoterStateRequest& /*message*/) { return kNumber + kKey; }
size_t Bytes(const VoterState& message) {
  size_t bytes = kNumber + kKey + 4;
  for (const auto& [key, state] : message.registers) {
    bytes += kKey + 2 * kBallot + Bytes(state.value);
  }
  return bytes + message.lent.size() * (kNumber + kEpoch + 2 * kNumber);
}
size_t Bytes(const SlotMapRequest& /*message*/) { return 2 * kNumber; }
size_t Bytes(const SlotMapPage& message) {
  return 3 * kNumber + message.runs.size() * (2 * kNumber + 2);
}
size_t Bytes(const Join& message) { return EncodedBytes(message.member) + 2; }
size_t Bytes(const JoinAnswer& message) {
  size_t bytes = EncodedBytes(message.voters);
  for (const Member& member : message.members) bytes += EncodedBytes(member);
  return bytes;
}

}  // namespace

const char* PeerMessageName(const PeerMessage& message) {
  static constexpr std::array<const char*, std::variant_size_v<PeerMessage>> kNames = {
      "ping",          "pong",
      "suspect",       "failed",
      "prepare",       "promise",
      "accept",        "accepted",
      "refused",       "chosen",
      "endorse",       "endorsed",
      "not_endorsed",  "stand",
      "hand_over",     "voter_state_request",
      "voter_state",   "slot_map_request",
      "slot_map_page", "join",
      "join_answer"};
  return kNames[message.index()];
}

size_t EncodedBytes(const RegisterValue& value) { return Bytes(value); }

size_t EncodedBytes(const Envelope& envelope) {
  // Frames of HTTP/2 and gRPC, and which message. Who speaks is said once, when a stream begins.
  return 9 + 5 + 3 +
         std::visit([](const auto& message) { return Bytes(message); }, envelope.message);
}

}  // namespace larder::cluster
