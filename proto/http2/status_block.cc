#include "proto/http2/status_block.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace larder {
namespace {

// Longer messages are cut and larger details left out, so that a block stays below the 8 KiB that
// gRPC's clients accept.
constexpr size_t kMessageBytesMax = 1024;
constexpr size_t kDetailsBytesMax = 3072;

// An integer with a prefix of 7 bits (RFC 7541, section 5.1).
void AppendLength(size_t length, std::string& block) {
  constexpr size_t kPrefixMax = 127;
  if (length < kPrefixMax) {
    block.push_back(static_cast<char>(length));
    return;
  }
  block.push_back(static_cast<char>(kPrefixMax));
  for (length -= kPrefixMax; length >= 128; length >>= 7) {
    block.push_back(static_cast<char>(length % 128 + 128));
  }
  block.push_back(static_cast<char>(length));
}

// Encodes as gRPC over HTTP/2 has it: all but printable ASCII, and the percent sign.
std::string PercentEncoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // No field may begin or end with a space.
    const bool is_outer_space = byte == ' ' && (i == 0 || i + 1 == text.size());
    if (byte >= 0x20 && byte <= 0x7e && byte != '%' && !is_outer_space) {
      encoded.push_back(text[i]);
    } else {
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 0xf]);
    }
  }
  return encoded;
}

std::string MakeAnswerHead() {
  std::string block(1, '\x88');  // ":status: 200" in the static table
  AppendField("content-type", "application/grpc", block);
  return block;
}

std::string MakeOkTrailers() {
  std::string block;
  AppendField("grpc-status", "0", block);
  return block;
}

}  // namespace

std::string Base64(std::string_view bytes) {
  std::string encoded;
  absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()), &encoded);
  // Clients take it with and without padding; gRPC's own send none.
  encoded.resize(std::min(encoded.size(), encoded.find('=')));
  return encoded;
}

void AppendField(std::string_view name, std::string_view value, std::string& block) {
  block.push_back('\0');  // a literal that is not indexed, with a new name
  AppendLength(name.size(), block);
  block.append(name);
  AppendLength(value.size(), block);
  block.append(value);
}

std::string_view AnswerHead() {
  static const std::string& block = *new std::string(MakeAnswerHead());
  return block;
}

std::string_view OkTrailers() {
  static const std::string& block = *new std::string(MakeOkTrailers());
  return block;
}

std::string StatusBlock(const absl::Status& status, std::string_view details, bool is_only) {
  std::string block;
  if (is_only) block = AnswerHead();
  AppendField("grpc-status", absl::StrCat(static_cast<int>(status.code())), block);
  const std::string message(status.message().substr(0, kMessageBytesMax));
  if (!message.empty()) AppendField("grpc-message", PercentEncoded(message), block);
  if (!details.empty() && details.size() <= kDetailsBytesMax) {
    AppendField("grpc-status-details-bin", Base64(details), block);
  }
  if (is_only && absl::IsUnimplemented(status)) {
    AppendField("grpc-accept-encoding", "identity,gzip", block);
  }
  return block;
}

std::string HttpStatusBlock(std::string_view http_status) {
  std::string block;
  AppendField(":status", http_status, block);
  AppendField("content-type", "text/plain", block);
  return block;
}

std::string_view HttpTrailers() {
  static const std::string& block = *new std::string([] {
    std::string fields;
    AppendField("grpc-status", "12", fields);
    return fields;
  }());
  return block;
}

}  // namespace larder
