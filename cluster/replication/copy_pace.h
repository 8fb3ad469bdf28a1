#ifndef LARDER_CLUSTER_REPLICATION_COPY_PACE_H_
#define LARDER_CLUSTER_REPLICATION_COPY_PACE_H_

#include <cstdint>
#include <optional>

#include "cluster/replication/boot_time.h"

namespace larder::cluster {

// How much of their data the copies of a node send, all together: a rate in bytes per second, made
// up for where time was lost by what comes due in kMadeUp at most. 0: all that is taken. A copy is
// work that has time, and what the node serves meanwhile has not. Not thread-safe.
class CopyPace {
 public:
  static constexpr Millis kMadeUp{5};

  explicit CopyPace(uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  // The next chunk, however large, may be read now; what it has above what is due is waited for
  // behind it.
  bool IsDue(BootTime now);
  void Take(uint64_t bytes);
  // How long until it is, as reckoned when IsDue was last asked.
  Millis DueIn() const;

 private:
  double BytesPerMilli() const { return static_cast<double>(rate_) / 1000; }

  const uint64_t rate_;
  std::optional<BootTime> reckoned_at_;
  double due_bytes_ = 0;  // below 0: more was taken
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_COPY_PACE_H_
