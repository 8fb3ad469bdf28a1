#ifndef LARDER_SERVER_REPLICATION_REPLICA_DATA_H_
#define LARDER_SERVER_REPLICATION_REPLICA_DATA_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "cluster/replication/sink_effects.h"
#include "server/handlers/served_keyspace.h"
#include "server/replication/keyspace_log.h"
#include "storage/hybrid_clock.h"
#include "storage/keyspace.h"

namespace larder::server {

// The data of a node that follows another: carries out what a ReplicationSink asks for, on the
// keyspace that is served and on a copy beside it. Both together keep to the memory limit: if they
// cannot, what is served goes, and the node serves nothing until the copy is whole. Not thread-safe
// but as the keyspaces are.
class ReplicaData {
 public:
  struct Parts {
    ServedKeyspace* served = nullptr;
    storage::KeyspaceOptions keyspace;  // as that of the one that is served
    storage::HybridClock* versions = nullptr;
    KeyspaceLog* log = nullptr;  // of the one that is served
    uint64_t payload_bytes_max = uint64_t{256} << 20;
    // The log is about to be closed: readers go, and the data has no position any more that others
    // may be told (ReplicationState::Forget).
    std::function<void()> on_log_closes;
    // Nobody sees this keyspace any more who begins now: destroys it when all have passed by.
    std::function<void(std::unique_ptr<storage::Keyspace>)> retire;
  };
  explicit ReplicaData(Parts parts);

  // INVALID_ARGUMENT: the payload is not what it should be. RESOURCE_EXHAUSTED: the memory limit is
  // too low for it. UNAVAILABLE: the log has no room for records, since those that follow this node
  // have not read it; to be done again when it has, all else waits. `applied_to`: of kApply, how
  // far the data goes then, whatever is returned.
  absl::Status Do(const cluster::SinkWork& work, storage::TimePoint now, uint64_t* applied_to);

 private:
  absl::Status ApplyToServed(const cluster::SinkWork& work, storage::TimePoint now,
                             uint64_t* applied_to);
  absl::Status Apply(const cluster::SinkWork& work, storage::Keyspace* keyspace,
                     storage::TimePoint now, uint64_t* position);
  absl::Status BeginCopy(uint64_t data_bytes);
  absl::Status PutChunk(const cluster::SinkWork& work, storage::TimePoint now);
  // Whether the copy has all of what is to be kept.
  absl::Status CheckKept(const cluster::SinkWork& work) const;
  absl::Status InstallCopy(uint64_t position);
  // What came by the log had no room: notes how much there is, if it is memory that has none.
  void NoteFull();
  void CloseLog();
  // That the copy may have so much more: under the memory limit as it is now, and if both do not
  // fit, without what is served. INVALID_ARGUMENT: a keyspace cannot have that limit.
  absl::Status MakeRoom(uint64_t more_bytes);

  // What is served filled so much memory with so much; more does not fit as a copy either.
  struct Full {
    uint64_t limit_bytes = 0;
    uint64_t entry_bytes = 0;
  };

  const Parts parts_;
  std::optional<Full> full_;
  std::unique_ptr<storage::Keyspace> copy_;
  std::set<uint32_t> begun_slots_;  // of which the copy has the first part only
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_REPLICA_DATA_H_
