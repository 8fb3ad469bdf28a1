#include "server/replication/task_thread.h"

#include <algorithm>

namespace larder::server {

TaskThread::TaskThread(std::chrono::milliseconds period, Task turn)
    : period_(period), turn_(std::move(turn)), thread_([this] { Run(); }) {}

TaskThread::~TaskThread() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void TaskThread::Post(Task task) { Add(std::move(task), Urgency::kNow); }

void TaskThread::Wake() { Add(nullptr, Urgency::kNow); }

void TaskThread::PostInTime(Task task) { Add(std::move(task), Urgency::kInTime); }

void TaskThread::WakeInTime() { Add(nullptr, Urgency::kInTime); }

void TaskThread::Add(Task task, Urgency urgency) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (task != nullptr) tasks_.push_back(std::move(task));
    is_awake_in_time_ = true;
    if (urgency == Urgency::kNow) is_awake_ = true;
    wakes = is_awake_ || !is_resting_;
  }
  if (wakes) changed_.notify_all();
}

void TaskThread::Run() {
  std::vector<Task> tasks;
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    tasks.swap(tasks_);
    is_awake_ = false;
    is_awake_in_time_ = false;
    lock.unlock();
    for (const Task& task : tasks) task();
    tasks.clear();
    rests_until_.reset();
    turns_by_.reset();
    turn_();
    lock.lock();
    // A rest that is over by now has its turn, too: what came before it waits for that.
    is_resting_ = rests_until_.has_value();
    Clock::time_point until = Clock::now() + period_;
    for (const auto& earlier : {rests_until_, turns_by_}) {
      until = std::min(earlier.value_or(until), until);
    }
    changed_.wait_until(lock, until, [this] {
      return is_stopping_ || is_awake_ || (is_awake_in_time_ && !is_resting_);
    });
    is_resting_ = false;
  }
}

}  // namespace larder::server
