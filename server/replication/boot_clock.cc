#include "server/replication/boot_clock.h"

#include <time.h>

namespace larder::server {

cluster::BootTime BootTimeNow() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return cluster::BootTime(cluster::Millis(time.tv_sec * 1000 + time.tv_nsec / 1000000));
}

}  // namespace larder::server
