#include "server/forwarding/forwarded_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/handlers/retry_hint.h"
#include "server/messages/redirect.h"
#include "server/messages/status_details.h"

namespace larder::server {
namespace {

// The channel tells paths apart by their addresses.
std::string_view PathOf(Method method) {
  switch (method) {
    case Method::kGet:
      return "/larder.v1.Cache/Get";
    case Method::kSet:
      return "/larder.v1.Cache/Set";
    case Method::kDelete:
      return "/larder.v1.Cache/Delete";
    case Method::kLease:
      return "/larder.v1.Cache/Lease";
    case Method::kMultiGet:
      return "/larder.v1.Cache/MultiGet";
    case Method::kMultiSet:
      return "/larder.v1.Cache/MultiSet";
    case Method::kMultiDelete:
      return "/larder.v1.Cache/MultiDelete";
    case Method::kTouch:
      return "/larder.v1.Cache/Touch";
    case Method::kIncrement:
      return "/larder.v1.Cache/Increment";
    case Method::kAppend:
      return "/larder.v1.Cache/Append";
    case Method::kScan:
      return "/larder.v1.Cache/Scan";
    default:
      return "/larder.v1.Cache/NotForwarded";
  }
}

bool IsRead(Method method) {
  return method == Method::kGet || method == Method::kMultiGet || method == Method::kScan;
}

}  // namespace

ForwardedCall::ForwardedCall(Forwarding* shared, PeerChannels* peers, ForwardRequest request,
                             ForwardListener* listener)
    : shared_(*shared),
      peers_(*peers),
      method_(request.method),
      follows_redirect_(request.follows_redirect),
      started_(std::chrono::steady_clock::now()),
      listener_(listener),
      held_(std::move(request.held)) {
  path = PathOf(method_);
  deadline = request.deadline;
  AdoptRequest(std::move(request.prefixed));
}

ForwardedCall::~ForwardedCall() = default;

void ForwardedCall::StartAt(Peer& peer) {
  peer_ = &peer;
  peer.channel->Start(*this);
}

void ForwardedCall::Abandon() {
  listener_ = nullptr;
  peer_->channel->Cancel(*this);
}

bool ForwardedCall::AdmitAnswer(size_t message_bytes) {
  if (held_.Add(message_bytes)) return true;
  refused_bytes_ = message_bytes;
  return false;
}

void ForwardedCall::OnDone() {
  if (listener_ == nullptr) return End(absl::CancelledError("nobody waits for the answer"));
  absl::Status answered = StatusOfAttempt();
  if (Follow(answered)) return;
  End(std::move(answered));
}

bool ForwardedCall::Follow(absl::Status& answered) {
  if (!absl::IsFailedPrecondition(answered)) return false;
  const std::optional<Redirect> redirect = RedirectOf(answered);
  if (!redirect.has_value()) return false;
  if (!follows_redirect_ || was_redirected_ || redirect->endpoint.empty()) {
    answered = absl::UnavailableError(
        absl::StrCat(std::string(MethodName(method_)), ": not applied: node ", peer_->endpoint,
                     " does not own slot ", redirect->slot, " and names ", redirect->endpoint));
    return false;
  }
  was_redirected_ = true;
  shared_.metrics.redirects_followed.fetch_add(1, std::memory_order_relaxed);
  const absl::StatusOr<Peer*> peer = peers_.Use(redirect->endpoint);
  if (!peer.ok()) {
    answered = peer.status();
    return false;
  }
  peers_.Release(*std::exchange(peer_, nullptr));
  StartAt(**peer);
  return true;
}

absl::Status ForwardedCall::StatusOfAttempt() const {
  const auto code = static_cast<absl::StatusCode>(status.code);
  if (code == absl::StatusCode::kOk) return absl::OkStatus();
  // The node's own errors all have details; others are from something in between.
  if (fate() == CallFate::kAnswered && !status.details.empty()) {
    return StatusOfAnswer(status.code, status.message, status.details);
  }
  const std::string method(MethodName(method_));
  const std::string why = absl::StrCat("node ", peer_->endpoint, ": ", status.message);
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat(method, ": ", why));
  }
  if (fate() == CallFate::kNotSent) {
    return absl::UnavailableError(absl::StrCat(method, ": not applied: ", why));
  }
  if (!IsRead(method_)) {
    return absl::UnknownError(absl::StrCat(method, ": may have been applied: ", why));
  }
  if (refused_bytes_ > 0) {
    return WithRetryHint(
        absl::ResourceExhaustedError(absl::StrCat(
            method, ": an answer of ", refused_bytes_, " bytes from node ", peer_->endpoint,
            " does not fit into the limit ", shared_.bytes.bytes_max(),
            " bytes for all calls that are sent on (--max_forwarded_bytes)")),
        shared_.options.retry_after);
  }
  return absl::UnavailableError(absl::StrCat(method, ": ", why));
}

void ForwardedCall::End(absl::Status ended) {
  shared_.metrics.sent.Record(method_, ended.code(),
                              absl::FromChrono(std::chrono::steady_clock::now() - started_));
  peers_.Release(*peer_);
  ForwardListener* const listener = listener_;
  ForwardedAnswer answer{.status = std::move(ended),
                         .message = {},
                         .was_redirected = was_redirected_,
                         .held = std::move(held_)};
  if (answer.status.ok()) answer.message = std::move(response);
  delete this;
  answer.held.Shrink(answer.message.size());
  if (listener != nullptr) listener->OnForwarded(std::move(answer));
}

}  // namespace larder::server
