#include "tests/bench/hot_path/http2_frame.h"

namespace larder::bench {
namespace {

uint32_t ByteAt(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

}  // namespace

void AppendBigEndian16(uint16_t number, std::string& output) {
  output.push_back(static_cast<char>(number >> 8));
  output.push_back(static_cast<char>(number));
}

void AppendBigEndian32(uint32_t number, std::string& output) {
  AppendBigEndian16(static_cast<uint16_t>(number >> 16), output);
  AppendBigEndian16(static_cast<uint16_t>(number), output);
}

uint16_t ReadBigEndian16(std::string_view bytes) {
  return static_cast<uint16_t>(ByteAt(bytes, 0) << 8 | ByteAt(bytes, 1));
}

uint32_t ReadBigEndian32(std::string_view bytes) {
  return uint32_t{ReadBigEndian16(bytes)} << 16 | ReadBigEndian16(bytes.substr(2));
}

void AppendFrameHeader(const Http2Frame& frame, size_t payload_bytes, std::string& output) {
  output.push_back(static_cast<char>(payload_bytes >> 16));
  AppendBigEndian16(static_cast<uint16_t>(payload_bytes), output);
  output.push_back(static_cast<char>(frame.type));
  output.push_back(static_cast<char>(frame.flags));
  AppendBigEndian32(frame.stream, output);
}

void AppendFrame(const Http2Frame& frame, std::string& output) {
  AppendFrameHeader(frame, frame.payload.size(), output);
  output.append(frame.payload);
}

}  // namespace larder::bench
