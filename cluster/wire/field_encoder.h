#ifndef LARDER_CLUSTER_WIRE_FIELD_ENCODER_H_
#define LARDER_CLUSTER_WIRE_FIELD_ENCODER_H_

#include <string>

#include "cluster/replication/epoch.h"
#include "cluster/replication/history.h"
#include "cluster/replication/node_id.h"
#include "cluster/replication/position.h"

namespace larder::peer::v1 {
class Epoch;
class History;
class Position;
}  // namespace larder::peer::v1

// The fields that messages and the state file have in common; what FieldDecoder reads.
namespace larder::cluster {

// 16 bytes, big-endian.
std::string EncodeNodeId(const NodeId& node);
// REQUIRES: epoch.is_set(); an epoch that is none is left out of its message.
void EncodeEpoch(const Epoch& epoch, peer::v1::Epoch* out);
void EncodePosition(const Position& position, peer::v1::Position* out);
void EncodeHistory(const History& history, peer::v1::History* out);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_FIELD_ENCODER_H_
