#include "cluster/replication/source_options.h"

#include <algorithm>

namespace larder::cluster {

SourceOptions SourceOptions::FittedTo(uint64_t log_bytes) const {
  SourceOptions fitted = *this;
  fitted.install_lag_bytes = std::min(install_lag_bytes, log_bytes / 4);
  return fitted;
}

std::string_view CloseReasonText(CloseReason reason) {
  switch (reason) {
    case CloseReason::kRefused:
      return "refused";
    case CloseReason::kFellBehind:
      return "the log was written over before it was read";
    case CloseReason::kSilent:
      return "silent for too long";
    case CloseReason::kStalled:
      return "took nothing of a copy for too long";
    case CloseReason::kReplaced:
      return "the replica came back on another stream";
    case CloseReason::kDataReplaced:
      return "the node's data was replaced";
    case CloseReason::kStopped:
      return "a higher epoch is known";
    case CloseReason::kProtocol:
      return "a message that cannot come here";
  }
  return "unknown";
}

}  // namespace larder::cluster
