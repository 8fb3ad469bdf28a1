#ifndef LARDER_PROTO_HTTP2_FRAME_WRITER_H_
#define LARDER_PROTO_HTTP2_FRAME_WRITER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "proto/http2/http2_frame.h"
#include "proto/http2/output_buffer.h"

namespace larder::http2 {

// Appends frames to an output, for either side of a connection. Not thread-safe.
class FrameWriter {
 public:
  // `output` must outlive the writer.
  explicit FrameWriter(OutputBuffer* output) : output_(output) {}

  // Where the payload goes. Valid until the output changes.
  char* Frame(FrameType type, uint8_t flags, uint32_t stream_id, size_t payload_bytes) {
    char* const at = output_->Extend(FrameHeader::kBytes + payload_bytes);
    FrameHeader{static_cast<uint32_t>(payload_bytes), type, flags, stream_id}.Write(at);
    return at + FrameHeader::kBytes;
  }
  // WINDOW_UPDATE, RST_STREAM.
  void Number(FrameType type, uint32_t stream_id, uint32_t number) {
    StoreBigEndian(number, 4, Frame(type, 0, stream_id, 4));
  }
  void Settings(std::initializer_list<std::pair<Setting, uint32_t>> settings) {
    char* at = Frame(FrameType::kSettings, 0, 0, settings.size() * kSettingBytes);
    for (const auto& [setting, value] : settings) {
      StoreBigEndian(static_cast<uint16_t>(setting), 2, at);
      StoreBigEndian(value, 4, at + 2);
      at += kSettingBytes;
    }
  }
  // `payload`: 8 bytes.
  void Ping(uint8_t flags, std::string_view payload) {
    std::copy(payload.begin(), payload.end(), Frame(FrameType::kPing, flags, 0, payload.size()));
  }
  void Goaway(uint32_t last_stream, ErrorCode code, std::string_view why) {
    char* const at = Frame(FrameType::kGoaway, 0, 0, 8 + why.size());
    StoreBigEndian(last_stream, 4, at);
    StoreBigEndian(static_cast<uint32_t>(code), 4, at + 4);
    std::copy(why.begin(), why.end(), at + 8);
  }
  // HEADERS, whole. `block`: without references to a dynamic table, which the first one says.
  void Headers(uint32_t stream_id, uint8_t flags, std::string_view block) {
    // The dynamic table has 0 bytes from here on (RFC 7541, section 6.3).
    constexpr char kNoDynamicTable = 0x20;
    const size_t bytes = block.size() + (announces_table_size_ ? 1 : 0);
    char* at = Frame(FrameType::kHeaders, kEndHeaders | flags, stream_id, bytes);
    if (std::exchange(announces_table_size_, false)) *at++ = kNoDynamicTable;
    std::copy(block.begin(), block.end(), at);
  }
  // The next HEADERS say again that there is no dynamic table: the peer has asked for one, or the
  // last ones were taken back.
  void AnnounceTableSize() { announces_table_size_ = true; }

 private:
  OutputBuffer* const output_;
  bool announces_table_size_ = true;
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_FRAME_WRITER_H_
