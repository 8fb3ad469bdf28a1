#ifndef LARDER_TESTS_SERVER_RPC_LOOP_CONNECTION_H_
#define LARDER_TESTS_SERVER_RPC_LOOP_CONNECTION_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <utility>

#include "absl/time/time.h"
#include "client/channel/file_descriptor.h"
#include "server/rpc/io_timeouts.h"
#include "server/rpc/server_loop.h"

namespace larder::server {

// Gives the loop a connection. Returns the client's end, which blocks.
inline FileDescriptor ConnectTo(ServerLoop& loop) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  FileDescriptor server(ends[1]);
  EXPECT_EQ(fcntl(server.number(), F_SETFL, O_NONBLOCK), 0);
  loop.Add(std::move(server));
  return FileDescriptor(ends[0]);
}

// So long that no connection is closed for having waited.
inline IoTimeouts PatientTimeouts() {
  const absl::Duration never = absl::Hours(1);
  return {.handshake_within = never,
          .ping_after = never,
          .pong_within = never,
          .unread_for = never,
          .linger = never};
}

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RPC_LOOP_CONNECTION_H_
