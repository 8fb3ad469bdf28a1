#include "cluster/replication/position.h"

#include "absl/strings/str_cat.h"

namespace larder::cluster {

std::string Position::ToText() const { return absl::StrCat(epoch.ToText(), "/", sequence); }

}  // namespace larder::cluster
