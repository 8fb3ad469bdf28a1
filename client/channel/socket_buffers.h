#ifndef LARDER_CLIENT_CHANNEL_SOCKET_BUFFERS_H_
#define LARDER_CLIENT_CHANNEL_SOCKET_BUFFERS_H_

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "proto/tls/tls_engine.h"

namespace larder {

// Memory that all connections of one loop use, each while it receives or sends. Not thread-safe.
class SocketBuffers {
 public:
  static constexpr size_t kReceivedBytes = size_t{256} << 10;

  // Room for what one recv gives.
  char* received() { return received_.get(); }
  // Room for what is decrypted of that; taken with the first TLS connection.
  char* decrypted() {
    if (decrypted_ == nullptr) {
      decrypted_.reset(new char[kReceivedBytes + TlsEngine::kRecordBytes]);
    }
    return decrypted_.get();
  }

  std::vector<std::string_view> pieces;  // that one sendmsg takes
  std::vector<iovec> vectors;            // the pieces as the system wants them

 private:
  const std::unique_ptr<char[]> received_{new char[kReceivedBytes]};
  std::unique_ptr<char[]> decrypted_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_SOCKET_BUFFERS_H_
