#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_LOOP_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_LOOP_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/channel/channel_call.h"
#include "client/channel/channel_target.h"
#include "client/channel/deadline_wheel.h"
#include "client/channel/event_loop.h"
#include "client/channel/loop_member.h"
#include "client/channel/loop_time.h"
#include "client/channel/mutex.h"
#include "client/channel/task_mailbox.h"

namespace larder {

class ChannelLink;
class ChannelPlace;

// Those connections of an RpcChannel that live on one EventLoop, with the calls on them. The loop
// is its own, or that of ChannelOptions. Calls that were started while the loop was busy are sent
// together: one wake-up, and one send for each connection.
class ChannelLoop final : private LoopMember {
 public:
  // `places`: connections that it keeps, when they are asked for. Errors as EventLoop::Create.
  static absl::StatusOr<std::unique_ptr<ChannelLoop>> Create(const ChannelOptions& options,
                                                             uint32_t places);
  // REQUIRES: Close() was called.
  ~ChannelLoop() override;

  // Begins the call on the connection with this number. May be called on any thread.
  void Start(ChannelCall& call, uint32_t place);
  // Ends a call that has not ended, with CANCELLED. On the loop's thread, in no OnDone.
  void Cancel(ChannelCall& call);
  // Ends all that is open, and what is started from now on.
  void Close();
  // Ends a call that is started when its channel ends.
  static void RefuseClosed(ChannelCall& call);

  // What follows is for its places and links, on the loop's thread.

  EventLoop& events() { return events_; }
  LoopTime now() const { return events_.now(); }
  const ChannelTarget& target() const { return target_; }
  const std::shared_ptr<TaskMailbox>& mailbox() const { return mailbox_; }
  // Returns a number that is uniform in [0, 1), for backoff.
  double Random();
  // Asks for a turn, which looks at what has changed.
  void RequestTurn() {
    if (!is_in_turn_) events_.RequestTurn(*this);
  }
  void Add(std::unique_ptr<ChannelLink> link);
  // Takes a link that is closed, and destroys it when nothing of it can be running any more.
  void Release(ChannelLink& link);
  // Settles the link in this turn or the next, since something has happened to it.
  void MarkChanged(ChannelLink& link);
  // Finishes a call whose status is set, or begins it once more if the server has refused it
  // unseen.
  void End(ChannelCall& call);
  void Refuse(ChannelCall& call, absl::StatusCode code, std::string why);

 private:
  ChannelLoop(const ChannelOptions& options, std::unique_ptr<EventLoop> own_events,
              uint32_t places);
  void OnTurn() override;
  void OnSecond(uint32_t seconds) override;
  void TakeStarted();
  void Finish(ChannelCall& call);
  void ExpireCalls();
  // Takes a call from where it waits for a connection or for its answer. Returns whether it was
  // sent.
  bool Withdraw(ChannelCall& call);
  void SettleChanged();
  LoopTime NextDeadline() const;
  std::vector<ChannelLink*> AllLinks() const;

  const std::unique_ptr<EventLoop> own_events_;  // nullptr: they are the options'
  EventLoop& events_;
  const ChannelTarget target_;
  const std::shared_ptr<TaskMailbox> mailbox_;
  Mutex mutex_;
  std::vector<ChannelCall*> started_ ABSL_GUARDED_BY(mutex_);

  // All below belongs to the loop's thread.
  bool is_in_turn_ = false;
  std::minstd_rand random_;
  DeadlineWheel wheel_;
  std::vector<ChannelCall*> taken_;    // of started_; kept for its memory
  std::vector<ChannelCall*> expired_;  // kept for its memory
  std::vector<std::unique_ptr<ChannelPlace>> places_;
  absl::flat_hash_map<ChannelLink*, std::unique_ptr<ChannelLink>> links_;
  std::vector<ChannelLink*> changed_;  // to be settled
  std::vector<std::unique_ptr<ChannelLink>> closed_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_LOOP_H_
