#ifndef LARDER_CLUSTER_REPLICATION_SINK_EFFECTS_H_
#define LARDER_CLUSTER_REPLICATION_SINK_EFFECTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/replication/messages.h"

namespace larder::cluster {

// What is to be done with the data. Carried out in order, one after the other, each confirmed when
// it is done.
struct SinkWork {
  enum class Kind : uint8_t {
    kApply,         // the records of `payload`, to the data that is served and to its log
    kBeginCopy,     // room for another keyspace beside the data that is served, which stays
    kGoOnWithCopy,  // the copy that is there goes on at `begin`; if `keep`, again from its
                    // beginning, and what it has stays until a chunk replaces it
    kApplyToCopy,   // the records of `payload`; those of what the copy has not yet are passed over
    kPutChunk,     // `payload` replaces what the copy has from `begin` to `end`; `keep`: that stays
    kInstallCopy,  // the copy becomes what is served, at once and whole; a log begins at `to`
    kDropCopy,     // the copy goes; what is served stays
  };
  Kind kind = Kind::kApply;
  uint64_t from = 0;
  uint64_t to = 0;  // the sequence that the data, or the copy, has then
  bool keep = false;
  uint64_t data_bytes = 0;  // of kBeginCopy: of memory that the copy will take, at least
  std::string begin;
  std::string end;
  std::string payload;
};

// Why a stream was dropped, or did not come about.
enum class SinkTrouble : uint8_t {
  kNone,
  kDisconnected,
  kSilent,    // nothing was heard for too long
  kRefused,   // with the reason in `refused`
  kFenced,    // the source's epoch is below the fence
  kCycle,     // the source follows this node
  kProtocol,  // the source said what it cannot say
  kCopyFailed,
  kApplyFailed,
};
std::string_view SinkTroubleText(SinkTrouble trouble);

// To be carried out in this order. Taken only when ReplicationState has nothing that is not saved.
struct SinkEffects {
  bool disconnect = false;
  bool connect = false;
  std::vector<ReplicaMessage> sends;
  std::vector<SinkWork> work;
  // The source has less than this node and steps back: the shell opens a new epoch here.
  bool take_over = false;
};

struct SinkReport {
  bool follows = false;
  bool is_connected = false;
  bool is_following = false;  // the data is a part of the source's history, and grows with it
  bool is_copying = false;
  std::optional<NodeId> source;
  std::string source_endpoint;
  Epoch source_epoch;
  uint64_t source_log_end = 0;
  uint64_t copied_bytes = 0;
  SinkTrouble trouble = SinkTrouble::kNone;  // the last one
  std::optional<Refuse::Reason> refused;
  std::string detail;
  uint64_t streams_lost = 0;  // ended, or did not come about
  std::string why_copied;     // of the last copy, in the source's words
  uint64_t continued = 0;
  uint64_t copies_begun = 0;
  uint64_t copies_resumed = 0;
  uint64_t copies_installed = 0;
  uint64_t copies_dropped = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_SINK_EFFECTS_H_
