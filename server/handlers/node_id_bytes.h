#ifndef LARDER_SERVER_HANDLERS_NODE_ID_BYTES_H_
#define LARDER_SERVER_HANDLERS_NODE_ID_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/replication/node_id.h"

namespace larder::server {

// A node id as clients have it in positions: big-endian.
inline constexpr size_t kNodeIdBytes = 16;

inline void WriteNodeId(const cluster::NodeId& node, char* at) {
  for (const uint64_t half : {node.high, node.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = static_cast<char>(half >> shift);
  }
}

// Absent: not so many bytes.
inline std::optional<cluster::NodeId> ReadNodeId(std::string_view bytes) {
  if (bytes.size() != kNodeIdBytes) return std::nullopt;
  const auto number = [](std::string_view half) {
    uint64_t read = 0;
    for (const char byte : half) read = read << 8 | static_cast<unsigned char>(byte);
    return read;
  };
  return cluster::NodeId{number(bytes.substr(0, kNodeIdBytes / 2)),
                         number(bytes.substr(kNodeIdBytes / 2))};
}

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_NODE_ID_BYTES_H_
