#include "cluster/replication/sink_effects.h"

namespace larder::cluster {

std::string_view SinkTroubleText(SinkTrouble trouble) {
  switch (trouble) {
    case SinkTrouble::kNone:
      return "none";
    case SinkTrouble::kDisconnected:
      return "disconnected";
    case SinkTrouble::kSilent:
      return "silent for too long";
    case SinkTrouble::kRefused:
      return "refused";
    case SinkTrouble::kFenced:
      return "the source's epoch is below the one this node is bound to";
    case SinkTrouble::kCycle:
      return "the source follows this node";
    case SinkTrouble::kProtocol:
      return "a message that cannot come here";
    case SinkTrouble::kCopyFailed:
      return "the copy could not be held";
    case SinkTrouble::kApplyFailed:
      return "records could not be applied";
  }
  return "unknown";
}

}  // namespace larder::cluster
