#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_SINK_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_SINK_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/freshness.h"
#include "cluster/replication/messages.h"
#include "cluster/replication/reconnect_backoff.h"
#include "cluster/replication/replication_state.h"
#include "cluster/replication/shard_clock.h"
#include "cluster/replication/sink_effects.h"

namespace larder::cluster {

struct SinkOptions {
  std::string endpoint;  // where clients reach the node
  Millis ack_interval{100};
  Millis silence_timeout{5000};
  BackoffOptions backoff;
  // After a copy that could not be held, or a refusal that will not pass by itself.
  Millis retry_slowly{10000};
};

// Follows one source. Not thread-safe; the state is shared with the node's source and outlives it.
// The shell connects when told, gives what the stream brings, carries out the work in its order and
// confirms it, and takes the effects after every call. A stream that says what it cannot say is
// dropped, and nothing of that message is carried out.
class ReplicationSink {
 public:
  ReplicationSink(SinkOptions options, ReplicationState* state, uint64_t seed);

  // Follows, from now on. `commanded`: by an operator's word and not by what the node did before,
  // so that its data may be given up. REQUIRES: !state.leads(), the shell knows the address.
  void Follow(bool commanded, BootTime now);
  // Follows nobody: to lead, or for good. A copy under way is dropped.
  void Stop();
  bool follows() const { return follows_; }

  // ---- The stream.
  void OnConnected(BootTime now);
  void OnDisconnected(BootTime now);
  void Receive(SourceMessage message, BootTime now);
  // Work is done, or failed: then nothing of it was, nor of what was given after it.
  void OnDone(uint64_t work, BootTime now);
  void OnFailed(uint64_t work, const absl::Status& why, BootTime now);
  void Tick(BootTime now);
  SinkEffects TakeEffects();
  // Of payloads that were given as work and are not confirmed: above some bound, read no more.
  uint64_t unconfirmed_bytes() const { return unconfirmed_bytes_; }

  // ---- What the node may say.
  // How old its data may be. Absent: not known.
  std::optional<Millis> Staleness(BootTime now) const;
  // Rule 19. kNotYet while it is not known to be of the history of whom it follows.
  History::Reach Reached(const Position& position) const;
  // Absent: no heartbeat was ever heard.
  std::optional<ShardTime> ShardTimeAt(BootTime now);
  // For one that starts again, or leads: its shard time goes on from here.
  void SetShardTime(ShardTime shard_time, BootTime now) { clock_.Learn(shard_time, now); }
  // The source and whom it follows, nearest first.
  const std::vector<NodeId>& upstream() const { return upstream_; }
  // A fence that a replica behind this node has met, for the primary to exceed.
  void set_exceed(std::optional<Epoch> epoch) { exceed_ = epoch; }
  SinkReport Report(BootTime now) const;

 private:
  // A copy as far as work was given for it.
  struct Copy {
    CopyProgress progress;  // as confirmed; what a next Hello asks to go on with
    History history;        // the source's, as far as it was announced
    std::vector<History::Beginning> announced;
    uint64_t received = 0;  // the stream's position
    std::string cursor;     // of the next chunk
    bool ended = false;
    uint64_t bytes = 0;
  };

  absl::Status ReceiveWelcome(Welcome welcome, BootTime now);
  absl::Status ReceiveEpoch(const EpochBegins& message);
  absl::Status ReceiveBatch(LogBatch message);
  absl::Status ReceiveChunk(CopyChunk message);
  absl::Status ReceiveCopyEnd(const CopyEnd& message);
  absl::Status ReceiveHeartbeat(const Heartbeat& message, BootTime now);
  void ReceiveRefuse(const Refuse& message, BootTime now);
  void SendHello();
  void SendAck(BootTime now);
  void Drop(SinkTrouble trouble, std::string detail, BootTime now);
  void Give(SinkWork::Kind kind, SinkWork work);
  void DropCopy();

  const SinkOptions options_;
  ReplicationState* const state_;
  ReconnectBackoff backoff_;
  Freshness freshness_;
  ShardClock clock_;
  SinkEffects effects_;

  bool follows_ = false;
  enum class Stream : uint8_t { kNone, kConnecting, kGreeting, kFollowing, kCopying };
  Stream stream_ = Stream::kNone;
  std::optional<BootTime> connect_at_;
  BootTime heard_at_;
  BootTime acked_at_;
  uint64_t heartbeat_asked_ = 0;
  uint64_t received_ = 0;  // of a stream that is followed: where the next batch begins
  std::optional<Copy> copy_;
  uint64_t work_given_ = 0;
  uint64_t unconfirmed_bytes_ = 0;
  std::vector<NodeId> upstream_;
  std::optional<Epoch> exceed_;
  SinkReport report_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_SINK_H_
