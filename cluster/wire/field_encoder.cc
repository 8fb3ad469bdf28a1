#include "cluster/wire/field_encoder.h"

#include <cstddef>
#include <cstdint>

#include "larder/peer/v1/position.pb.h"

namespace larder::cluster {
namespace {

void AppendBigEndian(uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((number >> shift) & 0xff));
  }
}

}  // namespace

std::string EncodeNodeId(const NodeId& node) {
  std::string bytes;
  AppendBigEndian(node.high, &bytes);
  AppendBigEndian(node.low, &bytes);
  return bytes;
}

void EncodeEpoch(const Epoch& epoch, peer::v1::Epoch* out) {
  out->set_term(epoch.term);
  out->set_incarnation(epoch.incarnation);
  out->set_node_id(EncodeNodeId(epoch.node));
}

void EncodePosition(const Position& position, peer::v1::Position* out) {
  EncodeEpoch(position.epoch, out->mutable_epoch());
  out->set_sequence(position.sequence);
}

void EncodeHistory(const History& history, peer::v1::History* out) {
  for (const History::Beginning& beginning : history.beginnings()) {
    peer::v1::History::Beginning* const one = out->add_beginnings();
    EncodeEpoch(beginning.epoch, one->mutable_epoch());
    one->set_first(beginning.first);
  }
  out->set_forgot(history.parts().forgot);
  out->set_began_empty(history.parts().began_empty);
}

}  // namespace larder::cluster
