#include "cluster/replication/epoch.h"

#include "absl/strings/str_format.h"

namespace larder::cluster {

std::string Epoch::ToText() const {
  return absl::StrFormat("%d.%d.%08x", term, incarnation, node.high >> 32);
}

}  // namespace larder::cluster
