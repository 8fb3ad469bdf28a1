#ifndef LARDER_TESTS_LOOPBACK_H_
#define LARDER_TESTS_LOOPBACK_H_

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace larder {

// A port of this machine.
inline sockaddr_in LoopbackAddress(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace larder

#endif  // LARDER_TESTS_LOOPBACK_H_
