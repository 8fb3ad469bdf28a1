#include "tests/bench/hot_path/http2_session.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace larder::bench {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint32_t kConnectionWindow = 32 << 20;
constexpr uint32_t kReturnAfter = kConnectionWindow / 2;
constexpr uint32_t kHeaderTableBytes = 4096;  // that a client may use unless the server says less
constexpr uint32_t kWindowMask = 0x7fffffff;

absl::Status Malformed(const Http2Frame& frame) {
  return absl::InternalError(absl::StrCat("a malformed frame of type ",
                                          static_cast<int>(frame.type), " with ",
                                          frame.payload.size(), " bytes"));
}

// Nothing: the frame is too short for what its flags say that there is.
std::optional<std::string_view> WithoutPadding(const Http2Frame& frame) {
  std::string_view payload = frame.payload;
  size_t padding_bytes = 0;
  if (frame.Has(kHttp2Padded)) {
    if (payload.empty()) return std::nullopt;
    padding_bytes = static_cast<uint8_t>(payload.front());
    payload.remove_prefix(1);
  }
  if (frame.type == Http2FrameType::kHeaders && frame.Has(kHttp2HasPriority)) {
    constexpr size_t kPriorityBytes = 5;
    if (payload.size() < kPriorityBytes) return std::nullopt;
    payload.remove_prefix(kPriorityBytes);
  }
  if (payload.size() < padding_bytes) return std::nullopt;
  payload.remove_suffix(padding_bytes);
  return payload;
}

// The payload's size where the protocol fixes it.
std::optional<size_t> FixedBytes(Http2FrameType type) {
  switch (type) {
    case Http2FrameType::kRstStream:
    case Http2FrameType::kWindowUpdate:
      return 4;
    case Http2FrameType::kPing:
      return 8;
    default:
      return std::nullopt;
  }
}

std::string ProblemOf(const AnswerHeaders& headers) {
  if (headers.grpc_status == 0) return "";
  return absl::StrCat("grpc-status ", headers.grpc_status, " ", headers.grpc_message);
}

void AppendWindowUpdate(uint32_t stream, uint32_t bytes, std::string& output) {
  AppendFrameHeader({Http2FrameType::kWindowUpdate, 0, stream, {}}, sizeof(bytes), output);
  AppendBigEndian32(bytes, output);
}

}  // namespace

Http2Session::Http2Session(std::string_view authority, std::string_view path, Listener* listener,
                           std::string_view encoding)
    : listener_(listener), request_headers_(authority, path, encoding) {}

void Http2Session::Start(std::string& output) {
  constexpr size_t kSettingBytes = 6;
  output.append(kPreface);
  AppendFrameHeader({Http2FrameType::kSettings, 0, 0, {}}, kSettingBytes, output);
  AppendBigEndian16(kHttp2InitialWindow, output);
  AppendBigEndian32(kStreamWindow, output);
  AppendWindowUpdate(0, kConnectionWindow - kHttp2DefaultWindow, output);
}

uint32_t Http2Session::OpenStream(std::string& output) {
  const uint32_t stream = static_cast<uint32_t>(is_open_.size()) * 2 + 1;
  is_open_.push_back(true);
  ++open_streams_;
  AppendFrame({Http2FrameType::kHeaders, kHttp2EndHeaders, stream, request_headers_.Next()},
              output);
  return stream;
}

void Http2Session::SendBody(uint32_t stream, std::string_view body, bool is_last,
                            std::string& output) {
  uploads_.Send(stream, body, is_last, output);
}

void Http2Session::ReturnWindow(uint32_t stream, uint32_t bytes, std::string& output) {
  AppendWindowUpdate(stream, bytes, output);
}

absl::Status Http2Session::Receive(std::string_view bytes, std::string& output) {
  Http2Frame frame;
  while (true) {
    const absl::StatusOr<bool> is_complete = frame_reader_.Next(bytes, frame);
    if (!is_complete.ok()) return is_complete.status();
    if (!*is_complete) return absl::OkStatus();
    const absl::Status status = TakeFrame(frame, output);
    if (!status.ok()) return status;
  }
}

