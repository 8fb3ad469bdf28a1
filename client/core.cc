#include "client/core.h"

#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/tls_options.h"

namespace larder {
namespace {

// What people should look at when the two sides do not agree on TLS: gRPC says little of that, or
// words it for those who know OpenSSL.
absl::string_view TlsHint(absl::string_view said, const std::optional<TlsOptions>& tls) {
  const bool is_cut_off = absl::StrContains(said, "Socket closed") ||
                          absl::StrContains(said, "Endpoint read failed") ||
                          absl::StrContains(said, "not spoken HTTP/2");
  if (!tls.has_value()) {
    return is_cut_off || absl::StrContains(said, "Failed parsing HTTP/2")
               ? " (a node that speaks TLS ends plaintext connections so)"
               : "";
  }
  const std::string lower = absl::AsciiStrToLower(said);
  if (absl::StrContains(lower, "wrong version number")) {
    return " (the node speaks no TLS)";
  }
  if (absl::StrContains(lower, "alert internal error")) {
    return " (a node that has its limit of connections refuses one more so)";
  }
  // Our own channel says why, which may be another reason.
  if (absl::StrContains(lower, "certificate verify failed") &&
      (!absl::StrContains(lower, "certificate verify failed: ") ||
       absl::StrContains(lower, "issuer") || absl::StrContains(lower, "self-signed"))) {
    return " (nobody whom this client trusts has signed the node's certificate: see tls_ca_file)";
  }
  const bool is_refused = absl::StrContains(lower, "alert certificate required") ||
                          absl::StrContains(lower, "alert handshake failure");
  if ((is_cut_off || is_refused) && tls->cert_file.empty()) {
    return " (a node that demands a client's certificate ends connections without one so)";
  }
  return "";
}

// INVALID_ARGUMENT: a file of `tls` is no good.
absl::StatusOr<std::unique_ptr<Transport>> CreateTransport(const ClientOptions& options) {
  std::optional<TlsMaterial> tls;
  if (options.tls.has_value()) tls = options.tls_material;
  if (options.tls.has_value() && !tls.has_value()) {
    absl::StatusOr<TlsMaterial> material = ReadTlsOptions(*options.tls);
    if (!material.ok()) return material.status();
    tls = *std::move(material);
  }
  if (options.transport == ClientOptions::Transport::kGrpcpp) {
    return CreateGrpcppTransport(options, std::move(tls));
  }
  return CreateNativeTransport(options, tls);
}

}  // namespace

void ClientCall::OnDone() { core->AttemptDone(*this); }

absl::StatusOr<std::unique_ptr<ClientCore>> ClientCore::Create(ClientOptions options) {
  std::unique_ptr<ClientCore> core(new ClientCore(std::move(options)));
  auto transport = CreateTransport(core->options_);
  if (!transport.ok()) return transport.status();
  core->transport_ = *std::move(transport);
  return core;
}

ClientCore::ClientCore(ClientOptions options)
    : options_(std::move(options)), policy_(options_.retry) {}

void ClientCore::Run(std::unique_ptr<ClientCall> owned) {
  const absl::Duration deadline = DeadlineOr(owned->options.deadline);
  if (deadline <= absl::ZeroDuration() || deadline == absl::InfiniteDuration()) {
    return owned->Deliver(absl::InvalidArgumentError("deadline must be finite and more than 0"));
  }
  if (owned->request_message().size() > std::numeric_limits<int32_t>::max()) {
    return owned->Deliver(absl::InvalidArgumentError(
        absl::StrCat(owned->options.operation, ": the request is larger than 2 GiB")));
  }
  if (!BeginCall()) {
    return owned->Deliver(absl::CancelledError("the client is being destroyed"));
  }
  ClientCall& call = *owned.release();
  call.core = this;
  call.ends_at = runtime().Now() + deadline;
  Attempt(call);
}

void ClientCore::Attempt(ClientCall& call) {
  ++call.attempts_made;
  call.deadline = After(std::chrono::steady_clock::now(), call.ends_at - runtime().Now());
  transport_->Start(call);
}

void ClientCore::AttemptDone(ClientCall& call) {
  if (call.status.code == 0) return Finish(call, absl::OkStatus());
  const RpcError error =
      InterpretRpcStatus({call.status.code, call.status.message, call.status.details});
  std::optional<absl::Duration> delay;
  if (call.options.retry && !closing()) {
    RetryPolicy::Context context;
    context.idempotent = call.options.idempotent;
    context.attempts_made = call.attempts_made;
    context.remaining = call.ends_at - runtime().Now();
    context.jitter = runtime().Random();
    delay = policy_.DelayBeforeRetry(error.failure, context);
  }
  if (!delay) return Finish(call, Describe(call.options, error));
  runtime().RunAfter(*delay, [this, &call, error] {
    if (closing() || call.ends_at <= runtime().Now()) {
      Finish(call, Describe(call.options, error));
    } else {
      Attempt(call);
    }
  });
}

void ClientCore::Finish(ClientCall& call, absl::Status outcome) {
  std::unique_ptr<ClientCall> owned(&call);
  owned->Deliver(std::move(outcome));
  owned.reset();
  EndCall();
}

void ClientCore::Drain() {
  MutexLock lock(mutex_);
  closing_ = true;
  while (calls_running_ > 0) idle_.Wait(mutex_);
}

bool ClientCore::BeginCall() {
  MutexLock lock(mutex_);
  if (closing_) return false;
  ++calls_running_;
  return true;
}

void ClientCore::EndCall() {
  MutexLock lock(mutex_);
  if (--calls_running_ == 0) idle_.SignalAll();
}

bool ClientCore::closing() {
  MutexLock lock(mutex_);
  return closing_;
}

absl::Status ClientCore::Describe(const ClientCall::Options& call, const RpcError& error) const {
  const absl::string_view said = error.status.message();
  std::string message;
  // gRPC words its own refusal and the node's alike, but for the limit.
  if (error.failure.code == absl::StatusCode::kResourceExhausted && !error.failure.from_server &&
      absl::EndsWith(said, absl::StrCat(" vs. ", options_.max_receive_bytes, ")"))) {
    message = absl::StrCat(call.operation, ": the answer is larger than max_receive_bytes (",
                           options_.max_receive_bytes, ")");
  } else if (absl::StartsWith(said, absl::StrCat(call.operation, ":"))) {
    message = std::string(said);  // a node's messages begin with it
  } else if (error.failure.from_server || error.failure.code != absl::StatusCode::kUnavailable) {
    message = absl::StrCat(call.operation, ": ", said);
  } else {
    message = absl::StrCat(call.operation, " at ", options_.address, ": ", said,
                           TlsHint(said, options_.tls));
  }
  absl::Status status(error.status.code(), message);
  error.status.ForEachPayload([&status](absl::string_view type, const absl::Cord& payload) {
    status.SetPayload(type, payload);
  });
  return status;
}

}  // namespace larder
