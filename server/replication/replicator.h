#ifndef LARDER_SERVER_REPLICATION_REPLICATOR_H_
#define LARDER_SERVER_REPLICATION_REPLICATOR_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/replication/replication_sink.h"
#include "cluster/replication/replication_source.h"
#include "server/bus/peer_stream.h"
#include "server/handlers/held_writes.h"
#include "server/handlers/replica_acks.h"
#include "server/handlers/replicated_data.h"
#include "server/handlers/replication_control.h"
#include "server/handlers/time_source.h"
#include "server/replication/keyspace_feed.h"
#include "server/replication/keyspace_log.h"
#include "server/replication/leader.h"
#include "server/replication/log_clock.h"
#include "server/replication/node_authority.h"
#include "server/replication/replica_data.h"
#include "server/replication/replication_journal.h"
#include "server/replication/source_connection.h"
#include "server/replication/task_thread.h"
#include "storage/mutex.h"

namespace larder::server {

struct ReplicatorOptions {
  cluster::SourceOptions source;
  cluster::SinkOptions sink;
  storage::KeyspaceOptions keyspace;  // of the one that is served
  uint64_t log_bytes = uint64_t{64} << 20;
  uint64_t message_bytes = uint64_t{256} << 10;     // of records in one message, about
  uint64_t payload_bytes_max = uint64_t{32} << 20;  // of a batch or chunk that is applied
  // How long the log rests when all of it was sent: what is written meanwhile goes together, unless
  // somebody waits for it.
  std::chrono::microseconds log_rest{1000};
  uint64_t seed = 1;  // of pauses between attempts to connect
  cluster::NodeId node;
  cluster::DurableReplication recovered;  // of an earlier process, whose data is gone
  // How long a primary that was started again waits for replicas that have its data, of which one
  // is to lead then.
  cluster::Millis restart_wait{2000};
};

// What a Replicator works with. All outlive it.
struct ReplicatorParts {
  ServedKeyspace* served = nullptr;
  storage::HybridClock* versions = nullptr;
  const TimeSource* time = nullptr;
  NodeAuthority* authority = nullptr;  // of all keyspaces that are served
  StreamOpener open_stream;
  // Syncs what ordering.md rule 12 wants on disk. An error: nothing that depends on it is said.
  std::function<absl::Status(const cluster::DurableReplication&)> persist;
  // Likewise: the bus of whom this node follows from now on; empty: nobody, it leads.
  std::function<absl::Status(const std::string&)> persist_source;
  ReplicaAcks* acks = nullptr;
  HeldWrites* held_writes = nullptr;
  ReplicatedData* replicated = nullptr;
  // Both are told on the replicator's thread: what leads when that changes, and the primary's shard
  // time again and again while this node follows.
  std::function<void(const Leader&)> on_leader;
  std::function<void(storage::TimePoint)> on_shard_time;
  // As ReplicaData::Parts.
  std::function<void(std::unique_ptr<storage::Keyspace>)> retire;
  ReplicationListener on_notice;  // on the replicator's thread; may be empty
};

// Replicates the data of this node: steps the machines on a thread of its own, sends what they say,
// and carries out what they want done. A node begins as one that leads, without a log until
// somebody asks to follow it.
class Replicator final : public ReplicationControl {
 public:
  Replicator(ReplicatorOptions options, ReplicatorParts parts);
  // REQUIRES: Stop, and all streams have ended since.
  ~Replicator() override;
  Replicator(const Replicator&) = delete;
  Replicator& operator=(const Replicator&) = delete;

  // The following may be called on any thread.

  // What the node was before it was started again.
  enum class Beginning : uint8_t { kNew, kLedBefore, kFollowedBefore };
  // Before this, or ReplicaOf, nobody is told who leads; it waits until all are. `source`: the bus
  // of whom it followed. Not on the replicator's thread.
  void Begin(Beginning how, const std::string& source = "");

  // Closes all streams and opens no more; waits for that. Not on the replicator's thread.
  void Stop();

