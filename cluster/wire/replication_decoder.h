#ifndef LARDER_CLUSTER_WIRE_REPLICATION_DECODER_H_
#define LARDER_CLUSTER_WIRE_REPLICATION_DECODER_H_

#include "absl/status/statusor.h"
#include "cluster/replication/messages.h"
#include "cluster/wire/payload_inflater.h"
#include "cluster/wire/wire_limits.h"

namespace larder::peer::v1 {
class FollowRequest;
class FollowResponse;
}  // namespace larder::peer::v1

namespace larder::cluster {

// Reads the messages of one stream, which are trusted in nothing: what it returns is within the
// limits and well-formed; whether it can come here and now is the machines' to say. Not
// thread-safe. INVALID_ARGUMENT names the field that is wrong, and the limit.
class ReplicationDecoder {
 public:
  explicit ReplicationDecoder(WireLimits limits) : limits_(limits) {}

  // What is in `message` may be moved from. A Hello of another version has nothing but that and the
  // node id, for the source to refuse it by.
  absl::StatusOr<ReplicaMessage> Decode(peer::v1::FollowRequest* message);
  absl::StatusOr<SourceMessage> Decode(peer::v1::FollowResponse* message);

 private:
  const WireLimits limits_;
  PayloadInflater inflater_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_REPLICATION_DECODER_H_
