#ifndef LARDER_SERVER_REPLICATION_TASK_THREAD_H_
#define LARDER_SERVER_REPLICATION_TASK_THREAD_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace larder::server {

// A thread that runs what others post, in order, and `turn` behind it: whenever something was
// posted or it was woken, and after `period` in any case.
class TaskThread {
 public:
  using Task = std::function<void()>;

  TaskThread(std::chrono::milliseconds period, Task turn);
  // Drops what was posted and not run.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // On any thread.
  void Post(Task task);
  void Wake();

 private:
  void Run();

  const std::chrono::milliseconds period_;
  const Task turn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> tasks_;  // guarded by mutex_, as the next two
  bool is_awake_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_TASK_THREAD_H_
