// What another node may say, and what may be on a disk: decoded or refused; what is decoded is the
// same after it was encoded, with and without compression, and decoded again.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "cluster/wire/node_state.h"
#include "cluster/wire/replication_decoder.h"
#include "cluster/wire/replication_encoder.h"
#include "larder/peer/v1/replication.pb.h"
#include "tests/cluster/wire/random_messages.h"

namespace larder::cluster {
namespace {

constexpr WireLimits kLimits{.payload_bytes_max = size_t{1} << 20};

template <typename Wire>
void CheckMessage(const std::string& bytes) {
  Wire wire;
  if (!wire.ParseFromString(bytes)) return;
  ReplicationDecoder decoder(kLimits);
  const auto message = decoder.Decode(&wire);
  if (!message.ok()) return;
  for (const bool is_on : {false, true}) {
    ReplicationEncoder encoder({.is_on = is_on, .bytes_min = 1});
    Wire again;
    encoder.Encode(*message, &again);
    const auto decoded = decoder.Decode(&again);
    if (!decoded.ok() || !AreEqual(*decoded, *message)) std::abort();
  }
}

void CheckState(const std::string& bytes) {
  const auto state = DecodeNodeState(bytes);
  if (!state.ok()) return;
  const auto again = DecodeNodeState(EncodeNodeState(*state));
  if (!again.ok() || *again != *state) std::abort();
}

}  // namespace
}  // namespace larder::cluster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      larder::cluster::CheckMessage<larder::peer::v1::FollowRequest>(bytes);
      break;
    case 1:
      larder::cluster::CheckMessage<larder::peer::v1::FollowResponse>(bytes);
      break;
    default:
      larder::cluster::CheckState(bytes);
  }
  return 0;
}
