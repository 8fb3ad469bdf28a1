#ifndef LARDER_TESTS_SIMULATION_SIMULATED_NODE_H_
#define LARDER_TESTS_SIMULATION_SIMULATED_NODE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/replication/replication_sink.h"
#include "cluster/replication/replication_source.h"
#include "cluster/replication/replication_state.h"
#include "storage/random.h"
#include "tests/simulation/event_queue.h"
#include "tests/simulation/model_feed.h"
#include "tests/simulation/model_keyspace.h"
#include "tests/simulation/planted_fault.h"
#include "tests/simulation/shard_truth.h"
#include "tests/simulation/simulated_network.h"

namespace larder::simulation {

struct NodeOptions {
  uint64_t ring = 100;
  uint64_t hold_lag = 40;  // how far behind a copy may leave writers
  uint64_t chunk_bytes = 60;
  uint64_t copy_bytes_per_second = 0;  // 0: as fast as they are taken
  Millis work_delay_max{4};
  uint32_t copies_failed_percent = 0;
  uint32_t chunks_displacing_percent = 0;  // that take the place of what is served
  // Of batches: applied in part, and then failing, or waiting for room.
  uint32_t batches_cut_percent = 0;
  Millis clock_ahead{0};          // of true time, as its wall clock has it
  int64_t clock_permille = 1000;  // how fast its clocks go: 1000 is right
  // A cluster decides who leads: nothing of that is decided here. Whether the node may act as a
  // primary now.
  std::function<bool()> may_act;
  bool log_goes_off = false;  // the log is off while nobody follows
  // Two primaries by an operator's word may both think that they have authority.
  bool checks_staleness = true;
  PlantedFault fault = PlantedFault::kNone;
};

// What all nodes of a simulation share.
struct World {
  EventQueue events;
  SimulatedNetwork* network = nullptr;
  ShardTruth truth;
  // Those that the last primary that handed over after a restart had not heard.
  std::set<size_t> unheard_at_handover;
  std::function<void(const std::string&)> violation;
  std::function<void(const std::string&)> trace;  // may be empty
};

// A process with a disk: the two machines of replication in a small shell, over a keyspace that is
// a map. Everything that the real shell would do is done here, with the same calls.
class SimulatedNode final : public StreamEnd {
 public:
  // What of its data is found after a crash.
  enum class Loss : uint8_t { kNothing, kTail, kAll };

  SimulatedNode(size_t index, size_t nodes, NodeOptions options, World* world, uint64_t seed);
  // Where it is one of several shards: what is true of its own.
  void set_truth(ShardTruth* truth) { truth_ = truth; }

  // ---- The process.
  // As what it was, or as an operator says.
  void Start();
  void StartFollowing(size_t source);
  void Crash(Loss loss);
  void Pause() { is_paused_ = true; }
  void Resume() { is_paused_ = false; }
  // From now on nothing of the node's state can be written, or all can again.
  void set_disk_fails(bool fails) { disk_fails_ = fails; }
  bool is_running() const override { return process_ != nullptr; }
  bool is_paused() const override { return is_paused_; }

  // ---- An operator's commands. REQUIRES: is_running().
  // `unheard`: nodes that could not say what they have. `above`: the highest epoch that the
  // operator has seen, which this node may not have heard of.
  void Promote(const std::set<size_t>& unheard, const cluster::Epoch& above);
  void Follow(size_t source);

  // ---- A cluster's decisions. REQUIRES: is_running().
  void FollowPrimary(size_t source);
  // Nothing of a lower epoch is applied or acknowledged any more, once IsFenced().
  void Fence(const cluster::Epoch& epoch);
  // Its fence is on disk, and what it has does not change but by that epoch or a higher one.
  bool IsFenced() const;
  // Leads under that epoch, as soon as it can. `unheard`: as Promote.
  void Lead(const cluster::Epoch& epoch, const std::set<size_t>& unheard);
  void SetAble(std::set<cluster::NodeId> able) { process_->source->SetAble(std::move(able)); }
  // Writes are refused.
  void set_holds_writes(bool holds) { holds_writes_ = holds; }
  bool holds_writes() const { return holds_writes_; }

  // ---- Clients. False: refused. `replicas`: how many shall acknowledge it.
  bool Write(const ModelRecord& record, size_t replicas);
  void Expire();

