#ifndef LARDER_CLIENT_CHANNEL_EVENT_LOOP_H_
#define LARDER_CLIENT_CHANNEL_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "client/channel/file_descriptor.h"
#include "client/channel/loop_member.h"
#include "client/channel/loop_time.h"
#include "client/channel/mutex.h"
#include "client/channel/socket_buffers.h"
#include "client/channel/socket_watcher.h"

namespace larder {

// One thread that waits, by epoll, for files, times and what other threads bring, and runs the
// members whose connections these are: a server's, a channel's, or both. Owns no member; outlives
// them all. Sleeps without a timeout while no member has a deadline, and without a timer while
// none wants seconds; is woken by one write, and only if it sleeps.
class EventLoop {
 public:
  // RESOURCE_EXHAUSTED: the process has too many files open, or threads.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();
  // Drops tasks that were not run. REQUIRES: all members are removed; not on its thread.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // The following may be called on any thread.

  // Runs the task on the loop, behind those that were posted before.
  void Post(std::function<void()> task);
  // Returns when the task was run. On the loop's thread that is at once.
  void RunAndWait(const std::function<void()>& task);
  // Gives the member a turn, since something was left for it.
  void Notify(LoopMember& member);
  // Makes it a member, which it is to be once.
  void Add(LoopMember& member);
  bool IsOnThread() const { return std::this_thread::get_id() == thread_.get_id(); }

  // Those that follow only on the loop's thread.

  // Makes it a member no more. REQUIRES: in a task; no file of it is watched.
  void Remove(LoopMember& member);
  // The time at which the loop woke up last.
  LoopTime now() const { return now_; }
  SocketBuffers& buffers() { return buffers_; }
  // Tells the watcher of events until Unwatch, which it outlives. False: errno says why not.
  bool Watch(int file, uint32_t events, SocketWatcher* watcher);
  void ChangeEvents(int file, uint32_t events, SocketWatcher* watcher);
  void Unwatch(int file, SocketWatcher* watcher);
  // Gives the member a turn: this time, or next time, without sleep, if turns are being run.
  void RequestTurn(LoopMember& member) {
    if (!std::exchange(member.waits_for_turn_, true)) turns_.push_back(&member);
  }
  // Gives the member a turn at this time, in place of the time before. kNoTime: at none.
  void SetDeadline(LoopMember& member, LoopTime deadline);
  // Lets all members know when a second is over; once.
  void WantSecond() {
    if (!std::exchange(wants_second_, true) && !is_ticking_) StartTicking();
  }

 private:
  static constexpr size_t kEventsAtOnce = 256;

  enum class State : uint8_t {
    kAwake,
    kSleeping,
    kNotified,  // there are tasks or input; who sets it in place of kSleeping writes to wake_
  };

  EventLoop(FileDescriptor epoll, FileDescriptor wake, FileDescriptor timer);
  void Run();
  void WakeUp();
  // Returns how long to wait for events, after it has said that only a write ends the wait.
  int FallAsleep();
  // Returns whether a second is over.
  bool TellWatchers();
  void TakeInput();
  void ExpireDeadlines();
  void TellSeconds();
  void RunTurns();
  void StartTicking();
  void StopTicking();

  const FileDescriptor epoll_;
  const FileDescriptor wake_;
  const FileDescriptor timer_;  // ticks each second while anybody wants seconds
  std::atomic<bool> is_stopping_{false};
  std::atomic<State> state_{State::kAwake};
  Mutex mutex_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);

  // All below belongs to the thread.
  LoopTime now_;
  SocketBuffers buffers_;
  std::vector<LoopMember*> members_;
  std::vector<LoopMember*> turns_;    // members that wait for one, each once
  std::vector<LoopMember*> running_;  // members that have one; nullptr: removed meanwhile
  absl::btree_set<std::pair<LoopTime, LoopMember*>> deadlines_;
  bool wants_second_ = false;
  bool is_ticking_ = false;
  std::array<epoll_event, kEventsAtOnce> events_;
  size_t event_count_ = 0;
  size_t next_event_ = 0;
  std::thread thread_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_EVENT_LOOP_H_
