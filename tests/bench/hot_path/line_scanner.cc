#include "tests/bench/hot_path/line_scanner.h"

#include <algorithm>

namespace larder::bench {

bool LineScanner::NextLine(std::string_view& bytes, std::string_view& line) {
  if (is_returned_) {
    begun_.clear();
    is_returned_ = false;
  }
  const size_t skipped = std::min<uint64_t>(body_bytes_left_, bytes.size());
  body_bytes_left_ -= skipped;
  bytes.remove_prefix(skipped);
  const size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    begun_.append(bytes);
    bytes = {};
    return false;
  }
  line = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  if (!begun_.empty()) {
    begun_.append(line);
    line = begun_;
    is_returned_ = true;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

}  // namespace larder::bench
