#ifndef LARDER_SERVER_REPLICATION_BOOT_CLOCK_H_
#define LARDER_SERVER_REPLICATION_BOOT_CLOCK_H_

#include "cluster/replication/boot_time.h"

namespace larder::server {

// Of this machine, which also runs while it sleeps (CLOCK_BOOTTIME).
cluster::BootTime BootTimeNow();

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_BOOT_CLOCK_H_
