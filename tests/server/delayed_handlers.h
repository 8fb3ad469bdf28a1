#ifndef LARDER_TESTS_SERVER_DELAYED_HANDLERS_H_
#define LARDER_TESTS_SERVER_DELAYED_HANDLERS_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "server/handlers/cache_handler.h"
#include "server/handlers/maintenance_handler.h"
#include "storage/random.h"

namespace larder::server {

// Runs what it is given later, on its own thread. What has not run when it ends is dropped.
class DelayThread {
 public:
  DelayThread() : thread_([this] { Run(); }) {}
  ~DelayThread() {
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  // Each is delayed with this chance, by up to so long.
  void Set(double share, std::chrono::milliseconds delay_max) {
    const std::lock_guard lock(mutex_);
    share_ = share;
    delay_max_ = delay_max;
  }

  // Nothing waits any longer.
  void Hurry() {
    {
      const std::lock_guard lock(mutex_);
      hurries_ = true;
    }
    wake_.notify_all();
  }

  // Whether the next operation is to be delayed.
  bool Delays() {
    const std::lock_guard lock(mutex_);
    ++begun_;
    return random_.Fraction() <= share_;
  }
  void Post(std::function<void()> action) {
    {
      const std::lock_guard lock(mutex_);
      const auto microseconds = std::chrono::microseconds(
          random_.Below(1 + 1000 * static_cast<uint64_t>(delay_max_.count())));
      actions_.emplace(std::chrono::steady_clock::now() + microseconds, std::move(action));
    }
    wake_.notify_all();
  }
  // Whether the one at hand is to be delayed once more.
  bool DelaysTwice() {
    const std::lock_guard lock(mutex_);
    return random_.Below(4) == 0;
  }
  // How many operations have begun.
  size_t begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }
  size_t waiting() {
    const std::lock_guard lock(mutex_);
    return actions_.size();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (!is_ending_) {
      if (actions_.empty()) {
        wake_.wait(lock);
      } else if (const auto due = actions_.begin()->first;
                 !hurries_ && due > std::chrono::steady_clock::now()) {
        wake_.wait_until(lock, due);
      } else {
        const std::function<void()> action = std::move(actions_.begin()->second);
        actions_.erase(actions_.begin());
        lock.unlock();
        action();
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<std::chrono::steady_clock::time_point, std::function<void()>> actions_;
  double share_ = 1;
  std::chrono::milliseconds delay_max_{50};
  storage::Random random_{7};
  size_t begun_ = 0;
  bool hurries_ = false;
  bool is_ending_ = false;
  std::thread thread_;
};

// The copies that views of a delayed request point at.
class OwnedBytes {
 public:
  std::string_view Own(std::string_view bytes) { return bytes_->emplace_back(bytes); }

 private:
  std::shared_ptr<std::deque<std::string>> bytes_ = std::make_shared<std::deque<std::string>>();
};

// Runs action(reply) later. Some are left open once more, from the other thread.
template <typename ReplyType, typename Action>
void RunDelayed(DelayThread& delays, ReplyType& reply, Action action) {
  const auto open = std::make_shared<OpenReply<ReplyType>>(reply);
  delays.Post([&delays, open, action] {
    if (!delays.DelaysTwice()) return action(open->Take());
    const auto again = std::make_shared<OpenReply<ReplyType>>(open->Take());
    delays.Post([again, action] { action(again->Take()); });
  });
}

// Completes some operations later, on another thread.
class DelayedCacheHandler final : public CacheHandler {
 public:
  template <typename... Arguments>
  explicit DelayedCacheHandler(DelayThread* delays, Arguments&&... arguments)
      : CacheHandler(std::forward<Arguments>(arguments)...), delays_(*delays) {}

  void GetFor(std::string_view operation, const GetView& request, storage::TimePoint now,
              GetReply& reply) override {
    if (!delays_.Delays()) return CacheHandler::GetFor(operation, request, now, reply);
    OwnedBytes bytes;
    GetView view = request;
    view.key = bytes.Own(request.key);
    RunDelayed(delays_, reply, [this, bytes, operation, view](GetReply& later) {
      CacheHandler::GetFor(operation, view, Now(), later);
    });
  }
  void SetFor(std::string_view operation, const SetView& request, SetReply& reply) override {
    if (!delays_.Delays()) return CacheHandler::SetFor(operation, request, reply);
    OwnedBytes bytes;
    SetView view = request;
    view.key = bytes.Own(request.key);
    view.value = bytes.Own(request.value);
    view.condition.lease_token = bytes.Own(request.condition.lease_token);
    RunDelayed(delays_, reply, [this, bytes, operation, view](SetReply& later) {
      CacheHandler::SetFor(operation, view, later);
    });
  }
  void DeleteFor(std::string_view operation, const DeleteView& request,
                 DeleteReply& reply) override {
    if (!delays_.Delays()) return CacheHandler::DeleteFor(operation, request, reply);
    OwnedBytes bytes;
    DeleteView view = request;
    view.key = bytes.Own(request.key);
    RunDelayed(delays_, reply, [this, bytes, operation, view](DeleteReply& later) {
      CacheHandler::DeleteFor(operation, view, later);
    });
  }
  void Lease(const LeaseView& request, LeaseReply& reply) override {
    Delay(request, reply,
          [this](const LeaseView& view, LeaseReply& later) { CacheHandler::Lease(view, later); });
  }
  void Touch(const TouchView& request, TouchReply& reply) override {
    Delay(request, reply,
          [this](const TouchView& view, TouchReply& later) { CacheHandler::Touch(view, later); });
  }
  void Increment(const IncrementView& request, IncrementReply& reply) override {
    Delay(request, reply, [this](const IncrementView& view, IncrementReply& later) {
      CacheHandler::Increment(view, later);
    });
  }
  void Append(const AppendView& request, AppendReply& reply) override {
    Delay(request, reply, [this](const AppendView& view, AppendReply& later) {
      CacheHandler::Append(view, later);
    });
  }
  void Scan(const ScanView& request, ScanReply& reply) override {
    Delay(request, reply,
          [this](const ScanView& view, ScanReply& later) { CacheHandler::Scan(view, later); });
  }

 private:
  template <typename View, typename ReplyType, typename Action>
  void Delay(const View& request, ReplyType& reply, Action action) {
    if (!delays_.Delays()) return action(request, reply);
    OwnedBytes bytes;
    View view = request;
    if constexpr (requires { view.key; }) view.key = bytes.Own(request.key);
    if constexpr (requires { view.value; }) view.value = bytes.Own(request.value);
    if constexpr (requires { view.cursor; }) view.cursor = bytes.Own(request.cursor);
    if constexpr (requires { view.prefix; }) view.prefix = bytes.Own(request.prefix);
    RunDelayed(delays_, reply, [bytes, view, action](ReplyType& later) { action(view, later); });
  }

  DelayThread& delays_;
};

// Delays the methods of Maintenance likewise.
class DelayedMaintenanceHandler final : public MaintenanceHandler {
 public:
  template <typename... Arguments>
  explicit DelayedMaintenanceHandler(DelayThread* delays, Arguments&&... arguments)
      : MaintenanceHandler(std::forward<Arguments>(arguments)...), delays_(*delays) {}

  void Stats(Reply<StatsAnswer>& reply) override {
    RunDelayed(delays_, reply,
               [this](Reply<StatsAnswer>& later) { MaintenanceHandler::Stats(later); });
  }
  void MemoryStats(Reply<MemoryStatsAnswer>& reply) override {
    RunDelayed(delays_, reply,
               [this](Reply<MemoryStatsAnswer>& later) { MaintenanceHandler::MemoryStats(later); });
  }
  void SlotStats(const SlotStatsView& view, Reply<SlotStatsAnswer>& reply) override {
    RunDelayed(delays_, reply, [this, view](Reply<SlotStatsAnswer>& later) {
      MaintenanceHandler::SlotStats(view, later);
    });
  }
  void Flush(const FlushView& view, Reply<FlushAnswer>& reply) override {
    RunDelayed(delays_, reply,
               [this, view](Reply<FlushAnswer>& later) { MaintenanceHandler::Flush(view, later); });
  }
  void Digest(const DigestView& view, Reply<DigestAnswer>& reply) override {
    RunDelayed(delays_, reply, [this, view](Reply<DigestAnswer>& later) {
      MaintenanceHandler::Digest(view, later);
    });
  }
  void GetConfig(const GetConfigView& request, Reply<GetConfigAnswer>& reply) override {
    OwnedBytes bytes;
    const GetConfigView view{.name = bytes.Own(request.name)};
    RunDelayed(delays_, reply, [this, bytes, view](Reply<GetConfigAnswer>& later) {
      MaintenanceHandler::GetConfig(view, later);
    });
  }
  void SetConfig(const SetConfigView& request, Reply<SetConfigAnswer>& reply) override {
    OwnedBytes bytes;
    SetConfigView view = request;
    for (ConfigSettingView& setting : view.values) {
      setting = {bytes.Own(setting.name), bytes.Own(setting.value)};
    }
    RunDelayed(delays_, reply, [this, bytes, view](Reply<SetConfigAnswer>& later) {
      MaintenanceHandler::SetConfig(view, later);
    });
  }

 private:
  DelayThread& delays_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_DELAYED_HANDLERS_H_
