#include "server/rpc/http2_session.h"

#include <algorithm>
#include <utility>

#include "proto/http2/header_field.h"

namespace larder::http2 {
namespace {

constexpr uint32_t kGoawaySecondsMax = 10;
constexpr uint32_t kResetCost = 4;  // to the guard against floods

RequestStream& RequestOf(Stream& stream) { return static_cast<RequestStream&>(stream); }

}  // namespace

Http2Session::Http2Session(const SessionLimits& limits, SessionListener* listener,
                           OutputBuffer* output)
    : Session(Role::kServer, limits, output), listener_(listener), head_(limits.header_bytes_max) {}

Http2Session::~Http2Session() { Close(); }

void Http2Session::Close() {
  stage_ = Stage::kFailed;
  while (!streams_.empty()) Drop(*streams_.begin()->second);
  DropHeaderBlock();
}

void Http2Session::WriteHello() {
  writer_.Settings({{Setting::kMaxConcurrentStreams, limits_.streams_max},
                    {Setting::kInitialWindowSize, limits_.stream_window_bytes},
                    {Setting::kMaxHeaderListSize, limits_.header_bytes_max}});
  WriteConnectionWindow();
}

bool Http2Session::OnHeaderBlock(uint32_t id, bool ends_stream, std::string_view block) {
  if (id % 2 == 0) return Fail(ErrorCode::kProtocolError, "an even stream from a client");
  if (IsIdle(id)) {
    last_stream_ = id;
    return OnRequestBlock(id, ends_stream, block);
  }
  Stream* const stream = Find(id);
  if (stream == nullptr) {
    const Closed* const closed = FindRecent(id);
    if (closed == nullptr) {
      return Fail(ErrorCode::kProtocolError, "streams must be opened in order");
    }
    if (!closed->may_receive) return Fail(ErrorCode::kStreamClosed, "HEADERS on a closed stream");
  }
  return OnTrailerBlock(stream, ends_stream, block);
}

bool Http2Session::DecodeHead(std::string_view block) {
  if (!block.empty() && block == head_block_) return true;
  head_block_.clear();
  head_.Clear();
  bool has_path = false;  // one that is repeated makes the request malformed
  const bool ok = DecodeHeaders(block, [&](std::string_view name, std::string_view value) {
    head_.Add(name, value);
    if (name != ":path" || std::exchange(has_path, true)) return;
    if (listener_->ReadsMetadata(value)) head_.KeepMetadata();
  });
  if (!ok) return false;
  // Not one that is refused: it may be large, is never sent again, and nobody counts it.
  const bool is_kept = !head_.is_too_large() && block.size() <= limits_.header_bytes_max;
  if (is_kept && HeaderDecoder::IsStateless(block)) head_block_ = block;
  return true;
}

bool Http2Session::OnRequestBlock(uint32_t id, bool ends_stream, std::string_view block) {
  if (!DecodeHead(block)) return false;
  if (is_draining_ || streams_.size() >= limits_.streams_max) {
    return FailStream(
        id, ErrorCode::kRefusedStream,
        is_draining_ ? server::StreamReset::kGoaway : server::StreamReset::kMaxStreams);
  }
  const bool has_bad_length = ends_stream && head_.content_length().value_or(0) != 0;
  if (!head_.is_too_large() && (!head_.is_well_formed() || has_bad_length)) {
    return FailStream(id, ErrorCode::kProtocolError, server::StreamReset::kProtocolError);
  }
  RequestStream& stream = *listener_->NewStream();
  Add(id, stream);
  stream.remote_ended = ends_stream;
  stream.body_bytes_left = head_.content_length();
  last_accepted_ = id;
  listener_->OnHead(stream, head_);
  return true;
}

bool Http2Session::OnTrailerBlock(Stream* stream, bool ends_stream, std::string_view block) {
  bool is_well_formed = ends_stream;
  size_t bytes = 0;
  head_block_.clear();
  const bool ok = DecodeHeaders(block, [&](std::string_view name, std::string_view value) {
    bytes += name.size() + value.size();
    // An index of one byte may stand for kilobytes, which are not to be looked at again and again.
    is_well_formed =
        is_well_formed && bytes <= limits_.header_bytes_max && IsRegularField(name, value);
  });
  if (!ok) return false;
  if (stream == nullptr) return CountFrame();
  if (stream->remote_ended) {
    return FailStream(stream->id, ErrorCode::kStreamClosed, "HEADERS behind the end of a request");
  }
  if (!is_well_formed || RequestOf(*stream).body_bytes_left.value_or(0) != 0) {
    return FailStream(stream->id, ErrorCode::kProtocolError, "malformed trailers");
  }
  stream->remote_ended = true;
  listener_->OnBody(*stream, {});
  return true;
}

bool Http2Session::OnBody(Stream& stream, std::string_view payload) {
  if (std::optional<uint64_t>& left = RequestOf(stream).body_bytes_left; left.has_value()) {
    const bool is_short = stream.remote_ended && payload.size() < *left;
    if (payload.size() > *left || is_short) {
      return FailStream(stream.id, ErrorCode::kProtocolError, "another length than content-length");
    }
    *left -= payload.size();
  }
  listener_->OnBody(stream, payload);
  return true;
}

bool Http2Session::OnLateBody(uint32_t id) {
  const Closed* const closed = FindRecent(id);
  if (Find(id) == nullptr && closed != nullptr && closed->may_receive) return true;
  return FailStream(id, ErrorCode::kStreamClosed, "DATA behind the end of a request");
}

bool Http2Session::OnReset(uint32_t /*id*/, Stream* stream, ErrorCode /*code*/) {
  // One that crosses the answer costs next to nothing.
  if (!CountFlood(stream == nullptr ? kControlCost : kResetCost)) return false;
  if (stream != nullptr) {
    stream->remote_ended = true;
    Drop(*stream);
  }
  return true;
}

void Http2Session::OnPong(std::string_view payload) {
  if (!goaway_why_.empty() && payload == kGoawayPing) SendGoaway(goaway_why_);
}

const Http2Session::Closed* Http2Session::FindRecent(uint32_t id) const {
  const auto found = std::find_if(recent_.begin(), recent_.end(),
                                  [id](const Closed& closed) { return closed.id == id; });
  return found == recent_.end() ? nullptr : &*found;
}

void Http2Session::Drop(Stream& stream) {
  recent_[recent_next_++ % kRecent] = {stream.id, !stream.remote_ended};
  Remove(stream);
  listener_->DropStream(stream);
}

bool Http2Session::FailStream(uint32_t id, ErrorCode code, std::string_view /*why*/) {
  return FailStream(id, code, server::StreamReset::kProtocolError);
}

bool Http2Session::FailStream(uint32_t id, ErrorCode code, server::StreamReset reason) {
  // Those that cross a GOAWAY are no fault, but they may be no more than a client has open.
  if (!CountFlood(is_draining_ ? kControlCost : kResetCost)) return false;
  listener_->OnStreamReset(reason);
  if (Stream* const stream = Find(id); stream != nullptr) {
    Reset(*stream, code);
  } else {
    recent_[recent_next_++ % kRecent] = {id, true};
    writer_.Number(FrameType::kRstStream, id, static_cast<uint32_t>(code));
  }
  return true;
}

void Http2Session::End(RequestStream& stream, std::string_view block) {
  if (!stream.pending.empty()) {
    stream.end_block = block;
    stream.has_end = true;
    return;
  }
  writer_.Headers(stream.id, kEndStream, block);
  guard_.OnAnswered();
  // The client need not send the rest of a request that was answered.
  if (!stream.remote_ended) {
    writer_.Number(FrameType::kRstStream, stream.id, static_cast<uint32_t>(ErrorCode::kNoError));
  }
  Drop(stream);
}

void Http2Session::OnFlushed(Stream& stream, bool had_to_wait) {
  RequestStream& request = RequestOf(stream);
  if (request.has_end) {
    End(request, request.end_block);
  } else if (had_to_wait) {
    listener_->OnUnblocked(stream);
  }
}

void Http2Session::Reset(Stream& stream, ErrorCode code) {
  writer_.Number(FrameType::kRstStream, stream.id, static_cast<uint32_t>(code));
  Drop(stream);
}

void Http2Session::Rewind(size_t mark) {
  output_->Rewind(mark);
  writer_.AnnounceTableSize();  // that may have been taken back
}

void Http2Session::SendGoaway(std::string_view why) {
  if (is_draining_ || stage_ == Stage::kFailed) return;
  is_draining_ = true;
  if (stage_ == Stage::kStart) WriteHello();
  writer_.Goaway(last_accepted_, ErrorCode::kNoError, why);
}

void Http2Session::BeginGoaway(std::string_view why) {
  if (is_draining_ || stage_ != Stage::kFrames || !goaway_why_.empty()) return;
  goaway_why_ = why;
  goaway_begun_at_ = queue_.seconds();
  // RFC 9113, section 6.8: first one that refuses nothing, then a round trip.
  writer_.Goaway(kStreamIdMask, ErrorCode::kNoError, why);
  writer_.Ping(0, kGoawayPing);
}

void Http2Session::OnSecondsPassed(uint32_t seconds, uint32_t unread_seconds_max) {
  Session::OnSecondsPassed(seconds);
  if (!goaway_why_.empty() && queue_.seconds() - goaway_begun_at_ > kGoawaySecondsMax) {
    SendGoaway(goaway_why_);  // without an answer to the ping
  }
  if (queue_.pending_bytes() == 0) return;
  std::vector<Stream*> stuck;
  for (const auto& [id, stream] : streams_) {
    if (queue_.IsStuck(*stream, unread_seconds_max)) stuck.push_back(stream);
  }
  for (Stream* stream : stuck) {
    listener_->OnStreamReset(server::StreamReset::kUnreadTimeout);
    Reset(*stream, ErrorCode::kCancel);
  }
}

}  // namespace larder::http2
