#ifndef LARDER_CLUSTER_WIRE_WIRE_LIMITS_H_
#define LARDER_CLUSTER_WIRE_WIRE_LIMITS_H_

#include <cstddef>

namespace larder::cluster {

// What is taken from another node, in bytes. Histories and chains have limits of their own.
struct WireLimits {
  size_t payload_bytes_max = size_t{32} << 20;  // inflated
  size_t cursor_bytes_max = size_t{32} << 10;   // a cursor may hold a key
  size_t endpoint_bytes_max = 512;
  size_t detail_bytes_max = 4096;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_WIRE_LIMITS_H_
