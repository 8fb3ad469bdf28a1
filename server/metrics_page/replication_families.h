#ifndef LARDER_SERVER_METRICS_PAGE_REPLICATION_FAMILIES_H_
#define LARDER_SERVER_METRICS_PAGE_REPLICATION_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <vector>

#include "server/handlers/replication_status.h"

namespace larder::server {

// Adds the metrics of a node that has a bus. Series of single replicas are there while these have a
// stream, those of a source while there is one.
void AddReplication(const ReplicationStatus& status,
                    std::vector<prometheus::MetricFamily>& families);

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_PAGE_REPLICATION_FAMILIES_H_
