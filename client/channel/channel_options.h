#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_OPTIONS_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_OPTIONS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/channel/channel_connection.h"

namespace larder {

class ChannelTlsContext;
class EventLoop;

struct ChannelOptions {
  std::string address;  // host:port, [IPv6]:port or unix:/path
  int connections = 1;  // used in turn
  int io_threads = 1;   // over which the connections are spread
  // Where the connections live, in place of threads of their own, for instance beside a server's.
  // Outlives the channel. nullptr: the channel makes `io_threads` loops and ends them.
  EventLoop* event_loop = nullptr;
  std::shared_ptr<const ChannelTlsContext> tls = nullptr;  // nullptr: plaintext
  // That must be in the server's certificate. Empty: the host of the address, localhost for a unix
  // socket.
  std::string tls_server_name = {};
  // The time for one attempt to connect, TLS and the first SETTINGS of the server included.
  absl::Duration connect_timeout = absl::Seconds(1);
  // The time between attempts that fail; meanwhile calls end with UNAVAILABLE at once.
  absl::Duration backoff_initial = absl::Milliseconds(50);
  absl::Duration backoff_max = absl::Seconds(1);
  // While calls are in flight: a connection from which nothing came for so long is pinged, and
  // closed if nothing comes after that either.
  absl::Duration ping_after = absl::Seconds(20);
  absl::Duration pong_within = absl::Seconds(5);
  // Header fields that are sent with each call. REQUIRES: names and values that HTTP/2 permits.
  std::vector<std::pair<std::string, std::string>> metadata = {};
  ChannelConnectionLimits limits;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_OPTIONS_H_