absl::Status Http2Session::TakeFrame(Http2Frame frame, std::string& output) {
  const size_t payload_bytes = frame.payload.size();
  if (frame.type == Http2FrameType::kData || frame.type == Http2FrameType::kHeaders) {
    const std::optional<std::string_view> payload = WithoutPadding(frame);
    if (!payload.has_value()) return Malformed(frame);
    frame.payload = *payload;
  }
  const std::optional<size_t> fixed_bytes = FixedBytes(frame.type);
  if (fixed_bytes.has_value() && payload_bytes != *fixed_bytes) return Malformed(frame);
  switch (frame.type) {
    case Http2FrameType::kData:
      TakeData(frame, payload_bytes, output);
      return absl::OkStatus();
    case Http2FrameType::kHeaders:
    case Http2FrameType::kContinuation:
      return TakeHeaders(frame);
    case Http2FrameType::kRstStream:
      EndStream(frame.stream,
                absl::StrCat("RST_STREAM with code ", ReadBigEndian32(frame.payload)));
      return absl::OkStatus();
    case Http2FrameType::kSettings:
      return TakeSettings(frame, output);
    case Http2FrameType::kPing:
      if (frame.Has(kHttp2Ack)) return absl::OkStatus();
      AppendFrame({Http2FrameType::kPing, kHttp2Ack, 0, frame.payload}, output);
      return absl::OkStatus();
    case Http2FrameType::kGoaway:
      return absl::UnavailableError("the server says GOAWAY");
    case Http2FrameType::kWindowUpdate:
      TakeWindowUpdate(frame, output);
      return absl::OkStatus();
    case Http2FrameType::kPushPromise:
      return Malformed(frame);
    case Http2FrameType::kPriority:
      return absl::OkStatus();
  }
  return absl::OkStatus();  // unknown types are to be ignored
}

void Http2Session::TakeData(const Http2Frame& frame, size_t payload_bytes, std::string& output) {
  unreturned_bytes_ += static_cast<uint32_t>(payload_bytes);
  if (unreturned_bytes_ >= kReturnAfter) {
    AppendWindowUpdate(0, unreturned_bytes_, output);
    unreturned_bytes_ = 0;
  }
  if (!IsOpen(frame.stream)) return;
  listener_->OnData(frame.stream, frame.payload);
  if (frame.Has(kHttp2EndStream)) EndStream(frame.stream, "the answer has no trailers");
}

absl::Status Http2Session::TakeHeaders(const Http2Frame& frame) {
  const bool continues = frame.type == Http2FrameType::kContinuation;
  if (continues != (header_stream_ != 0) || (continues && frame.stream != header_stream_)) {
    return Malformed(frame);
  }
  if (!continues) {
    header_stream_ = frame.stream;
    headers_end_stream_ = frame.Has(kHttp2EndStream);
    header_block_.clear();
  }
  header_block_.append(frame.payload);
  return frame.Has(kHttp2EndHeaders) ? TakeHeaderBlock() : absl::OkStatus();
}

absl::Status Http2Session::TakeHeaderBlock() {
  // Also for a stream that has ended already: the block may change the table of headers.
  const absl::StatusOr<AnswerHeaders> headers = answer_header_reader_.Read(header_block_);
  if (!headers.ok()) return headers.status();
  const uint32_t stream = header_stream_;
  header_stream_ = 0;
  constexpr int kOk = 200;
  if (headers->http_status != -1 && headers->http_status != kOk) {
    EndStream(stream, absl::StrCat("HTTP status ", headers->http_status));
  } else if (headers_end_stream_) {
    EndStream(stream, ProblemOf(*headers));
  }
  return absl::OkStatus();
}

absl::Status Http2Session::TakeSettings(const Http2Frame& frame, std::string& output) {
  constexpr size_t kSettingBytes = 6;
  if (frame.payload.size() % kSettingBytes != 0) return Malformed(frame);
  if (frame.Has(kHttp2Ack)) return absl::OkStatus();
  AppendFrame({Http2FrameType::kSettings, kHttp2Ack, 0, {}}, output);
  std::string_view settings = frame.payload;
  for (; !settings.empty(); settings.remove_prefix(kSettingBytes)) {
    const absl::Status status =
        TakeSetting(ReadBigEndian16(settings), ReadBigEndian32(settings.substr(2)), output);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Http2Session::TakeSetting(uint16_t identifier, uint32_t value, std::string& output) {
  switch (identifier) {
    case kHttp2HeaderTableSize:
      if (value >= kHeaderTableBytes) break;
      return absl::InternalError(
          absl::StrCat("SETTINGS_HEADER_TABLE_SIZE is ", value, ": this client needs 4096"));
    case kHttp2ConcurrentStreamsMax:
      open_streams_max_ = value;
      break;
    case kHttp2InitialWindow:
      uploads_.SetInitialWindow(value, output);
      break;
    case kHttp2FrameBytesMax:
      uploads_.SetFrameBytesMax(value);
      break;
    default:
      break;
  }
  return absl::OkStatus();
}

void Http2Session::TakeWindowUpdate(const Http2Frame& frame, std::string& output) {
  const uint32_t bytes = ReadBigEndian32(frame.payload) & kWindowMask;
  if (frame.stream == 0) {
    uploads_.GrowConnectionWindow(bytes, output);
  } else {
    uploads_.GrowWindow(frame.stream, bytes, output);
  }
}

void Http2Session::EndStream(uint32_t stream, std::string_view problem) {
  if (!IsOpen(stream)) return;
  is_open_[stream / 2] = false;
  --open_streams_;
  uploads_.Forget(stream);
  listener_->OnEnd(stream, problem);
}

bool Http2Session::IsOpen(uint32_t stream) const {
  return stream % 2 == 1 && stream / 2 < is_open_.size() && is_open_[stream / 2];
}

}  // namespace larder::bench
