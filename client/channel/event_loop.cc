#include "client/channel/event_loop.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <future>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "client/channel/blocked_signals.h"

namespace larder {

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  FileDescriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!epoll.is_open() || !wake.is_open() || !timer.is_open()) {
    return absl::ErrnoToStatus(errno, "an event loop cannot open its files");
  }
  std::unique_ptr<EventLoop> loop(
      new EventLoop(std::move(epoll), std::move(wake), std::move(timer)));
  // Each write is an event of its own, so that it need not be read.
  epoll_event on_wake{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  epoll_event on_second{.events = EPOLLIN, .data = {.ptr = loop.get()}};
  if (epoll_ctl(loop->epoll_.number(), EPOLL_CTL_ADD, loop->wake_.number(), &on_wake) != 0 ||
      epoll_ctl(loop->epoll_.number(), EPOLL_CTL_ADD, loop->timer_.number(), &on_second) != 0) {
    return absl::ErrnoToStatus(errno, "an event loop cannot wait for its wake-up");
  }
  const BlockedSignals blocked;
  try {
    loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an event loop cannot start its thread: ", error.what()));
  }
  return loop;
}

EventLoop::EventLoop(FileDescriptor epoll, FileDescriptor wake, FileDescriptor timer)
    : epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      timer_(std::move(timer)),
      now_(std::chrono::steady_clock::now()) {}

EventLoop::~EventLoop() {
  is_stopping_.store(true);
  WakeUp();
  if (thread_.joinable()) thread_.join();
  assert(members_.empty());
}

void EventLoop::WakeUp() {
  if (state_.exchange(State::kNotified) != State::kSleeping) return;
  const uint64_t one = 1;
  // Full only if it is to wake up already.
  [[maybe_unused]] const ssize_t written = write(wake_.number(), &one, sizeof(one));
}

void EventLoop::Post(std::function<void()> task) {
  // All of it under the lock: who waits for the task may end the loop as soon as it was run.
  const MutexLock lock(mutex_);
  tasks_.push_back(std::move(task));
  WakeUp();
}

void EventLoop::RunAndWait(const std::function<void()>& task) {
  if (IsOnThread()) return task();
  const auto done = std::make_shared<std::promise<void>>();
  const std::future<void> is_done = done->get_future();
  Post([&task, done] {
    task();
    done->set_value();
  });
  is_done.wait();
}

void EventLoop::Notify(LoopMember& member) {
  member.has_input_.store(true, std::memory_order_release);
  WakeUp();
}

void EventLoop::Add(LoopMember& member) {
  if (IsOnThread()) return members_.push_back(&member);
  Post([this, &member] { members_.push_back(&member); });
}

void EventLoop::Remove(LoopMember& member) {
  SetDeadline(member, kNoTime);
  std::erase(turns_, &member);
  std::replace(running_.begin(), running_.end(), &member, static_cast<LoopMember*>(nullptr));
  std::erase(members_, &member);
}

bool EventLoop::Watch(int file, uint32_t events, SocketWatcher* watcher) {
  epoll_event event{.events = events, .data = {.ptr = watcher}};
  return epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, file, &event) == 0;
}

void EventLoop::ChangeEvents(int file, uint32_t events, SocketWatcher* watcher) {
  epoll_event event{.events = events, .data = {.ptr = watcher}};
  epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, file, &event);
}

void EventLoop::Unwatch(int file, SocketWatcher* watcher) {
  // A close alone would not do it while a process that was forked has the socket, too.
  epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, file, nullptr);
  for (size_t i = next_event_; i < event_count_; ++i) {
    if (events_[i].data.ptr == watcher) events_[i].data.ptr = nullptr;
  }
}

void EventLoop::SetDeadline(LoopMember& member, LoopTime deadline) {
  if (deadline == member.deadline_) return;
  if (member.deadline_ != kNoTime) deadlines_.erase({member.deadline_, &member});
  member.deadline_ = deadline;
  if (deadline != kNoTime) deadlines_.insert({deadline, &member});
}

void EventLoop::Run() {
  while (!is_stopping_.load(std::memory_order_relaxed)) {
    const int count = epoll_wait(epoll_.number(), events_.data(), kEventsAtOnce, FallAsleep());
    State asleep = State::kSleeping;
    state_.compare_exchange_strong(asleep, State::kAwake);
    now_ = std::chrono::steady_clock::now();
    event_count_ = static_cast<size_t>(std::max(count, 0));
    const bool is_second = TellWatchers();
    // Behind the watchers, since what they do is input for members.
    if (state_.load(std::memory_order_relaxed) == State::kNotified) TakeInput();
    ExpireDeadlines();
    if (is_second) TellSeconds();
    RunTurns();
  }
}

int EventLoop::FallAsleep() {
  constexpr int kNoTimeout = -1;
  constexpr int64_t kTimeoutMsMax = 60000;
  if (!turns_.empty()) return 0;
  // Who notifies behind this sees that a write is needed.
  State awake = State::kAwake;
  if (!state_.compare_exchange_strong(awake, State::kSleeping)) return 0;
  if (deadlines_.empty()) return kNoTimeout;
  const auto left = deadlines_.begin()->first - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, kTimeoutMsMax));
}

bool EventLoop::TellWatchers() {
  bool is_second = false;
  next_event_ = 0;
  while (next_event_ < event_count_) {
    const epoll_event& event = events_[next_event_++];
    if (event.data.ptr == this) {
      is_second = true;
    } else if (event.data.ptr != nullptr) {
      static_cast<SocketWatcher*>(event.data.ptr)->OnReady(event.events);
    }
  }
  return is_second;
}

void EventLoop::TakeInput() {
  state_.exchange(State::kAwake);
  std::vector<std::function<void()>> tasks;
  {
    const MutexLock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
  for (LoopMember* const member : members_) {
    if (!member->has_input_.load(std::memory_order_relaxed)) continue;
    member->has_input_.exchange(false, std::memory_order_acq_rel);
    RequestTurn(*member);
  }
}

void EventLoop::ExpireDeadlines() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    LoopMember& member = *deadlines_.begin()->second;
    SetDeadline(member, kNoTime);
    RequestTurn(member);
  }
}

void EventLoop::RunTurns() {
  running_.swap(turns_);
  // A member that is run may remove others, and ask for further turns.
  for (size_t i = 0; i < running_.size(); ++i) {
    LoopMember* const member = running_[i];
    if (member == nullptr) continue;
    member->waits_for_turn_ = false;
    member->OnTurn();
  }
  running_.clear();
}

void EventLoop::StartTicking() {
  // A timer, since a timeout of epoll_wait would be set and taken back whenever the loop has
  // nothing to do, which is costly on virtual machines.
  const itimerspec each_second{.it_interval = {1, 0}, .it_value = {1, 0}};
  timerfd_settime(timer_.number(), 0, &each_second, nullptr);
  is_ticking_ = true;
}

void EventLoop::StopTicking() {
  const itimerspec never{};
  timerfd_settime(timer_.number(), 0, &never, nullptr);
  is_ticking_ = false;
}

void EventLoop::TellSeconds() {
  uint64_t ticks = 0;
  if (read(timer_.number(), &ticks, sizeof(ticks)) != sizeof(ticks)) return;
  wants_second_ = false;
  // By index: a member may add others.
  for (size_t i = 0; i < members_.size(); ++i) {
    members_[i]->OnSecond(static_cast<uint32_t>(ticks));
  }
  if (!wants_second_) StopTicking();
}

}  // namespace larder
