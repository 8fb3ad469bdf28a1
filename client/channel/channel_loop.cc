#include "client/channel/channel_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/channel/channel_link.h"
#include "client/channel/channel_mailbox.h"
#include "client/channel/channel_tls_session.h"

namespace larder {
namespace {

constexpr int kEventsAtOnce = 64;

// While it lives, threads that are started take no signals, which are the program's.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelLoop>> ChannelLoop::Create(const ChannelOptions& options,
                                                                 uint32_t places) {
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  FileDescriptor wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // Each write is an event of its own, so that it need not be read.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (!epoll.is_open() || !wake.is_open() ||
      epoll_ctl(epoll.number(), EPOLL_CTL_ADD, wake.number(), &event) != 0) {
    return absl::ErrnoToStatus(errno, "a channel cannot open its files");
  }
  std::unique_ptr<ChannelLoop> loop(
      new ChannelLoop(options, std::move(epoll), std::move(wake), places));
  const BlockedSignals blocked;
  try {
    loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a channel cannot start its thread: ", error.what()));
  }
  return loop;
}

ChannelLoop::ChannelLoop(const ChannelOptions& options, FileDescriptor epoll, FileDescriptor wake,
                         uint32_t places)
    : options_(options),
      origin_{AuthorityOf(options.address), options.tls == nullptr ? RequestOrigin::Scheme::kHttp
                                                                   : RequestOrigin::Scheme::kHttps},
      server_name_(options.tls_server_name.empty() ? HostOf(options.address)
                                                   : options.tls_server_name),
      is_numeric_(IsNumericAddress(options.address)),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      mailbox_(std::make_shared<Mailbox>()),
      now_(std::chrono::steady_clock::now()),
      next_second_(now_ + std::chrono::seconds(1)),
      random_(std::random_device{}()),
      wheel_(now_),
      buffer_(new char[kReceiveBytes]),
      decrypted_(options.tls == nullptr
                     ? nullptr
                     : new char[kReceiveBytes + ChannelTlsSession::kRecordBytes]) {
  {
    const MutexLock lock(mailbox_->mutex);
    mailbox_->loop = this;
  }
  for (uint32_t i = 0; i < places; ++i) places_.push_back(std::make_unique<Place>(options_));
}

ChannelLoop::~ChannelLoop() {
  mailbox_->Close();
  is_stopping_.store(true);
  WakeUp();
  if (thread_.joinable()) thread_.join();
}

void ChannelLoop::WakeUp() {
  const uint64_t one = 1;
  // Full only if it is to wake up already.
  [[maybe_unused]] const ssize_t written = write(wake_.number(), &one, sizeof(one));
}

void ChannelLoop::Start(ChannelCall& call, uint32_t place) {
  call.place_ = place;
  call.was_moved_ = false;
  // All of it under the lock: who waits for the call may destroy the loop as soon as that has
  // ended.
  const MutexLock lock(mutex_);
  started_.push_back(&call);
  if (is_sleeping_.exchange(false)) WakeUp();
}

void ChannelLoop::Post(std::function<void()> task) {
  const MutexLock lock(mutex_);
  tasks_.push_back(std::move(task));
  WakeUp();
}

bool ChannelLoop::HasInput() {
  const MutexLock lock(mutex_);
  return !started_.empty() || !tasks_.empty();
}

void ChannelLoop::TakeInput() {
  std::vector<std::function<void()>> tasks;
  {
    const MutexLock lock(mutex_);
    taken_.swap(started_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
  for (ChannelCall* const call : taken_) {
    wheel_.Add(*call);
    Begin(*call);
  }
  taken_.clear();
}

void ChannelLoop::Run() {
  std::array<epoll_event, kEventsAtOnce> events;
  while (!is_stopping_.load(std::memory_order_relaxed)) {
    // In this order, so that who starts a call after the look sees that a wake-up is needed.
    is_sleeping_.store(true);
    int timeout_ms = 0;
    if (HasInput()) {
      is_sleeping_.store(false);
    } else {
      timeout_ms = TimeoutMs();
    }
    const int count = epoll_wait(epoll_.number(), events.data(), kEventsAtOnce, timeout_ms);
    is_sleeping_.store(false);
    now_ = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      if (event.data.ptr != nullptr) OnReady(*static_cast<Link*>(event.data.ptr), event.events);
    }
    // After what was answered, since callbacks start new calls.
    TakeInput();
    ExpireDeadlines();
    ExpireConnects();
    if (now_ >= next_second_) OnSecond();
    SettleChanged();
    closed_.clear();
  }
}

int ChannelLoop::TimeoutMs() const {
  LoopTime next = wheel_.NextLook();
  if (needs_seconds_) next = std::min(next, next_second_);
  for (const std::unique_ptr<Place>& place : places_) {
    if (place->state == Place::State::kConnecting) next = std::min(next, place->connect_deadline);
  }
  if (next == kNoTime) return -1;
  const auto left = next - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 60000));
}

void ChannelLoop::Begin(ChannelCall& call) {
  Place& place = *places_[call.place_];
  if (place.state == Place::State::kReady && place.waiting.empty() && place.link->rpc.CanStart()) {
    if (place.link->rpc.calls() == 0) place.link->received_at = now_;
    place.link->rpc.Start(call, now_);
    return MarkChanged(*place.link);
  }
  if (place.state == Place::State::kBackoff && now_ < place.retry_at) {
    return Refuse(call, absl::StatusCode::kUnavailable, place.failure);
  }
  place.waiting.Push(call);
  if (place.state == Place::State::kIdle || place.state == Place::State::kBackoff) {
    BeginConnect(place);
  }
}