  bool leads() const;
  // It leads and takes writes.
  bool is_open() const;
  bool is_following() const;
  std::optional<cluster::Position> position() const;
  const cluster::ReplicationState& state() const { return *process_->state; }
  const cluster::ReplicationSource& source() const { return *process_->source; }
  const cluster::ReplicationSink& sink() const { return *process_->sink; }
  const ModelKeyspace& keyspace() const { return process_->keyspace; }
  size_t index() const { return index_; }
  std::optional<size_t> follows() const { return disk_.follows; }
  const cluster::NodeId& id() const { return id_; }
  cluster::BootTime BootNow() const;
  cluster::ShardTime WallNow() const;

  // ---- The network.
  void OnAccepted(StreamId stream) override;
  void OnConnected(StreamId stream) override;
  void OnMessage(StreamId stream, cluster::ReplicaMessage message) override;
  void OnMessage(StreamId stream, cluster::SourceMessage message) override;
  void OnClosed(StreamId stream) override;

 private:
  struct Snapshot {
    ModelKeyspace keyspace;
    uint64_t end = 0;
    cluster::History history;
    bool is_numbered = true;
  };
  struct Disk {
    cluster::DurableReplication durable;
    bool leads = true;  // or follows, or neither: then an operator has to say
    std::optional<size_t> follows;
    std::optional<Snapshot> tail;  // as it was a while ago
  };
  struct Waiting {
    Millis written;
    size_t replicas;
    cluster::Position position;
  };
  struct Process {
    explicit Process(const ModelKeyspace& data) : keyspace(data) {}
    ModelKeyspace keyspace;
    std::unique_ptr<cluster::ReplicationState> state;
    std::unique_ptr<cluster::ReplicationSource> source;
    std::unique_ptr<cluster::ReplicationSink> sink;
    std::optional<ModelKeyspace> copy;
    std::deque<cluster::SinkWork> work;
    bool is_working = false;
    std::optional<StreamId> upstream;
    std::map<StreamId, std::unique_ptr<ModelFeed>> links;
    std::vector<Waiting> waiting;
    std::set<cluster::NodeId> heard;  // asked while the log was not open
    std::optional<Millis> opens_at;   // a primary that restarted
    bool is_log_on = true;
    bool promotes = false;                                // once all work is confirmed
    cluster::Epoch promotes_to;                           // unset: the next term
    std::optional<cluster::CopyProgress> asked_to_go_on;  // by the last Hello
    bool is_fencing = false;   // work that was given before the fence is not done
    std::set<size_t> unheard;  // had no say when this node was chosen to lead
  };

  // False: it is not on disk.
  bool Save(const cluster::DurableReplication& state);
  bool SaveState();
  // False: nothing has changed, since the epoch is not on disk.
  bool Open(cluster::ReplicationState::Opening opening, const cluster::Epoch& epoch);
  void StartProcess();
  void Later(Millis delay, std::function<void()> what);
  void Tick();
  void Settle();
  void CarryOut(cluster::SinkEffects effects);
  void WorkNext();
  void WorkLater();
  absl::Status DoWork(const cluster::SinkWork& work);
  void DropServed();
  absl::Status ApplyRecords(const cluster::SinkWork& work);
  void CheckContent();
  void PumpLinks();
  void Pump(StreamId stream, ModelFeed* feed);
  void CloseLink(StreamId stream);
  void OpenAfterRestart();
  void OpenWhenPromoted();
  void RaiseEpochIfAsked();
  void MaybeStopLog();
  // False: the log is still off.
  bool NumberAnew();
  std::set<size_t> Unheard() const;
  void GiveUpLeading();
  void ForgetPlace();
  void NoteAcks();
  void CheckStaleness();
  Snapshot TakeSnapshot() const;
  ModelKeyspace EmptyKeyspace() const;
  cluster::SourceCondition Condition();
  bool IsHeld() const;
  bool IsClustered() const { return options_.may_act != nullptr; }
  bool Has(PlantedFault fault) const { return options_.fault == fault; }
  void Trace(const std::string& what) const;

  const size_t index_;
  const size_t nodes_;
  const NodeOptions options_;
  World* const world_;
  ShardTruth* truth_;
  storage::Random random_;
  const cluster::NodeId id_;
  Disk disk_;
  std::unique_ptr<Process> process_;
  uint64_t process_number_ = 0;
  bool is_paused_ = false;
  bool holds_writes_ = false;
  bool disk_fails_ = false;
  bool is_settling_ = false;
  uint64_t versions_ = 0;
};

// Of node `index`.
cluster::NodeId NodeIdOf(size_t index);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_SIMULATED_NODE_H_
