#ifndef LARDER_PROTO_HTTP2_HTTP2_FRAME_H_
#define LARDER_PROTO_HTTP2_HTTP2_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/wire/big_endian.h"

namespace larder::http2 {

// The framing layer of RFC 9113, section 4 and 6.

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kRstStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};

// Flags of frames.
inline constexpr uint8_t kEndStream = 0x1;
inline constexpr uint8_t kAck = 0x1;
inline constexpr uint8_t kEndHeaders = 0x4;
inline constexpr uint8_t kPadded = 0x8;
inline constexpr uint8_t kHasPriority = 0x20;

enum class ErrorCode : uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kFlowControlError = 0x3,
  kSettingsTimeout = 0x4,
  kStreamClosed = 0x5,
  kFrameSizeError = 0x6,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kCompressionError = 0x9,
  kConnectError = 0xa,
  kEnhanceYourCalm = 0xb,
  kInadequateSecurity = 0xc,
  kHttp11Required = 0xd,
};

// The payload of the ping behind the first GOAWAY of two.
inline constexpr std::string_view kGoawayPing = "goodbye.";
// The payload of a ping that asks whether the peer is still there.
inline constexpr std::string_view kKeepalivePing = "LLLLLLLL";

// Identifiers of settings.
enum class Setting : uint16_t {
  kHeaderTableSize = 0x1,
  kEnablePush = 0x2,
  kMaxConcurrentStreams = 0x3,
  kInitialWindowSize = 0x4,
  kMaxFrameSize = 0x5,
  kMaxHeaderListSize = 0x6,
};
inline constexpr size_t kSettingBytes = 6;

// The size of a stream's priority, which is deprecated.
inline constexpr size_t kPriorityBytes = 5;

// What holds until a peer says otherwise.
inline constexpr uint32_t kDefaultWindow = 65535;
inline constexpr uint32_t kDefaultFrameBytesMax = 16384;
inline constexpr uint32_t kFrameBytesMaxMax = (1u << 24) - 1;
inline constexpr uint32_t kWindowMax = 0x7fffffff;
inline constexpr uint32_t kStreamIdMask = 0x7fffffff;

// The nine bytes before each frame's payload.
struct FrameHeader {
  static constexpr size_t kBytes = 9;

  static FrameHeader Read(const char* from) {
    return {static_cast<uint32_t>(LoadBigEndian(from, 3)), static_cast<FrameType>(from[3]),
            static_cast<uint8_t>(from[4]),
            static_cast<uint32_t>(LoadBigEndian(from + 5, 4)) & kStreamIdMask};
  }
  void Write(char* to) const {
    StoreBigEndian(payload_bytes, 3, to);
    to[3] = static_cast<char>(type);
    to[4] = static_cast<char>(flags);
    StoreBigEndian(stream_id, 4, to + 5);
  }
  bool Has(uint8_t flag) const { return (flags & flag) != 0; }

  uint32_t payload_bytes;
  FrameType type;
  uint8_t flags;
  uint32_t stream_id;
};

// Cuts the padding of DATA or HEADERS off. False: there is more of it than payload.
inline bool RemovePadding(const FrameHeader& frame, std::string_view& payload) {
  if (!frame.Has(kPadded)) return true;
  if (payload.empty()) return false;
  const auto padding = static_cast<unsigned char>(payload.front());
  payload.remove_prefix(1);
  if (padding > payload.size()) return false;
  payload.remove_suffix(padding);
  return true;
}

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_HTTP2_FRAME_H_
