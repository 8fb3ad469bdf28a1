#ifndef LARDER_CLUSTER_REGISTERS_CLUSTER_ID_H_
#define LARDER_CLUSTER_REGISTERS_CLUSTER_ID_H_

#include <compare>
#include <cstdint>

namespace larder::cluster {

// Which cluster; drawn when it is founded. Clusters with different ids do not merge. Zero: none.
struct ClusterId {
  uint64_t high = 0;
  uint64_t low = 0;

  friend auto operator<=>(const ClusterId&, const ClusterId&) = default;
  bool is_set() const { return high != 0 || low != 0; }
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REGISTERS_CLUSTER_ID_H_
