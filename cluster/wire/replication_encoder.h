#ifndef LARDER_CLUSTER_WIRE_REPLICATION_ENCODER_H_
#define LARDER_CLUSTER_WIRE_REPLICATION_ENCODER_H_

#include <cstdint>

#include "cluster/replication/messages.h"
#include "cluster/wire/payload_compressor.h"

namespace larder::peer::v1 {
class FollowRequest;
class FollowResponse;
}  // namespace larder::peer::v1

namespace larder::cluster {

// Writes the messages of one stream, payloads compressed where that pays. Not thread-safe.
// What it writes ReplicationDecoder reads, if it is within that one's limits.
class ReplicationEncoder {
 public:
  explicit ReplicationEncoder(CompressionOptions options) : compressor_(options) {}

  // What is in `out` is replaced.
  void Encode(ReplicaMessage message, peer::v1::FollowRequest* out);
  void Encode(SourceMessage message, peer::v1::FollowResponse* out);

  // By compression, of payloads.
  uint64_t saved_bytes() const { return compressor_.saved_bytes(); }

 private:
  PayloadCompressor compressor_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_REPLICATION_ENCODER_H_
