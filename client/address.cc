#include "client/address.h"

#include <charconv>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace larder {
namespace {

constexpr char kDefaultPort[] = "7600";

absl::Status Refuse(std::string_view text, const char* why) {
  return absl::InvalidArgumentError(
      absl::StrCat("address '", std::string(text), "': ", why, "; expected host:port"));
}

bool IsHost(std::string_view host) {
  if (host.empty()) return false;
  for (const char c : host) {
    if (!(absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_')) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> NormalizeAddress(std::string_view text) {
  if (text.substr(0, 5) == "unix:") {
    if (text.size() == 5) return Refuse(text, "no path");
    return std::string(text);
  }
  if (text.find("://") != std::string_view::npos) return Refuse(text, "this is a URL");
  std::string_view host = text;
  std::string_view port = kDefaultPort;
  if (!text.empty() && text.front() == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return Refuse(text, "bad IPv6 address");
    host = text.substr(0, end + 1);
    for (const char c : host.substr(1, end - 1)) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)) && c != ':' && c != '.') {
        return Refuse(text, "bad IPv6 address");
      }
    }
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty()) {
      if (rest.front() != ':') return Refuse(text, "bad port");
      port = rest.substr(1);
    }
  } else {
    const size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
    }
    if (port.find(':') != std::string_view::npos) {
      return Refuse(text, "an IPv6 address needs [brackets]");
    }
    if (!IsHost(host)) return Refuse(text, "bad host");
  }
  uint16_t number = 0;
  const char* const end = port.data() + port.size();
  const auto [parsed_end, error] = std::from_chars(port.data(), end, number);
  if (error != std::errc() || parsed_end != end || number == 0) {
    return Refuse(text, "bad port");
  }
  return absl::StrCat(std::string(host), ":", number);
}

}  // namespace larder
