#ifndef LARDER_SERVER_CONFIG_REPLICATION_FLAGS_H_
#define LARDER_SERVER_CONFIG_REPLICATION_FLAGS_H_

#include <vector>

#include "server/config/flag_table.h"

namespace larder::server {

// Adds the flags of ReplicationConfig.
void AddReplicationFlags(std::vector<Flag>& flags);

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_REPLICATION_FLAGS_H_
