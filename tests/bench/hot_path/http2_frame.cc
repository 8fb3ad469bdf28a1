#include "tests/bench/hot_path/http2_frame.h"

#include "proto/wire/big_endian.h"

namespace larder::bench {

void AppendBigEndian16(uint16_t number, std::string& output) {
  output.resize(output.size() + 2);
  StoreBigEndian(number, 2, output.data() + output.size() - 2);
}

void AppendBigEndian32(uint32_t number, std::string& output) {
  output.resize(output.size() + 4);
  StoreBigEndian(number, 4, output.data() + output.size() - 4);
}

uint16_t ReadBigEndian16(std::string_view bytes) {
  return static_cast<uint16_t>(LoadBigEndian(bytes.data(), 2));
}

uint32_t ReadBigEndian32(std::string_view bytes) {
  return static_cast<uint32_t>(LoadBigEndian(bytes.data(), 4));
}

void AppendFrameHeader(const Http2Frame& frame, size_t payload_bytes, std::string& output) {
  char header[kHttp2FrameHeaderBytes];
  http2::FrameHeader{static_cast<uint32_t>(payload_bytes), frame.type, frame.flags, frame.stream}
      .Write(header);
  output.append(header, sizeof(header));
}

void AppendFrame(const Http2Frame& frame, std::string& output) {
  AppendFrameHeader(frame, frame.payload.size(), output);
  output.append(frame.payload);
}

}  // namespace larder::bench
