#ifndef LARDER_SERVER_BUS_BUS_COUNTERS_H_
#define LARDER_SERVER_BUS_BUS_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::server {

// Why a stream has ended.
enum class StreamEnd : uint8_t {
  kClosedHere,
  kByPeer,      // it has ended the stream, or is gone
  kBadMessage,  // it has said what can not be said
  kNotOpened,   // it did not begin in time, or could not be reached
  kShutdown,    // this side is shutting down
};
inline constexpr std::array<std::string_view, 5> kStreamEndNames = {
    "closed_here", "by_peer", "bad_message", "not_opened", "shutdown"};

// Why a stream was refused before it began.
enum class StreamRefusal : uint8_t { kSecret, kTooMany, kShutdown };
inline constexpr std::array<std::string_view, 3> kStreamRefusalNames = {"secret", "too_many",
                                                                        "shutdown"};

// What the bus has done since the node was started, both ends together. Bytes are those of messages
// as they travel. Thread-safe.
struct BusCounters {
  using Count = std::atomic<uint64_t>;

  void CountEnd(StreamEnd end) { Add(&ended[static_cast<size_t>(end)], 1); }
  void CountRefusal(StreamRefusal refusal) { Add(&refused[static_cast<size_t>(refusal)], 1); }
  static void Add(Count* count, uint64_t number) {
    count->fetch_add(number, std::memory_order_relaxed);
  }

  Count streams_opened{0};
  std::array<Count, kStreamEndNames.size()> ended{};
  std::array<Count, kStreamRefusalNames.size()> refused{};
  Count messages_sent{0};
  Count bytes_sent{0};
  Count messages_received{0};
  Count bytes_received{0};
  Count compressed_bytes_saved{0};  // of what was sent
};

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_BUS_COUNTERS_H_
