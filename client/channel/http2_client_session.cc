#include "client/channel/http2_client_session.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace larder::http2 {
namespace {

constexpr size_t kReasonBytesMax = 256;
// Servers measure the way with pings and return windows while they answer.
constexpr uint32_t kForgivenByAnswer = 16;

ClientStream& ClientOf(Stream& stream) { return static_cast<ClientStream&>(stream); }

// What can be shown of a peer's text, in one line.
std::string Printable(std::string_view text) {
  std::string printable(text.substr(0, kReasonBytesMax));
  for (char& c : printable) {
    if (c < ' ' || c > '~') c = '?';
  }
  return printable;
}

}  // namespace

Http2ClientSession::Http2ClientSession(const SessionLimits& limits, ClientSessionListener* listener,
                                       OutputBuffer* output)
    : Session(Role::kClient, limits, output),
      listener_(listener),
      head_(limits.header_bytes_max),
      trailers_(limits.header_bytes_max),
      streams_max_(limits.streams_max) {
  Http2ClientSession::WriteHello();
}

void Http2ClientSession::WriteHello() {
  output_->Append(kPreface);
  writer_.Settings({{Setting::kEnablePush, 0},
                    {Setting::kInitialWindowSize, limits_.stream_window_bytes},
                    {Setting::kMaxHeaderListSize, limits_.header_bytes_max}});
  WriteConnectionWindow();
}

void Http2ClientSession::Close(std::string_view why) {
  stage_ = Stage::kFailed;
  const StreamFailure failure{.code = ErrorCode::kNoError, .why = why};
  while (!streams_.empty()) {
    ClientStream& stream = ClientOf(*streams_.begin()->second);
    Drop(stream);
    listener_->OnFailure(stream, failure);
  }
}

void Http2ClientSession::Start(ClientStream& stream, std::string_view block,
                               std::string_view body) {
  stream.has_head = stream.remote_ended = stream.is_blocked = stream.is_queued = false;
  stream.unreturned_bytes = 0;
  last_stream_ += last_stream_ == 0 ? 1 : 2;
  Add(last_stream_, stream);
  writer_.Headers(stream.id, 0, block);
  queue_.SendBody(stream, body);
}

void Http2ClientSession::Cancel(ClientStream& stream, ErrorCode code) {
  constexpr uint64_t kFramesOfAnAnswer = 3;  // HEADERS, trailers, RST_STREAM
  writer_.Number(FrameType::kRstStream, stream.id, static_cast<uint32_t>(code));
  late_frames_ += kFramesOfAnAnswer;
  Drop(stream);
}

bool Http2ClientSession::OnBody(Stream& stream, std::string_view payload) {
  ClientStream& call = ClientOf(stream);
  if (!call.has_head) {
    return FailStream(call.id, ErrorCode::kProtocolError, "DATA before an answer's HEADERS");
  }
  listener_->OnBody(call, payload);
  const bool was_cancelled = call.id == 0;
  if (call.remote_ended && !was_cancelled) End(call, nullptr);
  return true;
}

bool Http2ClientSession::Decode(std::string_view block, DecodedBlock& decoded) {
  if (!block.empty() && block == decoded.block) return true;
  decoded.block.clear();
  decoded.fields.Clear();
  const bool ok = DecodeHeaders(block, [&](std::string_view name, std::string_view value) {
    decoded.fields.Add(name, value);
  });
  if (!ok) return false;
  if (HeaderDecoder::IsStateless(block)) {
    decoded.block = block;
  } else {
    // The table has changed, so the same bytes may mean other fields.
    head_.block.clear();
    trailers_.block.clear();
  }
  return true;
}

bool Http2ClientSession::OnHeaderBlock(uint32_t id, bool ends_stream, std::string_view block) {
  if (IsIdle(id)) return Fail(ErrorCode::kProtocolError, "HEADERS on an idle stream");
  Stream* const found = Find(id);
  DecodedBlock& decoded = found != nullptr && !ClientOf(*found).has_head ? head_ : trailers_;
  if (!Decode(block, decoded)) return false;
  if (found == nullptr) return CountLateFrame();
  if (decoded.fields.is_too_large()) {
    return FailStream(id, ErrorCode::kEnhanceYourCalm,
                      "the header fields of an answer are larger than the limit");
  }
  ClientStream& stream = ClientOf(*found);
  return stream.has_head ? OnTrailerFields(stream, ends_stream, decoded.fields)
                         : OnHeadFields(stream, ends_stream, decoded.fields);
}

bool Http2ClientSession::OnHeadFields(ClientStream& stream, bool ends_stream,
                                      const AnswerFields& fields) {
  if (!fields.is_head() || (fields.is_informational() && ends_stream)) {
    return FailStream(stream.id, ErrorCode::kProtocolError, "malformed header fields");
  }
  if (fields.is_informational()) return CountFrame();
  stream.has_head = true;
  if (!ends_stream) {
    listener_->OnHead(stream, fields);
    return true;
  }
  End(stream, &fields);
  return true;
}

bool Http2ClientSession::OnTrailerFields(ClientStream& stream, bool ends_stream,
                                         const AnswerFields& fields) {
  if (!ends_stream || !fields.is_trailers()) {
    return FailStream(stream.id, ErrorCode::kProtocolError, "malformed trailers");
  }
  End(stream, &fields);
  return true;
}

bool Http2ClientSession::OnReset(uint32_t /*id*/, Stream* stream, ErrorCode code) {
  if (stream == nullptr) return CountLateFrame();
  ClientStream& call = ClientOf(*stream);
  Drop(call);
  listener_->OnFailure(call, {.code = code,
                              .is_by_server = true,
                              .is_processed = code != ErrorCode::kRefusedStream,
                              .why = {}});
  return true;
}

void Http2ClientSession::OnStreamsMax(uint32_t streams) {
  streams_max_ = std::min(streams, limits_.streams_max);
}

bool Http2ClientSession::OnGoaway(uint32_t last_stream, ErrorCode code, std::string_view why) {
  failure_ = absl::StrCat("GOAWAY with code ", static_cast<uint32_t>(code));
  if (!why.empty()) absl::StrAppend(&failure_, " (", Printable(why), ")");
  if (stage_ == Stage::kSettings) {
    stage_ = Stage::kFailed;
    return false;
  }
  is_draining_ = true;
  std::vector<ClientStream*> refused;
  for (const auto& [id, stream] : streams_) {
    if (id > last_stream) refused.push_back(&ClientOf(*stream));
  }
  for (ClientStream* stream : refused) {
    Drop(*stream);
    listener_->OnFailure(
        *stream, {.code = code, .is_by_server = true, .is_processed = false, .why = failure_});
  }
  return true;
}

void Http2ClientSession::Drop(ClientStream& stream) {
  Remove(stream);
  stream.id = 0;
}

void Http2ClientSession::End(ClientStream& stream, const AnswerFields* fields) {
  guard_.OnAnswered(kForgivenByAnswer);
  // The server needs no more of a request that it has answered.
  if (!stream.unsent().empty()) {
    Cancel(stream, ErrorCode::kNoError);
  } else {
    Drop(stream);
  }
  listener_->OnEnd(stream, fields);
}

bool Http2ClientSession::CountLateFrame() {
  if (late_frames_ == 0) return CountFrame();
  --late_frames_;
  return true;
}

bool Http2ClientSession::FailStream(uint32_t id, ErrorCode code, std::string_view why) {
  if (!CountFrame()) return false;
  ClientStream& stream = ClientOf(*Find(id));
  Cancel(stream, code);
  listener_->OnFailure(stream, {.code = code, .why = why});
  return true;
}

}  // namespace larder::http2
