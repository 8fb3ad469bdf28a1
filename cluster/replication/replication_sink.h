#ifndef LARDER_CLUSTER_REPLICATION_REPLICATION_SINK_H_
#define LARDER_CLUSTER_REPLICATION_REPLICATION_SINK_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cluster/replication/boot_time.h"
#include "cluster/replication/copy_in_progress.h"
#include "cluster/replication/freshness.h"
#include "cluster/replication/messages.h"
#include "cluster/replication/reconnect_backoff.h"
#include "cluster/replication/replication_state.h"
#include "cluster/replication/shard_clock.h"
#include "cluster/replication/sink_effects.h"

namespace larder::cluster {

struct SinkOptions {
  std::string endpoint;      // where clients reach the node
  std::string bus_endpoint;  // where nodes do
  Millis ack_interval{100};
  Millis silence_timeout{5000};
  BackoffOptions backoff;
  // After work that failed, or a refusal that will not pass by itself.
  Millis retry_slowly{10000};
};

// Follows one source. Not thread-safe; the state is shared with the node's source and outlives it.
// The shell connects when told, gives what the stream brings, carries out the work in its order and
// confirms it, and takes the effects after every call. A stream that says what it cannot say is
// dropped, and nothing of that message is carried out. Acknowledged is what was confirmed.
class ReplicationSink {
 public:
  ReplicationSink(SinkOptions options, ReplicationState* state, uint64_t seed);
  ReplicationSink(const ReplicationSink&) = delete;
  ReplicationSink& operator=(const ReplicationSink&) = delete;

  // Follows, from now on; the shell knows the address. `commanded`: by an operator's word and not
  // by what the node did before, so that its data may be given up. REQUIRES: !state.leads().
  void Follow(bool commanded, BootTime now);
  // Follows nobody: to lead, or for good. A copy under way is dropped. Before the node leads, all
  // work must be confirmed.
  void Stop();
  bool follows() const { return report_.follows; }
  bool is_idle() const { return unconfirmed_.empty(); }

  // ---- The stream. What comes from one that was dropped is passed over.
  void OnConnected(BootTime now);
  // The message of `why` is for operators; empty: not known. INVALID_ARGUMENT: one end has said
  // what the other does not take, and would say it again.
  void OnDisconnected(const absl::Status& why, BootTime now);
  void Receive(SourceMessage message, BootTime now);
  // The oldest work that is not confirmed is done.
  void OnDone(BootTime now);
  // The oldest work, which is kApply, is done up to there; the rest follows, or it fails.
  void OnPartDone(uint64_t to);
  // It failed: no more of it was done than OnPartDone has told, nor anything of what was given
  // after it, and none of that will be.
  void OnFailed(const absl::Status& why, BootTime now);
  void Tick(BootTime now);
  SinkEffects TakeEffects();
  // Payloads given as work and not confirmed: above some bound, the shell should read no more.
  uint64_t unconfirmed_bytes() const { return unconfirmed_bytes_; }

  // ---- What the node may say.
  // How old its data may be. Absent: not known.
  std::optional<Millis> Staleness(BootTime now) const {
    return state_->has_data() ? freshness_.Staleness(now) : std::nullopt;
  }
  // Absent: no heartbeat was ever heard.
  std::optional<ShardTime> ShardTimeAt(BootTime now) { return clock_.At(now); }
  // Of a node that starts, or leads: its shard time goes on from here.
  void SetShardTime(ShardTime shard_time, BootTime now) { clock_.Learn(shard_time, now); }
  // The source and whom it follows, nearest first.
  const std::vector<NodeId>& upstream() const { return upstream_; }
  // A fence that a replica behind this node has met, for the primary to exceed.
  void set_exceed(std::optional<Epoch> epoch) { exceed_ = epoch; }
  // Its data is what its source had, with what came since.
  bool is_following() const { return stream_ == Stream::kFollowing && !IsInstalling(); }
  // Its data is no part of the stream that it is on; others should not follow it now.
  bool is_copying() const { return stream_ == Stream::kCopying || IsInstalling(); }
  SinkReport Report() const;
  // Of that, what is asked for again and again.
  const std::string& source_endpoint() const { return report_.source_endpoint; }
  uint64_t source_log_end() const { return report_.source_log_end; }

 private:
  enum class Stream : uint8_t { kNone, kConnecting, kGreeting, kFollowing, kCopying };
  struct Unconfirmed {
    SinkWork::Kind kind;
    uint64_t to;
    std::string end;
    uint64_t bytes;
  };

  absl::Status Take(SourceMessage message, BootTime now);
  absl::Status ReceiveWelcome(const Welcome& welcome);
  absl::Status WelcomeContinue(const Welcome& welcome);
  absl::Status WelcomeCopy(const Welcome& welcome);
  absl::Status ReceiveEpoch(const EpochBegins& message);
  absl::Status ReceiveBatch(LogBatch message);
  absl::Status ReceiveChunk(CopyChunk message);
  absl::Status ReceiveCopyEnd(const CopyEnd& message);
  absl::Status ReceiveHeartbeat(const Heartbeat& message, BootTime now);
  void ReceiveRefuse(const Refuse& refuse, BootTime now);
  bool IsOfCycle(const std::vector<NodeId>& chain) const;
  // The copy is whole and on its way to be what is served.
  bool IsInstalling() const { return copy_.has_value() && copy_->has_ended(); }
  void Greet();
  void Acknowledge();
  void Drop(SinkTrouble trouble, std::string detail, Millis wait, BootTime now);
  void Give(SinkWork work);
  void DropCopy();

  const SinkOptions options_;
  ReplicationState* const state_;
  ReconnectBackoff backoff_;
  Freshness freshness_;
  ShardClock clock_;
  SinkEffects effects_;

  Stream stream_ = Stream::kNone;
  std::optional<BootTime> connect_at_;
  BootTime heard_at_;
  BootTime asked_at_;
  uint64_t heartbeat_asked_ = 0;
  uint64_t received_ = 0;  // of data that follows: where the next batch begins
  // What came by the log could not be applied, and no copy has been installed since.
  bool wants_copy_ = false;
  std::optional<CopyInProgress> copy_;
  std::deque<Unconfirmed> unconfirmed_;
  uint64_t unconfirmed_bytes_ = 0;
  std::vector<NodeId> upstream_;
  std::optional<Epoch> exceed_;
  SinkReport report_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_REPLICATION_SINK_H_
