#include "client/channel/channel_loop.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "client/channel/channel_link.h"
#include "client/channel/channel_place.h"

namespace larder {
namespace {

constexpr std::string_view kClosed = "the channel was closed";

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelLoop>> ChannelLoop::Create(const ChannelOptions& options,
                                                                 uint32_t places) {
  std::unique_ptr<EventLoop> own_events;
  if (options.event_loop == nullptr) {
    auto created = EventLoop::Create();
    if (!created.ok()) return created.status();
    own_events = *std::move(created);
  }
  return std::unique_ptr<ChannelLoop>(new ChannelLoop(options, std::move(own_events), places));
}

ChannelLoop::ChannelLoop(const ChannelOptions& options, std::unique_ptr<EventLoop> own_events,
                         uint32_t places)
    : own_events_(std::move(own_events)),
      events_(own_events_ == nullptr ? *options.event_loop : *own_events_),
      target_(options),
      mailbox_(std::make_shared<TaskMailbox>(&events_)),
      random_(std::random_device{}()),
      wheel_(std::chrono::steady_clock::now()) {
  for (uint32_t i = 0; i < places; ++i) places_.push_back(std::make_unique<ChannelPlace>(this));
  events_.Add(*this);
}

ChannelLoop::~ChannelLoop() {
  mailbox_->Close();
  events_.RunAndWait([this] {
    TakeStarted();  // those that other loops' calls have begun when they ended
    closed_.clear();
    events_.Remove(*this);
  });
}

void ChannelLoop::Close() {
  events_.RunAndWait([this] {
    for (const auto& place : places_) place->Close(std::string(kClosed));
    for (ChannelLink* const link : AllLinks()) link->Lose(std::string(kClosed));
  });
}

void ChannelLoop::RefuseClosed(ChannelCall& call) {
  call.fate_ = CallFate::kNotSent;
  call.status = {static_cast<int>(absl::StatusCode::kUnavailable), std::string(kClosed), {}};
  call.OnDone();
}

void ChannelLoop::Start(ChannelCall& call, uint32_t place) {
  call.place_ = place;
  call.was_moved_ = false;
  call.fate_ = CallFate::kNotSent;
  // All of it under the lock: who waits for the call may destroy the channel as soon as that has
  // ended.
  const MutexLock lock(mutex_);
  started_.push_back(&call);
  events_.Notify(*this);
}

void ChannelLoop::TakeStarted() {
  {
    const MutexLock lock(mutex_);
    taken_.swap(started_);
  }
  for (ChannelCall* const call : taken_) {
    wheel_.Add(*call);
    places_[call->place_]->Begin(*call);
  }
  taken_.clear();
}

void ChannelLoop::OnTurn() {
  is_in_turn_ = true;
  TakeStarted();
  ExpireCalls();
  for (const auto& place : places_) place->ExpireConnect();
  SettleChanged();
  closed_.clear();
  events_.SetDeadline(*this, NextDeadline());
  is_in_turn_ = false;
}

LoopTime ChannelLoop::NextDeadline() const {
  LoopTime next = wheel_.NextLook();
  for (const auto& place : places_) next = std::min(next, place->connect_deadline());
  return next;
}

void ChannelLoop::ExpireCalls() {
  wheel_.TakeExpired(now(), expired_);
  for (ChannelCall* const call : expired_) {
    const bool was_sent = Withdraw(*call);
    Refuse(*call, absl::StatusCode::kDeadlineExceeded,
           was_sent ? "the deadline passed before the answer came"
                    : "the deadline passed before there was a connection that takes the call");
  }
  expired_.clear();
}

bool ChannelLoop::Withdraw(ChannelCall& call) {
  if (call.is_queued_for_connection_) {
    places_[call.place_]->RemoveWaiting(call);
    return false;
  }
  for (const auto& [link, owned] : links_) {
    if (&link->rpc() != call.connection_) continue;
    link->Cancel(call);
    break;
  }
  return true;
}

void ChannelLoop::Cancel(ChannelCall& call) {
  bool is_taken = true;
  {
    const MutexLock lock(mutex_);
    is_taken = std::erase(started_, &call) == 0;
  }
  if (is_taken) Withdraw(call);
  Refuse(call, absl::StatusCode::kCancelled, "the call was cancelled");
}

void ChannelLoop::End(ChannelCall& call) {
  if (!call.is_refused_ || call.was_moved_) return Finish(call);
  call.was_moved_ = true;
  places_[call.place_]->Begin(call);
}

void ChannelLoop::Refuse(ChannelCall& call, absl::StatusCode code, std::string why) {
  call.status = {static_cast<int>(code), std::move(why), {}};
  Finish(call);
}

void ChannelLoop::Finish(ChannelCall& call) {
  wheel_.Remove(call);
  call.OnDone();
}

double ChannelLoop::Random() {
  return static_cast<double>(random_() - std::minstd_rand::min()) /
         (static_cast<double>(std::minstd_rand::max()) + 1);
}

void ChannelLoop::Add(std::unique_ptr<ChannelLink> link) {
  ChannelLink* const raw = link.get();
  links_.emplace(raw, std::move(link));
}

void ChannelLoop::Release(ChannelLink& link) {
  const auto found = links_.find(&link);
  closed_.push_back(std::move(found->second));
  links_.erase(found);
  RequestTurn();
}

void ChannelLoop::MarkChanged(ChannelLink& link) {
  events_.WantSecond();
  if (!link.MarkChanged()) return;
  changed_.push_back(&link);
  RequestTurn();
}

void ChannelLoop::SettleChanged() {
  // More may be added meanwhile.
  for (size_t i = 0; i < changed_.size(); ++i) changed_[i]->Settle();
  changed_.clear();
}

std::vector<ChannelLink*> ChannelLoop::AllLinks() const {
  std::vector<ChannelLink*> all;
  for (const auto& [link, owned] : links_) all.push_back(link);
  return all;
}

void ChannelLoop::OnSecond(uint32_t seconds) {
  for (ChannelLink* const link : AllLinks()) {
    if (link->OnSecond(seconds)) events_.WantSecond();
  }
}

}  // namespace larder