void ChannelLoop::StartWaiting(Place& place) {
  if (place.state != Place::State::kReady) return;
  while (!place.waiting.empty() && place.link->rpc.CanStart()) {
    if (place.link->rpc.calls() == 0) place.link->received_at = now_;
    place.link->rpc.Start(place.waiting.Pop(), now_);
    MarkChanged(*place.link);
  }
}

void ChannelLoop::FinishEnded(Link& link) {
  while (link.rpc.HasEnded()) {
    for (ChannelCall* const call : link.rpc.TakeEnded()) {
      if (call->is_refused_ && !call->was_moved_) {
        call->was_moved_ = true;
        Begin(*call);
      } else {
        Finish(*call);
      }
    }
  }
}

void ChannelLoop::Finish(ChannelCall& call) {
  wheel_.Remove(call);
  call.OnDone();
}

void ChannelLoop::Refuse(ChannelCall& call, absl::StatusCode code, std::string why) {
  call.status = {static_cast<int>(code), std::move(why), {}};
  Finish(call);
}

void ChannelLoop::ExpireDeadlines() {
  wheel_.TakeExpired(now_, expired_);
  for (ChannelCall* const call : expired_) {
    Place& place = *places_[call->place_];
    if (call->is_queued_for_connection_) {
      place.waiting.Remove(*call);
      Refuse(*call, absl::StatusCode::kDeadlineExceeded,
             "the deadline passed before there was a connection that takes the call");
      continue;
    }
    for (const auto& [link, owned] : links_) {
      if (&link->rpc != call->connection_) continue;
      link->rpc.Cancel(*call);
      MarkChanged(*link);
      break;
    }
    Refuse(*call, absl::StatusCode::kDeadlineExceeded,
           "the deadline passed before the answer came");
  }
  expired_.clear();
}

void ChannelLoop::OnReady(Link& link, uint32_t events) {
  if (!link.socket.is_open()) return;  // closed since epoll saw it
  if (link.is_connecting) OnConnected(link);
  if (!link.socket.is_open()) return;
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read(link);
  if (link.socket.is_open()) MarkChanged(link);
}

void ChannelLoop::MarkChanged(Link& link) {
  link.was_used = true;
  needs_seconds_ = true;
  if (!std::exchange(link.is_changed, true)) changed_.push_back(&link);
}

void ChannelLoop::SettleChanged() {
  // More may be added meanwhile.
  for (size_t i = 0; i < changed_.size(); ++i) {
    Link& link = *changed_[i];
    link.is_changed = false;
    if (link.socket.is_open()) Settle(link);
  }
  changed_.clear();
}

void ChannelLoop::Settle(Link& link) {
  if (!link.is_connecting) Write(link);
  if (link.tls != nullptr && link.tls->state() == ChannelTlsSession::State::kClosed) {
    return Lose(link, link.WhyFailed());
  }
  Place& place = *link.place;
  if (place.link == &link) {
    if (link.rpc.is_draining() && place.state == Place::State::kReady) {
      Detach(link, "the connection is used up");
    } else {
      StartWaiting(place);
    }
  }
  if (place.link != &link && link.rpc.calls() == 0) return Lose(link, link.rpc.failure());
  const bool is_blocked = link.is_connecting || link.has_output();
  const uint32_t events = EPOLLIN | (is_blocked ? uint32_t{EPOLLOUT} : 0);
  if (events == link.events) return;
  link.events = events;
  epoll_event event{.events = events, .data = {.ptr = &link}};
  epoll_ctl(epoll_.number(), EPOLL_CTL_MOD, link.socket.number(), &event);
}

void ChannelLoop::Lose(Link& link, const std::string& why) {
  if (!link.socket.is_open()) return;
  if (link.tls != nullptr && link.tls->can_send()) {
    link.tls->End();
    Write(link);
  }
  // A close alone would not do it while a process that was forked has the socket, too.
  epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, link.socket.number(), nullptr);
  link.socket.Close();
  const auto found = links_.find(&link);
  closed_.push_back(std::move(found->second));
  links_.erase(found);
  link.rpc.Close(why);
  Detach(link, why);
  FinishEnded(link);
}

void ChannelLoop::OnSecond() {
  const auto late = std::chrono::duration_cast<std::chrono::seconds>(now_ - next_second_);
  next_second_ = now_ + std::chrono::seconds(1);
  needs_seconds_ = false;
  std::vector<Link*> all;
  for (const auto& [link, owned] : links_) all.push_back(link);
  for (Link* const link : all) {
    link->rpc.OnSecondsPassed(static_cast<uint32_t>(1 + late.count()));
    const bool was_used = std::exchange(link->was_used, false) || link->rpc.calls() > 0;
    if (!was_used) {
      link->rpc.ReleaseMemory();
      if (link->tls != nullptr) link->tls->ReleaseMemory();
    }
    needs_seconds_ |= was_used;
    CheckKeepalive(*link);
  }
}

void ChannelLoop::CheckKeepalive(Link& link) {
  if (link.is_connecting || link.rpc.calls() == 0) {
    link.pinged_at = kNoTime;
  } else if (link.pinged_at != kNoTime && now_ > After(link.pinged_at, options_.pong_within)) {
    Lose(link,
         absl::StrCat("no answer to a ping within ", absl::FormatDuration(options_.pong_within)));
  } else if (link.pinged_at == kNoTime && now_ > After(link.received_at, options_.ping_after)) {
    link.pinged_at = now_;
    link.rpc.SendPing();
    MarkChanged(link);
  }
}

}  // namespace larder