  // A replica has opened a stream to this node.
  std::shared_ptr<SourceStreamListener> Accept(std::shared_ptr<SourceStream> stream);
  // `done` is called on the replicator's thread.
  void ReplicaOf(std::optional<std::string> bus_endpoint,
                 std::function<void(const absl::Status&)> done) override;
  ReplicationStatus Status() const override;
  // As it is behind all that was asked for before; on the replicator's thread.
  void Report(std::function<void(ReplicationStatus)> done);

 private:
  struct Link {
    std::shared_ptr<SourceStream> stream;
    std::unique_ptr<KeyspaceFeed> feed;  // nullptr: there is no log
    cluster::ReplicationFeed* Feed() const;
    bool can_send = false;
  };
  class LinkEvents;

  void Turn();
  // Of the source side.
  void OnReplicaMessage(cluster::LinkId id, cluster::ReplicaMessage message);
  void EndLink(cluster::LinkId id, const absl::Status& why);
  void EndAllLinks(const absl::Status& why);
  // Sends what there is to be sent. True: there is more.
  bool PumpAll();
  void Pump(cluster::LinkId id);
  // Whether what is written now has time.
  bool LogMayRest() const;
  cluster::SourceCondition Condition() const;
  void OpenLog();
  // Of a node that is to follow, or was stopped: no write is under way when this returns.
  void GiveUpAuthority();
  // Of the sink side.
  void CloseSource(const absl::Status& why);
  void OnSourceMessage(cluster::SourceMessage message);
  void CarryOut();
  // Does what there is to be done with the data, as far as it can be. False: nothing could.
  bool Work();
  // Of both.
  absl::Status FollowNow(const std::string& endpoint, bool commanded);
  // The time is over in which a node that was started again has waited: it leads, or follows.
  void EndRestartWait();
  absl::Status LeadNow();
  // A replica that is to follow is bound to a higher epoch: a primary goes on under one above that.
  void ExceedFence();
  // False: the state is not on disk; until it is, nothing is said, done or read for it.
  bool Persist();
  bool Persist(const cluster::DurableReplication& state);
  // Lets others see where the node stands, now and then.
  void Publish(cluster::BootTime now);
  ReplicationStatus StatusNow(cluster::BootTime now);
  void NoteLogEnds(cluster::BootTime now);
  void TellAcks(cluster::BootTime now);
  void TellLeader();
  // What may be read of the data, to those who read it. Before the node may change it.
  void TellData();

  const ReplicatorOptions options_;
  const ReplicatorParts parts_;

  std::atomic<uint64_t> last_link_{0};
  mutable storage::Mutex mutex_;
  ReplicationStatus published_ ABSL_GUARDED_BY(mutex_);

  // All below belongs to the thread.
  bool has_begun_ = false;
  bool is_ending_ = false;
  // Of a primary that was started again.
  std::optional<cluster::BootTime> waits_until_;
  bool goes_on_leading_ = false;  // it leads as before, and has no log yet
  cluster::BootTime publish_at_;
  bool log_rests_ = false;
  TaskThread::Clock::time_point log_rests_until_;
  bool has_sent_log_ = false;  // in this turn
  std::optional<Leader> told_leader_;
  struct ToldData {
    bool leads = false;
    bool is_of_source = false;
    cluster::GrowingHistory growing;
    friend bool operator==(const ToldData&, const ToldData&) = default;
  };
  std::optional<ToldData> told_data_;  // absent: nothing is known of the data
  KeyspaceLog log_;
  LogClock log_clock_;
  LogClock source_log_clock_;  // of the source's log, as heartbeats tell
  cluster::ReplicationState state_;
  cluster::ReplicationSource source_;
  cluster::ReplicationSink sink_;
  ReplicaData data_;
  std::map<cluster::LinkId, Link> links_;
  std::string source_endpoint_;
  SourceConnection to_source_;
  bool owes_read_ = false;  // the next message is asked for when this one is done with
  cluster::BootTime persist_again_at_;
  std::deque<cluster::SinkWork> work_;
  ReplicationJournal journal_;

  std::unique_ptr<TaskThread> thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_REPLICATOR_H_
