#ifndef LARDER_CLIENT_CHANNEL_CLIENT_STREAM_H_
#define LARDER_CLIENT_CHANNEL_CLIENT_STREAM_H_

#include <cstdint>
#include <string_view>

namespace larder::http2 {

// One request with its answer, as Http2ClientSession knows it. Who owns the calls derives from it.
struct ClientStream {
  uint32_t id = 0;             // 0: on no session
  bool has_head = false;       // of the answer
  bool is_blocked = false;     // something of `unsent` must wait
  bool is_queued = false;      // in the session's queue for the connection's window and the socket
  int64_t send_window = 0;     // payload that may be sent
  int64_t receive_window = 0;  // payload that the server may send
  uint32_t unreturned_bytes = 0;  // received, and not given back to the server's window
  std::string_view unsent;        // of the request's body; borrowed

 protected:
  ClientStream() = default;
  ~ClientStream() = default;
};

}  // namespace larder::http2

#endif  // LARDER_CLIENT_CHANNEL_CLIENT_STREAM_H_
