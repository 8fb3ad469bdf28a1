#ifndef LARDER_SERVER_FORWARDING_ROUTING_PUBLICATION_H_
#define LARDER_SERVER_FORWARDING_ROUTING_PUBLICATION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/forwarding/routing.h"
#include "storage/mutex.h"

namespace larder::server {

// The routing of now, for all threads of a node. Thread-safe. Who reads often has a RoutingReader,
// which reads one number while nothing changes; that line is written by Publish alone. Not
// std::atomic<std::shared_ptr>, which locks and in libstdc++ 12 races.
class RoutingPublication {
 public:
  explicit RoutingPublication(std::shared_ptr<const Routing> routing = Routing::AllHere(0))
      : is_all_here_(routing->is_all_here()), routing_(std::move(routing)) {}

  void Publish(std::shared_ptr<const Routing> routing) {
    {
      const storage::MutexLock lock(mutex_);
      is_all_here_.store(routing->is_all_here(), std::memory_order_relaxed);
      routing_.swap(routing);
      generation_.fetch_add(1, std::memory_order_release);
    }
    // The one before goes behind the lock.
  }
  bool is_all_here() const { return is_all_here_.load(std::memory_order_relaxed); }
  std::shared_ptr<const Routing> Current() const {
    const storage::MutexLock lock(mutex_);
    return routing_;
  }

 private:
  friend class RoutingReader;

  alignas(64) std::atomic<uint64_t> generation_{1};  // of routing_
  std::atomic<bool> is_all_here_;
  alignas(64) mutable storage::Mutex mutex_;
  std::shared_ptr<const Routing> routing_ ABSL_GUARDED_BY(mutex_);
};

// The routing as one thread reads it. Not thread-safe.
class RoutingReader {
 public:
  // `publication` outlives the reader.
  explicit RoutingReader(const RoutingPublication* publication) : publication_(publication) {}

  // Valid until the next call.
  const Routing& Current() {
    if (publication_->generation_.load(std::memory_order_acquire) != generation_) [[unlikely]] {
      Refresh();
    }
    return *routing_;
  }

 private:
  void Refresh() {
    const storage::MutexLock lock(publication_->mutex_);
    routing_ = publication_->routing_;
    generation_ = publication_->generation_.load(std::memory_order_relaxed);
  }

  const RoutingPublication* const publication_;
  uint64_t generation_ = 0;  // of routing_; 0: none was read
  std::shared_ptr<const Routing> routing_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_ROUTING_PUBLICATION_H_
