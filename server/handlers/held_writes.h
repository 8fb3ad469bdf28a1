#ifndef LARDER_SERVER_HANDLERS_HELD_WRITES_H_
#define LARDER_SERVER_HANDLERS_HELD_WRITES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/mutex.h"
#include "storage/time.h"

namespace larder::server {

struct HeldWritesOptions {
  uint64_t bytes_max = uint64_t{64} << 20;        // of their requests
  absl::Duration timeout = absl::Seconds(5);      // of one
  absl::Duration retry_after = absl::Seconds(1);  // told to who was refused
};

// Writes that wait until the log has room, which comes as its readers go on: in the order in which
// they came, without a thread for each. While one waits, those that come join the queue, so that
// none overtakes another. Thread-safe; a write that waits has changed nothing.
class HeldWrites {
 public:
  class Write {
   public:
    virtual ~Write() = default;
    // Tries again: answers, or holds itself once more by Resume.
    virtual void Run() = 0;
    virtual void Fail(const absl::Status& status) = 0;
    virtual std::string_view operation() const = 0;
    virtual size_t bytes() const = 0;
  };

  explicit HeldWrites(const HeldWritesOptions& options = {}) : options_(options) {}
  ~HeldWrites() { Close(); }
  HeldWrites(const HeldWrites&) = delete;
  HeldWrites& operator=(const HeldWrites&) = delete;

  // ---- By who writes.
  // A write that comes now has to wait behind others. One relaxed load where none waits.
  bool IsBehindOthers() const {
    return waiting_.load(std::memory_order_relaxed) != 0 && !IsRunning();
  }
  // Takes a place for a write of so many bytes, which Add fills. RESOURCE_EXHAUSTED: there are too
  // many bytes; UNAVAILABLE: nothing is held any more. The message says what, without the
  // operation.
  absl::Status Reserve(size_t bytes);
  // Behind all others; in front of them for one that Run has just run.
  void Add(std::unique_ptr<Write> write, storage::TimePoint now);

  // ---- By who reads the log, one thread.
  // Runs them in order until one finds no room, or `writes_max` are run. True: there is more to
  // do. Fails those that have waited too long.
  bool Run(storage::TimePoint now, size_t writes_max);
  // Fails all, and those that come from now on.
  void Close();

  uint64_t bytes() const {
    const storage::MutexLock lock(mutex_);
    return bytes_;
  }
  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  // Since the beginning: that had to wait, and of these, that were refused since it took too long
  // or too many waited.
  uint64_t held() const { return held_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    std::unique_ptr<Write> write;
    storage::TimePoint since;
  };

  bool IsRunning() const {
    return runner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  std::vector<Waiting> TakeOverdue(storage::TimePoint now);

  const HeldWritesOptions options_;
  std::atomic<size_t> waiting_{0};
  std::atomic<std::thread::id> runner_{};  // of who runs one now
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> refused_{0};

  mutable storage::Mutex mutex_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the one that is run now.
  storage::TimePoint running_since_ ABSL_GUARDED_BY(mutex_);
  bool found_no_room_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_HELD_WRITES_H_
