#include "client/core.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/channel.h"

namespace larder {
namespace {

// What people should look at when the two sides do not agree on TLS: gRPC says little of that, or
// words it for those who know OpenSSL.
absl::string_view TlsHint(absl::string_view said, const std::optional<TlsOptions>& tls) {
  const bool is_cut_off =
      absl::StrContains(said, "Socket closed") || absl::StrContains(said, "Endpoint read failed");
  if (!tls.has_value()) {
    const bool is_garbled = absl::StrContains(said, "Failed parsing HTTP/2");
    return is_cut_off || is_garbled ? " (a node that speaks TLS ends plaintext connections so)"
                                    : "";
  }
  const std::string lower = absl::AsciiStrToLower(said);
  if (absl::StrContains(lower, "wrong version number")) {
    return " (the node speaks no TLS)";
  }
  if (absl::StrContains(lower, "alert internal error")) {
    return " (a node that has its limit of connections refuses one more so)";
  }
  if (absl::StrContains(lower, "certificate verify failed")) {
    return " (nobody whom this client trusts has signed the node's certificate: see tls_ca_file)";
  }
  if (is_cut_off && tls->cert_file.empty()) {
    return " (a node that demands a client's certificate ends connections without one so)";
  }
  return "";
}

}  // namespace

ClientCore::ClientCore(ClientOptions options, std::optional<TlsMaterial> tls)
    : options_(std::move(options)), policy_(options_.retry) {
  const ChannelOptions channel = {options_.address, options_.connect_timeout,
                                  options_.max_receive_bytes, std::move(tls)};
  connections_.reserve(options_.connections);
  for (int i = 0; i < options_.connections; ++i) {
    connections_.emplace_back(CreateChannel(channel));
  }
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

absl::Status ClientCore::Describe(const CallOptions& call, const RpcError& error) const {
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
