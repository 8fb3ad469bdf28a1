#include "server/rpc/request_head.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "proto/http2/header_field.h"
#include "server/rpc/metadata.h"
#include "server/rpc/quoted.h"

namespace larder::server {
namespace {

constexpr std::string_view kGrpc = "application/grpc";

// Digits and nothing else, as HTTP has it.
std::optional<uint64_t> ParseDigits(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed_end, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || parsed_end != end) return std::nullopt;
  return number;
}

}  // namespace

std::optional<absl::Duration> ParseGrpcTimeout(std::string_view text) {
  constexpr size_t kDigitsMax = 8;
  if (text.size() < 2 || text.size() > kDigitsMax + 1) return std::nullopt;
  int64_t count = 0;
  for (const char digit : text.substr(0, text.size() - 1)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    count = 10 * count + (digit - '0');
  }
  switch (text.back()) {
    case 'H':
      return absl::Hours(count);
    case 'M':
      return absl::Minutes(count);
    case 'S':
      return absl::Seconds(count);
    case 'm':
      return absl::Milliseconds(count);
    case 'u':
      return absl::Microseconds(count);
    case 'n':
      return absl::Nanoseconds(count);
    default:
      return std::nullopt;
  }
}

void RequestHead::Clear() {
  bytes_ = 0;
  is_malformed_ = has_regular_ = has_scheme_ = has_authority_ = is_grpc_ = has_bad_timeout_ =
      keeps_metadata_ = false;
  is_plain_ = true;
  http_method_.clear();
  path_.clear();
  content_type_.clear();
  encoding_.clear();
  content_length_.reset();
  timeout_.reset();
  routing_ = RoutingWish::kForward;
  bad_routing_.reset();
  is_forwarded_ = false;
  proof_.clear();
  bad_forwarded_.reset();
  metadata_.clear();
}

void RequestHead::Add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + http2::kFieldOverheadBytes;
  if (is_too_large()) return;
  if (name.starts_with(':')) {
    AddPseudo(name, value);
  } else {
    has_regular_ = true;
    AddRegular(name, value);
  }
}

void RequestHead::AddPseudo(std::string_view name, std::string_view value) {
  if (has_regular_ || value.empty() || !http2::IsValidFieldValue(value)) {
    is_malformed_ = true;
  } else if (name == ":method" && http_method_.empty()) {
    http_method_ = value;
  } else if (name == ":path" && path_.empty()) {
    path_ = value;
  } else if (name == ":scheme" && !has_scheme_) {
    has_scheme_ = true;
  } else if (name == ":authority" && !has_authority_) {
    has_authority_ = true;
  } else {
    is_malformed_ = true;  // unknown, of a response, or given twice
  }
}

void RequestHead::AddRegular(std::string_view name, std::string_view value) {
  if (!http2::IsRegularField(name, value)) {
    is_malformed_ = true;
  } else if (name == "content-type") {
    content_type_ = value;
    is_grpc_ =
        value.starts_with(kGrpc) &&
        (value.size() == kGrpc.size() || value[kGrpc.size()] == '+' || value[kGrpc.size()] == ';');
  } else if (name == "content-length") {
    const std::optional<uint64_t> bytes = ParseDigits(value);
    is_malformed_ |=
        !bytes.has_value() || (content_length_.has_value() && content_length_ != bytes);
    content_length_ = bytes;
  } else if (name == "grpc-timeout") {
    is_plain_ = false;
    timeout_ = ParseGrpcTimeout(value);
    has_bad_timeout_ |= !timeout_.has_value();
  } else if (name == "grpc-encoding") {
    is_plain_ = false;
    encoding_ = value == "identity" ? std::string_view() : value;
  } else if (name == "larder-routing") {
    is_plain_ = false;
    if (value == "redirect") {
      routing_ = RoutingWish::kRedirect;
    } else {
      bad_routing_ = value;
    }
  } else if (name == kForwardedField) {
    is_plain_ = false;
    AddForwarded(value);
  } else if (keeps_metadata_ && IsMetadataName(name)) {
    metadata_.emplace_back(name, value);
  }
}

void RequestHead::AddForwarded(std::string_view value) {
  const size_t end = value.find(' ');
  is_forwarded_ = value.substr(0, end) == kForwardedValue && end != value.size() - 1;
  if (!is_forwarded_) {
    bad_forwarded_ = value;
  } else if (end != std::string_view::npos) {
    proof_ = value.substr(end + 1);
  }
}

bool RequestHead::IsFromNode(std::string_view proof) const {
  if (!is_forwarded_ || proof.empty()) return is_forwarded_;
  if (proof_.size() != proof.size()) return false;
  unsigned char differs = 0;
  for (size_t i = 0; i < proof.size(); ++i) {
    differs |= static_cast<unsigned char>(proof_[i] ^ proof[i]);
  }
  return differs == 0;
}

absl::Status RequestHead::CheckUncommon() const {
  if (has_bad_timeout_) return absl::InvalidArgumentError("grpc-timeout is malformed");
  if (bad_routing_.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("larder-routing is ", Quoted(*bad_routing_),
                                                   "; it can be redirect, or absent"));
  }
  if (bad_forwarded_.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("larder-forwarded is ", Quoted(*bad_forwarded_),
                     "; it can be 1, perhaps with a proof, or absent"));
  }
  if (!encoding_.empty() && encoding_ != "gzip") {
    return absl::UnimplementedError(absl::StrCat("the request's compression ", Quoted(encoding_),
                                                 " is not supported; gzip and identity are"));
  }
  if (timeout_.has_value() && *timeout_ <= absl::ZeroDuration()) {
    return absl::DeadlineExceededError("the deadline had passed when the request came");
  }
  return absl::OkStatus();
}

bool RequestHead::is_well_formed() const {
  return !is_malformed_ && !http_method_.empty() && !path_.empty() && has_scheme_;
}

}  // namespace larder::server
