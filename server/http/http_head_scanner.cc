#include "server/http/http_head_scanner.h"

#include <algorithm>

namespace larder::server {

HttpHeadScanner::Found HttpHeadScanner::Scan(std::string_view bytes) {
  const size_t end = std::min(bytes.size(), head_bytes_max_);
  while (position_ < end) {
    const Found found = Take(bytes[position_++]);
    if (found != Found::kNoEnd) return found;
  }
  if (position_ < head_bytes_max_) return Found::kNoEnd;
  return lines_ == 0 ? Found::kLineTooLong : Found::kHeadTooLong;
}

HttpHeadScanner::Found HttpHeadScanner::Take(char byte) {
  const bool must_end_line = previous_ == '\r';
  previous_ = byte;
  if (must_end_line != (byte == '\n')) return Found::kMalformed;
  if (byte == '\n') return EndLine();
  if (byte == '\r') return Found::kNoEnd;
  const auto code = static_cast<unsigned char>(byte);
  const bool is_in_value_only = byte == '\t' || code >= 0x80;
  if ((code < 0x20 && byte != '\t') || code == 0x7f || (is_in_value_only && lines_ == 0)) {
    return Found::kMalformed;
  }
  ++line_bytes_;
  return Found::kNoEnd;
}

HttpHeadScanner::Found HttpHeadScanner::EndLine() {
  if (line_bytes_ > 0) {
    ++lines_;
    line_bytes_ = 0;
    return Found::kNoEnd;
  }
  if (lines_ > 0) return Found::kEnd;
  // RFC 9112, section 2.2: one such line is to be ignored.
  if (begin_ > 0) return Found::kMalformed;
  begin_ = position_;
  return Found::kNoEnd;
}

}  // namespace larder::server
