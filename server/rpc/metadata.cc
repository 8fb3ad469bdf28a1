#include "server/rpc/metadata.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "proto/http2/header_field.h"
#include "proto/http2/status_block.h"

namespace larder::server {
namespace {

constexpr std::array<std::string_view, 10> kReserved = {
    "connection", "content-length", "content-type",      "host",   "keep-alive", "proxy-connection",
    "te",         "trailer",        "transfer-encoding", "upgrade"};

absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

bool IsBinary(std::string_view name) { return name.ends_with("-bin"); }

bool IsPrintable(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

absl::Status UnprintableStatus(std::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat("metadata ", Absl(name), ": a value must be printable ASCII"));
}

}  // namespace

bool IsMetadataName(std::string_view name) {
  const auto is_valid = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_valid) &&
         !name.starts_with("grpc-") &&
         std::find(kReserved.begin(), kReserved.end(), name) == kReserved.end();
}

absl::Status Metadata::Add(std::string_view name, std::string_view value) {
  if (!IsBinary(name)) {
    if (!IsPrintable(value)) return UnprintableStatus(name);
    entries_.push_back({std::string(name), std::string(value)});
    return absl::OkStatus();
  }
  for (const absl::string_view encoded : absl::StrSplit(Absl(value), ',')) {
    std::string bytes;
    if (!absl::Base64Unescape(encoded, &bytes)) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata ", Absl(name), ": a value must be base64"));
    }
    entries_.push_back({std::string(name), std::move(bytes)});
  }
  return absl::OkStatus();
}

std::optional<std::string_view> Metadata::Find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [name](const Entry& entry) { return entry.name == name; });
  if (found == entries_.end()) return std::nullopt;
  return found->value;
}

absl::Status SentMetadata::Add(std::string_view name, std::string_view value) {
  if (!IsMetadataName(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata '", absl::CHexEscape(Absl(name)),
                     "': a name must be of a-z, 0-9, '-', '_' and '.', and not gRPC's own"));
  }
  std::string encoded;
  if (IsBinary(name)) {
    encoded = Base64(value);
    value = encoded;
  } else if (!IsPrintable(value)) {
    return UnprintableStatus(name);
  } else if (value.starts_with(' ') || value.ends_with(' ')) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata ", Absl(name), ": a value must not begin or end with a space"));
  }
  const size_t bytes = bytes_ + name.size() + value.size() + http2::kFieldOverheadBytes;
  if (bytes > kSentMetadataBytesMax) {
    return absl::ResourceExhaustedError(absl::StrCat("metadata ", Absl(name), ": ", bytes,
                                                     " bytes with what is there; the limit is ",
                                                     kSentMetadataBytesMax));
  }
  bytes_ = bytes;
  AppendField(name, value, block_);
  return absl::OkStatus();
}

}  // namespace larder::server
