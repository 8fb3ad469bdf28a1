#ifndef LARDER_TESTS_SERVER_RPC_HTTP2_PEER_H_
#define LARDER_TESTS_SERVER_RPC_HTTP2_PEER_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/http2/header_decoder.h"
#include "proto/http2/http2_frame.h"
#include "proto/http2/status_block.h"

namespace larder {

// The client's side of an HTTP/2 connection for tests: bytes of frames, and frames from bytes.

inline std::string Frame(http2::FrameType type, uint8_t flags, uint32_t stream_id,
                         std::string_view payload) {
  std::string frame(http2::FrameHeader::kBytes, '\0');
  http2::FrameHeader{static_cast<uint32_t>(payload.size()), type, flags, stream_id}.Write(
      frame.data());
  return frame.append(payload);
}

inline std::string BigEndian(uint64_t number, size_t bytes) {
  std::string text(bytes, '\0');
  StoreBigEndian(number, bytes, text.data());
  return text;
}

inline std::string Settings(std::vector<std::pair<http2::Setting, uint32_t>> settings = {}) {
  std::string payload;
  for (const auto& [setting, value] : settings) {
    payload += BigEndian(static_cast<uint16_t>(setting), 2) + BigEndian(value, 4);
  }
  return Frame(http2::FrameType::kSettings, 0, 0, payload);
}

inline std::string Hello(std::vector<std::pair<http2::Setting, uint32_t>> settings = {}) {
  return std::string(http2::kPreface) + Settings(std::move(settings));
}

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string HeaderBlock(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) AppendField(name, value, block);
  return block;
}

inline Fields RequestFields(const std::string& path) {
  return {{":method", "POST"},
          {":scheme", "http"},
          {":path", path},
          {":authority", "localhost"},
          {"content-type", "application/grpc"},
          {"te", "trailers"}};
}

inline std::string Headers(uint32_t stream_id, const Fields& fields, uint8_t flags = 0) {
  return Frame(http2::FrameType::kHeaders, http2::kEndHeaders | flags, stream_id,
               HeaderBlock(fields));
}

inline std::string Data(uint32_t stream_id, std::string_view bytes, uint8_t flags = 0) {
  return Frame(http2::FrameType::kData, flags, stream_id, bytes);
}

inline std::string WindowUpdate(uint32_t stream_id, uint32_t bytes) {
  return Frame(http2::FrameType::kWindowUpdate, 0, stream_id, BigEndian(bytes, 4));
}

// A gRPC message with its prefix.
inline std::string Message(std::string_view bytes, bool is_compressed = false) {
  return std::string(1, is_compressed ? '\1' : '\0') + BigEndian(bytes.size(), 4) +
         std::string(bytes);
}

struct SentFrame {
  http2::FrameType type;
  uint8_t flags;
  uint32_t stream_id;
  std::string payload;

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  // What RST_STREAM and GOAWAY say.
  http2::ErrorCode error() const {
    const size_t at = type == http2::FrameType::kGoaway ? 4 : 0;
    return static_cast<http2::ErrorCode>(LoadBigEndian(payload.data() + at, 4));
  }
};

// What a server sent, frame by frame.
inline std::vector<SentFrame> FramesOf(std::string_view bytes) {
  std::vector<SentFrame> frames;
  while (bytes.size() >= http2::FrameHeader::kBytes) {
    const auto header = http2::FrameHeader::Read(bytes.data());
    frames.push_back({header.type, header.flags, header.stream_id,
                      std::string(bytes.substr(http2::FrameHeader::kBytes, header.payload_bytes))});
    bytes.remove_prefix(http2::FrameHeader::kBytes + header.payload_bytes);
  }
  return frames;
}

// The answers on all streams of a connection, put together from frames.
class Answers {
 public:
  struct Answer {
    std::map<std::string, std::string> fields;  // of head and trailers
    std::string body;
    bool is_complete = false;
    bool is_reset = false;
    http2::ErrorCode reset_code{};
  };

  void Add(std::string_view bytes) {
    for (const SentFrame& frame : FramesOf(bytes)) Add(frame);
  }

  Answer& operator[](uint32_t stream_id) { return answers_[stream_id]; }
  const std::vector<SentFrame>& others() const { return others_; }

 private:
  void Add(const SentFrame& frame) {
    Answer& answer = answers_[frame.stream_id];
    switch (frame.type) {
      case http2::FrameType::kHeaders:
        decodes_ &= decoder_.Decode(frame.payload, kHeaderBytesMax,
                                    [&](std::string_view name, std::string_view value) {
                                      answer.fields[std::string(name)] = value;
                                    }) == http2::HeaderDecoder::Block::kWhole;
        if (!decodes_) answer.fields["error"] = "cannot be decoded";
        answer.is_complete |= frame.Has(http2::kEndStream);
        break;
      case http2::FrameType::kData:
        answer.body += frame.payload;
        answer.is_complete |= frame.Has(http2::kEndStream);
        break;
      case http2::FrameType::kRstStream:
        answer.is_reset = true;
        answer.reset_code = frame.error();
        break;
      default:
        others_.push_back(frame);
    }
  }

  static constexpr size_t kHeaderBytesMax = size_t{64} << 10;

  http2::HeaderDecoder decoder_;
  bool decodes_ = true;
  std::map<uint32_t, Answer> answers_;
  std::vector<SentFrame> others_;
};

}  // namespace larder

#endif  // LARDER_TESTS_SERVER_RPC_HTTP2_PEER_H_
