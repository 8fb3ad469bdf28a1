#ifndef LARDER_TESTS_SIMULATION_SIMULATED_NETWORK_H_
#define LARDER_TESTS_SIMULATION_SIMULATED_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "cluster/replication/messages.h"
#include "storage/random.h"
#include "tests/simulation/event_queue.h"

namespace larder::simulation {

enum class StreamId : uint64_t {};

// A process as the network sees it.
class StreamEnd {
 public:
  virtual ~StreamEnd() = default;
  virtual bool is_running() const = 0;
  virtual bool is_paused() const = 0;
  virtual void OnAccepted(StreamId stream) = 0;
  virtual void OnConnected(StreamId stream) = 0;
  virtual void OnMessage(StreamId stream, cluster::ReplicaMessage message) = 0;
  virtual void OnMessage(StreamId stream, cluster::SourceMessage message) = 0;
  virtual void OnClosed(StreamId stream) = 0;
};

// Streams between processes: in order, with delays; cut at any message, then the ends hear of it
// one by one. Between two nodes messages may be held back, one way or both, until that ends: TCP
// loses nothing inside a stream. What a paused process should hear waits.
class SimulatedNetwork {
 public:
  static constexpr size_t kInFlightMax = 8;

  SimulatedNetwork(EventQueue* events, uint64_t seed) : events_(events), random_(seed) {}

  void AddNode(StreamEnd* node) { nodes_.push_back(node); }
  void set_delay_max(Millis delay) { delay_max_ = delay; }
  // From `replica` to `source`. The source hears OnAccepted, then the replica OnConnected.
  StreamId Connect(size_t replica, size_t source);
  void SendToSource(StreamId stream, cluster::ReplicaMessage message);
  void SendToReplica(StreamId stream, cluster::SourceMessage message);
  // Behind what was sent, the stream ends.
  void CloseBehind(StreamId stream);
  // `by` closes or loses it; the other end hears of it later.
  void Cut(StreamId stream, size_t by);
  bool HasRoomToReplica(StreamId stream) const;

  // ---- Faults.
  void CutAllOf(size_t node);
  // Any stream there is. False: none.
  bool CutSome();
  // The one on which a node follows.
  void CutUpstreamOf(size_t replica);
  void Block(size_t from, size_t to) { blocked_.insert({from, to}); }
  void Heal() { blocked_.clear(); }
  uint64_t delivered() const { return delivered_; }

 private:
  struct Stream {
    size_t replica = 0;
    size_t source = 0;
    bool is_cut = false;
    std::deque<cluster::ReplicaMessage> to_source;
    std::deque<std::optional<cluster::SourceMessage>> to_replica;  // nullopt: it ends
    Millis due_to_source{0};
    Millis due_to_replica{0};
  };

  Millis Delay() { return Millis(1 + random_.Below(static_cast<uint64_t>(delay_max_.count()))); }
  // Calls `then` once `to` can hear something from `from`; `then` is told whether that is now.
  bool MustWait(size_t from, size_t to) const;
  void Accept(StreamId id);
  void DeliverToSource(StreamId id);
  void DeliverToReplica(StreamId id);
  void CutForBoth(StreamId id);
  void TellClosed(StreamId id, size_t node);
  Stream* Find(StreamId id);

  EventQueue* const events_;
  storage::Random random_;
  std::vector<StreamEnd*> nodes_;
  std::map<StreamId, Stream> streams_;
  std::set<std::pair<size_t, size_t>> blocked_;
  Millis delay_max_{5};
  uint64_t next_ = 1;
  uint64_t delivered_ = 0;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_SIMULATED_NETWORK_H_
