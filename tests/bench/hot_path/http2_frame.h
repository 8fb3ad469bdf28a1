#ifndef LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_H_
#define LARDER_TESTS_BENCH_HOT_PATH_HTTP2_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http2/http2_frame.h"

namespace larder::bench {

// The server's own names of what is on the wire.
using Http2FrameType = http2::FrameType;

inline constexpr uint8_t kHttp2EndStream = http2::kEndStream;
inline constexpr uint8_t kHttp2Ack = http2::kAck;
inline constexpr uint8_t kHttp2EndHeaders = http2::kEndHeaders;
inline constexpr uint8_t kHttp2Padded = http2::kPadded;
inline constexpr uint8_t kHttp2HasPriority = http2::kHasPriority;

inline constexpr auto kHttp2HeaderTableSize =
    static_cast<uint16_t>(http2::Setting::kHeaderTableSize);
inline constexpr auto kHttp2ConcurrentStreamsMax =
    static_cast<uint16_t>(http2::Setting::kMaxConcurrentStreams);
inline constexpr auto kHttp2InitialWindow =
    static_cast<uint16_t>(http2::Setting::kInitialWindowSize);
inline constexpr auto kHttp2FrameBytesMax = static_cast<uint16_t>(http2::Setting::kMaxFrameSize);

inline constexpr size_t kHttp2FrameHeaderBytes = http2::FrameHeader::kBytes;
inline constexpr uint32_t kHttp2DefaultFrameBytesMax = http2::kDefaultFrameBytesMax;
inline constexpr int64_t kHttp2DefaultWindow = http2::kDefaultWindow;

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
