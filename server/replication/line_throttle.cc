#include "server/replication/line_throttle.h"

#include <algorithm>
#include <utility>

namespace larder::server {

std::optional<uint64_t> LineThrottle::Admit(const std::string& subject, const std::string& text,
                                            cluster::BootTime now) {
  std::string key = text;
  key.erase(std::remove_if(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; }),
            key.end());
  key = subject + '\n' + key;
  const auto found = lines_.find(key);
  if (found != lines_.end()) {
    if (now - found->second.said_at < kPeriod) {
      ++found->second.left_out;
      return std::nullopt;
    }
    found->second.said_at = now;
    return std::exchange(found->second.left_out, 0);
  }
  if (lines_.size() >= kLinesMax) {
    std::erase_if(lines_, [now](const auto& line) { return now - line.second.said_at >= kPeriod; });
  }
  if (lines_.size() >= kLinesMax) return std::nullopt;
  lines_[std::move(key)] = {now, 0};
  return 0;
}

}  // namespace larder::server
