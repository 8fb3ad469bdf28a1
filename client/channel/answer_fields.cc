#include "client/channel/answer_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "proto/http2/header_field.h"

namespace larder {
namespace {

constexpr int kUnknown = 2;
constexpr int kStatusMax = 16;
constexpr std::string_view kGrpcType = "application/grpc";

// A number of so many digits at most; -1: it is none.
int ParseNumber(std::string_view text, size_t digits_max) {
  if (text.empty() || text.size() > digits_max) return -1;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

bool IsFieldName(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return c <= ' ' || c == 0x7f || (c >= 'A' && c <= 'Z') || c == ':';
  });
}

bool IsConnectionField(std::string_view name) {
  return name == "connection" || name == "transfer-encoding" || name == "upgrade" ||
         name == "keep-alive" || name == "proxy-connection";
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes as gRPC over HTTP/2 has it: what is no hexadecimal number stays as it is.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexDigit(text[i + 2]);
    if (low < 0) {
      decoded.push_back(text[i]);
    } else {
      decoded.push_back(static_cast<char>(high << 4 | low));
      i += 2;
    }
  }
  return decoded;
}

}  // namespace

void AnswerFields::Clear() {
  bytes_ = 0;
  is_malformed_ = has_regular_ = is_grpc_ = false;
  http_status_ = 0;
  grpc_status_.reset();
  message_.clear();
  details_.clear();
}

void AnswerFields::Add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + http2::kFieldOverheadBytes;
  if (is_too_large()) return;
  if (name.starts_with(':')) return AddPseudo(name, value);
  has_regular_ = true;
  if (!IsFieldName(name) || IsConnectionField(name)) {
    is_malformed_ = true;
  } else if (name == "content-type") {
    is_grpc_ = value.starts_with(kGrpcType) &&
               (value.size() == kGrpcType.size() || value[kGrpcType.size()] == '+' ||
                value[kGrpcType.size()] == ';');
  } else if (name == "grpc-status") {
    const int number = ParseNumber(value, 2);
    grpc_status_ = number < 0 || number > kStatusMax ? kUnknown : number;
  } else if (name == "grpc-message") {
    message_ = value;
  } else if (name == "grpc-status-details-bin") {
    details_ = value;
  }
}

void AnswerFields::AddPseudo(std::string_view name, std::string_view value) {
  const int status = name == ":status" && value.size() == 3 ? ParseNumber(value, 3) : -1;
  if (status < 100 || http_status_ != 0 || has_regular_) {
    is_malformed_ = true;
  } else {
    http_status_ = status;
  }
}

std::string AnswerFields::message() const { return PercentDecoded(message_); }

std::string AnswerFields::details() const {
  std::string decoded;
  if (!absl::Base64Unescape(details_, &decoded)) decoded.clear();
  return decoded;
}

}  // namespace larder
