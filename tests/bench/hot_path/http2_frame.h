#ifndef LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_H_
#define LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder::bench {

// RFC 9113, section 6.
enum class Http2FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

inline constexpr uint8_t kHttp2EndStream = 0x1;  // DATA, HEADERS
inline constexpr uint8_t kHttp2Ack = 0x1;        // SETTINGS, PING
inline constexpr uint8_t kHttp2EndHeaders = 0x4;
inline constexpr uint8_t kHttp2Padded = 0x8;
inline constexpr uint8_t kHttp2HasPriority = 0x20;

inline constexpr uint16_t kHttp2HeaderTableSize = 1;  // identifiers in SETTINGS
inline constexpr uint16_t kHttp2ConcurrentStreamsMax = 3;
inline constexpr uint16_t kHttp2InitialWindow = 4;
inline constexpr uint16_t kHttp2FrameBytesMax = 5;

inline constexpr size_t kHttp2FrameHeaderBytes = 9;
inline constexpr uint32_t kHttp2DefaultFrameBytesMax = 16384;
inline constexpr int64_t kHttp2DefaultWindow = 65535;

// One frame: its header, and the payload where it was received.
struct Http2Frame {
  Http2FrameType type = Http2FrameType::kData;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string_view payload;

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
};

void AppendFrame(const Http2Frame& frame, std::string& output);
// A header without its payload, which the caller appends.
void AppendFrameHeader(const Http2Frame& frame, size_t payload_bytes, std::string& output);

void AppendBigEndian16(uint16_t number, std::string& output);
void AppendBigEndian32(uint32_t number, std::string& output);
// REQUIRES: at least that many bytes.
uint16_t ReadBigEndian16(std::string_view bytes);
uint32_t ReadBigEndian32(std::string_view bytes);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_H_
