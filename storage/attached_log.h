#ifndef LARDER_STORAGE_ATTACHED_LOG_H_
#define LARDER_STORAGE_ATTACHED_LOG_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "storage/mutation_sink.h"
#include "storage/thread_place.h"

namespace larder::storage {

// The log that a keyspace tells, if somebody keeps one: comes and goes while operations are under
// way. Each notes that it uses the log, on a line that hardly any other thread writes; who takes
// the log away waits for them. While there is none, nothing is noted. Thread-safe but for Attach
// and Detach, of which one is called at a time.
class AttachedLog {
 public:
  AttachedLog() = default;
  AttachedLog(const AttachedLog&) = delete;
  AttachedLog& operator=(const AttachedLog&) = delete;

  MutationSink* get() const { return log_.load(std::memory_order_acquire); }

  // The log, which stays until this thread has called EndUse; or nullptr, and nothing to be ended.
  MutationSink* BeginUse() {
    if (log_.load(std::memory_order_relaxed) == nullptr) [[likely]]
      return nullptr;
    return BeginUseOfLog();
  }
  void EndUse();

  // REQUIRES: there is no log.
  void Attach(MutationSink* log) { log_.store(log, std::memory_order_seq_cst); }
  // Waits until nobody uses the log any more.
  void Detach();

 private:
  struct alignas(64) Users {
    std::atomic<uint32_t> count{0};
  };

  MutationSink* BeginUseOfLog();

  alignas(64) std::atomic<MutationSink*> log_{nullptr};
  std::array<Users, kThreadPlaces> users_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_ATTACHED_LOG_H_
