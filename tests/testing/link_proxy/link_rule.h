#ifndef LARDER_TESTS_TESTING_LINK_PROXY_LINK_RULE_H_
#define LARDER_TESTS_TESTING_LINK_PROXY_LINK_RULE_H_

#include <cstdint>

namespace larder::link_proxy {

// How bytes of one direction travel.
struct LinkRule {
  int64_t delay_ns = 0;
  uint64_t bytes_per_second = 0;  // 0: as fast as they come
};

// What befalls a connection, and when in the course of one direction.
struct LinkFault {
  enum class Kind : uint8_t {
    kNone,
    kClose,  // FIN to both sides, after what passed before has been delivered
    kReset,  // RST to both sides, likewise
    kStall,  // this direction falls silent
  };
  enum class Unit : uint8_t { kNow, kBytes, kFrames, kMessages };

  Kind kind = Kind::kNone;
  Unit unit = Unit::kNow;
  // So many more pass of a connection that is open, so many in all of one that is made later. A
  // frame is one of DATA, a message one of gRPC; of both the last byte passes.
  uint64_t after = 0;
  bool is_once = false;  // for the first connection that comes to it; else for each
};

}  // namespace larder::link_proxy

#endif  // LARDER_TESTS_TESTING_LINK_PROXY_LINK_RULE_H_
