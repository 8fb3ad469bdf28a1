#include "server/replication/task_thread.h"

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

void TaskThread::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void TaskThread::Wake() {
  {
    const std::lock_guard lock(mutex_);
    is_awake_ = true;
  }
  changed_.notify_all();
}

void TaskThread::Run() {
  std::vector<Task> tasks;
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    tasks.swap(tasks_);
    is_awake_ = false;
    lock.unlock();
    for (const Task& task : tasks) task();
    tasks.clear();
    turn_();
    lock.lock();
    changed_.wait_for(lock, period_,
                      [this] { return is_stopping_ || is_awake_ || !tasks_.empty(); });
  }
}

}  // namespace larder::server
