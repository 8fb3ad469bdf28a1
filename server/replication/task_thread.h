#ifndef LARDER_SERVER_REPLICATION_TASK_THREAD_H_
#define LARDER_SERVER_REPLICATION_TASK_THREAD_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace larder::server {

// A thread that runs what others post, in order, and `turn` behind it: whenever something was
// posted or it was woken, and after `period` in any case. It may rest: then what has time comes at
// the end of the rest, with all else that came meanwhile, and wakes nobody before.
class TaskThread {
 public:
  using Task = std::function<void()>;
  using Clock = std::chrono::steady_clock;

  TaskThread(std::chrono::milliseconds period, Task turn);
  // Drops what was posted and not run.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // On any thread.
  void Post(Task task);
  void Wake();
  // The same, of what has time until the end of a rest.
  void PostInTime(Task task);
  void WakeInTime();

  // From the turn, on this thread: the next turn is then, or after a period, or when what has no
  // time comes.
  void Rest(Clock::time_point until) { rests_until_ = until; }
  // From the turn: the next one is then at the latest. Unlike a rest it holds nothing up.
  void TurnBy(Clock::time_point latest) { turns_by_ = latest; }

 private:
  enum class Urgency : uint8_t { kNow, kInTime };
  void Add(Task task, Urgency urgency);
  void Run();

  const std::chrono::milliseconds period_;
  const Task turn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> tasks_;  // guarded by mutex_, as the next ones
  bool is_awake_ = false;
  bool is_awake_in_time_ = false;
  bool is_resting_ = false;
  bool is_stopping_ = false;
  std::optional<Clock::time_point> rests_until_;  // the thread's own, as the next one
  std::optional<Clock::time_point> turns_by_;
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_TASK_THREAD_H_
