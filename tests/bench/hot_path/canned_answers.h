#ifndef LARDER_TESTS_BENCH_HOT_PATH_CANNED_ANSWERS_H_
#define LARDER_TESTS_BENCH_HOT_PATH_CANNED_ANSWERS_H_

#include <string>
#include <string_view>

#include "tests/bench/hot_path/grpc_messages.h"
#include "tests/bench/hot_path/http2_frame.h"

namespace larder::bench {

// What a gRPC server sends, for tests, in literal bytes of HTTP/2 and HPACK.

inline std::string FrameBytes(Http2FrameType type, uint8_t flags, uint32_t stream,
                              std::string_view payload) {
  std::string bytes;
  AppendFrame({type, flags, stream, payload}, bytes);
  return bytes;
}

inline std::string SettingsBytes(uint16_t identifier, uint32_t value) {
  std::string payload;
  AppendBigEndian16(identifier, payload);
  AppendBigEndian32(value, payload);
  return FrameBytes(Http2FrameType::kSettings, 0, 0, payload);
}

inline std::string WindowUpdateBytes(uint32_t stream, uint32_t bytes) {
  std::string payload;
  AppendBigEndian32(bytes, payload);
  return FrameBytes(Http2FrameType::kWindowUpdate, 0, stream, payload);
}

// :status 200, and a content-type that enters the table.
inline constexpr std::string_view kHeaderBlock =
    "\x88\x5f\x10"
    "application/grpc";
// grpc-status enters the table after it, with the value 0; the same by its place there.
inline constexpr std::string_view kTrailerBlock =
    "\x40\x0b"
    "grpc-status"
    "\x01"
    "0";
inline constexpr std::string_view kLaterHeaderBlock = "\x88\xbf";
inline constexpr std::string_view kLaterTrailerBlock = "\xbe";
// Neither enters the table.
inline constexpr std::string_view kFailureBlock =
    "\x88\x10\x0b"
    "grpc-status"
    "\x01"
    "8"
    "\x10\x0c"
    "grpc-message"
    "\x04"
    "full";

inline std::string MessageBytes(std::string_view message) {
  std::string bytes;
  AppendGrpcPrefix(message.size(), bytes);
  return bytes.append(message);
}

inline std::string HeadersBytes(uint32_t stream, std::string_view block) {
  return FrameBytes(Http2FrameType::kHeaders, kHttp2EndHeaders, stream, block);
}

inline std::string TrailersBytes(uint32_t stream, std::string_view block) {
  return FrameBytes(Http2FrameType::kHeaders, kHttp2EndHeaders | kHttp2EndStream, stream, block);
}

inline std::string DataBytes(uint32_t stream, std::string_view bytes) {
  return FrameBytes(Http2FrameType::kData, 0, stream, bytes);
}

// A whole answer, the connection's first or a later one.
inline std::string FirstAnswerBytes(uint32_t stream, std::string_view message) {
  return HeadersBytes(stream, kHeaderBlock) + DataBytes(stream, MessageBytes(message)) +
         TrailersBytes(stream, kTrailerBlock);
}
inline std::string LaterAnswerBytes(uint32_t stream, std::string_view message) {
  return HeadersBytes(stream, kLaterHeaderBlock) + DataBytes(stream, MessageBytes(message)) +
         TrailersBytes(stream, kLaterTrailerBlock);
}

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_CANNED_ANSWERS_H_
