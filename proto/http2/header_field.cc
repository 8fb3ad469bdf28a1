#include "proto/http2/header_field.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace larder::http2 {
namespace {

// About one connection of HTTP/1 (RFC 9113, section 8.2.2).
constexpr std::array<std::string_view, 5> kConnectionFields = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

bool IsValidName(std::string_view name) {
  return !name.starts_with(':') &&
         nghttp2_check_header_name(reinterpret_cast<const uint8_t*>(name.data()), name.size()) != 0;
}

}  // namespace

bool IsValidFieldValue(std::string_view value) {
  return nghttp2_check_header_value(reinterpret_cast<const uint8_t*>(value.data()), value.size()) !=
         0;
}

bool IsRegularField(std::string_view name, std::string_view value) {
  if (!IsValidName(name) || !IsValidFieldValue(value)) return false;
  if (std::find(kConnectionFields.begin(), kConnectionFields.end(), name) !=
      kConnectionFields.end()) {
    return false;
  }
  return name != "te" || value == "trailers";
}

}  // namespace larder::http2
