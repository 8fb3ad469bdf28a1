#ifndef LARDER_PROTO_HTTP2_FLOOD_GUARD_H_
#define LARDER_PROTO_HTTP2_FLOOD_GUARD_H_

#include <algorithm>
#include <cstdint>

namespace larder::http2 {

// Bounds the frames of a connection that cost the server something and bring the client nothing:
// pings, settings, empty DATA, streams that are opened and reset (CVE-2023-44487). A bucket that
// leaks; answers empty it, too, since clients ping to measure how fast those come. Not thread-safe.
class FloodGuard {
 public:
  // False: it is full.
  bool Add(uint32_t cost) {
    level_ += cost;
    return level_ <= kCapacity;
  }
  void OnAnswered(uint32_t forgiven = 1) { level_ -= std::min(level_, forgiven); }
  void OnSecondsPassed(uint32_t seconds) {
    level_ -= static_cast<uint32_t>(std::min<uint64_t>(level_, uint64_t{kLeakPerSecond} * seconds));
  }

 private:
  static constexpr uint32_t kCapacity = 10000;
  static constexpr uint32_t kLeakPerSecond = 1000;
  uint32_t level_ = 0;
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_FLOOD_GUARD_H_
