#ifndef LARDER_SERVER_RPC_MESSAGE_PREFIX_H_
#define LARDER_SERVER_RPC_MESSAGE_PREFIX_H_

#include <endian.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace larder::server {

// Before each gRPC message: the Compressed-Flag, a byte, and the Message-Length, big-endian.
inline constexpr size_t kMessagePrefixBytes = 5;

struct MessagePrefix {
  static MessagePrefix Read(const char* from) {
    uint32_t length;
    std::memcpy(&length, from + 1, sizeof(length));
    return {static_cast<uint8_t>(from[0]), be32toh(length)};
  }
  void Write(char* to) const {
    to[0] = static_cast<char>(compressed_flag);
    const uint32_t length = htobe32(message_bytes);
    std::memcpy(to + 1, &length, sizeof(length));
  }

  uint8_t compressed_flag;  // 0 or 1
  uint32_t message_bytes;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_MESSAGE_PREFIX_H_
