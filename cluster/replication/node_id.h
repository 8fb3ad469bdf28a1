#ifndef LARDER_CLUSTER_REPLICATION_NODE_ID_H_
#define LARDER_CLUSTER_REPLICATION_NODE_ID_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larder::cluster {

// Who a node is, for as long as its state file lives; drawn at random once. All zero: nobody.
struct NodeId {
  uint64_t high = 0;
  uint64_t low = 0;

  friend auto operator<=>(const NodeId&, const NodeId&) = default;
  bool is_set() const { return high != 0 || low != 0; }

  // 32 hexadecimal digits.
  std::string ToText() const;
  // Absent: not as ToText writes it; letters may be upper case.
  static std::optional<NodeId> FromText(std::string_view text);
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_NODE_ID_H_
