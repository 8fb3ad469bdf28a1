#ifndef LARDER_SERVER_REPLICATION_LOG_CLOCK_H_
#define LARDER_SERVER_REPLICATION_LOG_CLOCK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cluster/replication/boot_time.h"

namespace larder::server {

// When a log ended where, so that it can be told how long ago all that a replica has was all there
// was: rather too long than too short, by kResolution, or a kPart of what is long ago. Not
// thread-safe.
class LogClock {
 public:
  static constexpr cluster::Millis kResolution{10};
  static constexpr int kPart = 32;
  static constexpr size_t kSamplesMax = 2048;  // more than remain of the longest time when thinned

  // The log ends at `end` now. An end below the one before is of another log.
  void Note(uint64_t end, cluster::BootTime now);
  void Reset() { samples_.clear(); }

  // 0: the log has not grown beyond `applied`, or nothing was noted. At least so long, if the log
  // had grown beyond it before the first was noted.
  cluster::Millis LagOf(uint64_t applied, cluster::BootTime now) const;

 private:
  struct Sample {
    uint64_t end;
    cluster::BootTime first;  // when it, or one that it stands for, ended first
    cluster::BootTime last;   // when it ended there the last time
  };

  void Thin(cluster::BootTime now);

  std::vector<Sample> samples_;  // their ends rise
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_LOG_CLOCK_H_
