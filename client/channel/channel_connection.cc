#include "client/channel/channel_connection.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder {
namespace {

// What is taken of memory at once for a message of which little has come.
constexpr size_t kTrustedBytes = size_t{64} << 10;

using absl::StatusCode;

ChannelStatus Status(StatusCode code, std::string message) {
  return {static_cast<int>(code), std::move(message), {}};
}

// gRPC's "HTTP to gRPC Status Code Mapping".
StatusCode CodeOfHttpStatus(int http_status) {
  switch (http_status) {
    case 400:
      return StatusCode::kInternal;
    case 401:
      return StatusCode::kUnauthenticated;
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
      return StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return StatusCode::kUnavailable;
    default:
      return StatusCode::kUnknown;
  }
}

// gRPC over HTTP/2, "Errors".
StatusCode CodeOfReset(http2::ErrorCode code) {
  switch (code) {
    case http2::ErrorCode::kRefusedStream:
      return StatusCode::kUnavailable;
    case http2::ErrorCode::kCancel:
      return StatusCode::kCancelled;
    case http2::ErrorCode::kEnhanceYourCalm:
      return StatusCode::kResourceExhausted;
    case http2::ErrorCode::kInadequateSecurity:
      return StatusCode::kPermissionDenied;
    default:
      return StatusCode::kInternal;
  }
}

ChannelCall& CallOf(http2::ClientStream& stream) { return static_cast<ChannelCall&>(stream); }

ChannelStatus NoGrpc(const AnswerFields& head) {
  if (head.http_status() != 200) {
    return Status(CodeOfHttpStatus(head.http_status()),
                  absl::StrCat("the server answered with HTTP status ", head.http_status()));
  }
  return Status(StatusCode::kUnknown, "the server's answer is no gRPC: another content-type");
}

}  // namespace

ChannelConnection::ChannelConnection(const ChannelConnectionLimits& limits, RequestOrigin origin)
    : answer_bytes_max_(limits.answer_bytes_max),
      blocks_(std::move(origin)),
      session_(limits.session, this, &output_) {}

void ChannelConnection::Start(ChannelCall& call, LoopTime now) {
  call.BeginAttempt();
  call.connection_ = this;
  call.fate_ = CallFate::kLost;  // until something is known
  const absl::Duration left =
      call.deadline == kNoTime ? absl::InfiniteDuration() : absl::FromChrono(call.deadline - now);
  session_.Start(call, blocks_.BlockOf(call.path, left), call.request_);
}

void ChannelConnection::Cancel(ChannelCall& call) {
  session_.Cancel(call, http2::ErrorCode::kCancel);
  call.connection_ = nullptr;
}

std::vector<ChannelCall*> ChannelConnection::TakeEnded() { return std::exchange(ended_, {}); }

void ChannelConnection::End(ChannelCall& call, ChannelStatus status) {
  call.status = std::move(status);
  call.connection_ = nullptr;
  ended_.push_back(&call);
}

void ChannelConnection::EndEarly(ChannelCall& call, ChannelStatus status) {
  session_.Cancel(call, http2::ErrorCode::kCancel);
  End(call, std::move(status));
}

void ChannelConnection::OnHead(http2::ClientStream& stream, const AnswerFields& head) {
  if (head.http_status() != 200 || !head.is_grpc()) EndEarly(CallOf(stream), NoGrpc(head));
}

void ChannelConnection::OnBody(http2::ClientStream& stream, std::string_view bytes) {
  ChannelCall& call = CallOf(stream);
  while (!bytes.empty() && call.answer_prefix_bytes_ < ChannelCall::kPrefixBytes) {
    call.answer_prefix_[call.answer_prefix_bytes_++] = bytes.front();
    bytes.remove_prefix(1);
    if (call.answer_prefix_bytes_ < ChannelCall::kPrefixBytes) continue;
    if (call.answer_prefix_[0] != 0) {
      return EndEarly(
          call, Status(StatusCode::kInternal, "the answer is compressed, which was not offered"));
    }
    call.answer_bytes_ = static_cast<uint32_t>(LoadBigEndian(call.answer_prefix_ + 1, 4));
    if (call.answer_bytes_ > answer_bytes_max_) {
      return EndEarly(
          call, Status(StatusCode::kResourceExhausted,
                       absl::StrCat("the answer is larger than the limit (", call.answer_bytes_,
                                    " vs. ", answer_bytes_max_, ")")));
    }
    if (!call.AdmitAnswer(call.answer_bytes_)) {
      return EndEarly(call,
                      Status(StatusCode::kResourceExhausted, "there is no room for the answer"));
    }
    call.response.reserve(std::min<size_t>(call.answer_bytes_, kTrustedBytes));
  }
  if (bytes.size() > call.answer_bytes_ - call.response.size()) {
    return EndEarly(call, Status(StatusCode::kInternal, "the answer has more than one message"));
  }
  call.response.append(bytes);
}

ChannelStatus ChannelConnection::StatusOf(const ChannelCall& call,
                                          const AnswerFields* fields) const {
  if (fields == nullptr) {
    return Status(StatusCode::kInternal, "the answer ended without trailers");
  }
  if (!fields->grpc_status().has_value()) {
    if (fields->http_status() != 0 && (fields->http_status() != 200 || !fields->is_grpc())) {
      return NoGrpc(*fields);
    }
    return Status(StatusCode::kUnknown, "the answer has no grpc-status");
  }
  const int code = *fields->grpc_status();
  if (code != 0) return {code, fields->message(), fields->details()};
  if (call.answer_prefix_bytes_ < ChannelCall::kPrefixBytes ||
      call.response.size() < call.answer_bytes_) {
    return Status(StatusCode::kInternal, "the answer is OK but has no whole message");
  }
  return {};
}

void ChannelConnection::OnEnd(http2::ClientStream& stream, const AnswerFields* fields) {
  ChannelCall& call = CallOf(stream);
  ++answers_;
  if (fields != nullptr && fields->grpc_status().has_value()) call.fate_ = CallFate::kAnswered;
  End(call, StatusOf(call, fields));
}

void ChannelConnection::OnFailure(http2::ClientStream& stream,
                                  const http2::StreamFailure& failure) {
  ChannelCall& call = CallOf(stream);
  call.is_refused_ = !failure.is_processed;
  if (call.is_refused_) call.fate_ = CallFate::kNotSent;
  if (!failure.is_by_server) {
    const bool is_lost = failure.code == http2::ErrorCode::kNoError;
    return End(call, Status(is_lost ? StatusCode::kUnavailable : StatusCode::kInternal,
                            std::string(failure.why)));
  }
  if (!failure.is_processed) {
    return End(
        call, Status(StatusCode::kUnavailable, failure.why.empty() ? "the server refused the stream"
                                                                   : std::string(failure.why)));
  }
  ++answers_;
  End(call, Status(CodeOfReset(failure.code), absl::StrCat("the server reset the stream with code ",
                                                           static_cast<uint32_t>(failure.code))));
}

}  // namespace larder
