#ifndef LARDER_SERVER_REPLICATION_LINE_THROTTLE_H_
#define LARDER_SERVER_REPLICATION_LINE_THROTTLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cluster/replication/boot_time.h"

namespace larder::server {

// Leaves out lines that say what was said less than kPeriod ago of the same subject, be it with
// other numbers; and all that are more than kLinesMax in that time, since who connects may call
// itself by many names. Not thread-safe.
class LineThrottle {
 public:
  static constexpr cluster::Millis kPeriod{10000};
  static constexpr size_t kLinesMax = 100;

  // Absent: it is left out. Else how often it was, since it was said the last time.
  std::optional<uint64_t> Admit(const std::string& subject, const std::string& text,
                                cluster::BootTime now);

 private:
  struct Line {
    cluster::BootTime said_at;
    uint64_t left_out = 0;
  };

  std::map<std::string, Line> lines_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_LINE_THROTTLE_H_
