#ifndef LARDER_SERVER_REPLICATION_LEADER_H_
#define LARDER_SERVER_REPLICATION_LEADER_H_

#include <string>

namespace larder::server {

// Who answers for the data, as this node knows it.
struct Leader {
  bool is_here = true;
  std::string endpoint;  // else: where its clients connect; empty: not known yet
  friend bool operator==(const Leader&, const Leader&) = default;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_LEADER_H_
