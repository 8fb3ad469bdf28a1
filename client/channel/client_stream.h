#ifndef LARDER_CLIENT_CHANNEL_CLIENT_STREAM_H_
#define LARDER_CLIENT_CHANNEL_CLIENT_STREAM_H_

#include "proto/http2/stream.h"

namespace larder::http2 {

// A stream as Http2ClientSession knows it, the client's side.
struct ClientStream : Stream {
  bool has_head = false;  // of the answer

 protected:
  ClientStream() = default;
  ~ClientStream() = default;
};

}  // namespace larder::http2

#endif  // LARDER_CLIENT_CHANNEL_CLIENT_STREAM_H_
