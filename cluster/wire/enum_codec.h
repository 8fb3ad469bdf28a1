#ifndef LARDER_CLUSTER_WIRE_ENUM_CODEC_H_
#define LARDER_CLUSTER_WIRE_ENUM_CODEC_H_

#include <optional>

#include "cluster/replication/messages.h"

namespace larder::peer::v1 {
enum StreamKind : int;
enum RefuseReason : int;
}  // namespace larder::peer::v1

// The enums of messages. Absent: a value that this version does not know.
namespace larder::cluster {

peer::v1::StreamKind EncodeKind(Welcome::Kind kind);
std::optional<Welcome::Kind> DecodeKind(peer::v1::StreamKind kind);
peer::v1::RefuseReason EncodeReason(Refuse::Reason reason);
std::optional<Refuse::Reason> DecodeReason(peer::v1::RefuseReason reason);

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_ENUM_CODEC_H_
