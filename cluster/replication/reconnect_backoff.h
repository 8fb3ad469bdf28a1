#ifndef LARDER_CLUSTER_REPLICATION_RECONNECT_BACKOFF_H_
#define LARDER_CLUSTER_REPLICATION_RECONNECT_BACKOFF_H_

#include <cstdint>

#include "cluster/replication/boot_time.h"

namespace larder::cluster {

struct BackoffOptions {
  Millis first{50};
  Millis longest{3000};
};

// How long to wait before the next attempt: twice as long each time, less up to a half by chance,
// so that many who lost the same source do not come back at once.
class ReconnectBackoff {
 public:
  ReconnectBackoff(BackoffOptions options, uint64_t seed) : options_(options), random_(seed) {}

  Millis Next();
  // It went well: the next wait is a first one.
  void Reset() { attempts_ = 0; }

 private:
  const BackoffOptions options_;
  uint64_t random_;
  uint32_t attempts_ = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_RECONNECT_BACKOFF_H_
