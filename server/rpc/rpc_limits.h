#ifndef LARDER_SERVER_RPC_RPC_LIMITS_H_
#define LARDER_SERVER_RPC_RPC_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "client/channel/loop_time.h"
#include "server/rpc/http2_session.h"

namespace larder::server {

// What a port allows. Each is a flag or follows from one.
struct RpcLimits {
  http2::SessionLimits session;
  size_t request_bytes_max = size_t{16} << 20;   // of one message
  size_t buffered_bytes_max = size_t{64} << 20;  // of a connection, for incomplete requests
  size_t unread_bytes_max = size_t{32} << 20;    // of a connection, for answers not yet sent
  size_t output_bytes_max = size_t{1} << 20;     // not taken by the socket: nothing more is read
  uint32_t deferred_max = 128;  // tickets of a streaming call: then no more of it is run
  std::string forwarded_proof;  // by which other nodes are known; empty: they need none
  LoopTime::duration turn =
      std::chrono::microseconds(250);  // then the other connections have theirs
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_RPC_LIMITS_H_
