#ifndef LARDER_SERVER_HANDLERS_PUBLISHED_EPOCH_H_
#define LARDER_SERVER_HANDLERS_PUBLISHED_EPOCH_H_

#include <atomic>
#include <cstdint>

#include "cluster/replication/epoch.h"

namespace larder::server {

// An epoch that changes hardly ever and is read with each write: a seqlock, so that readers share
// its line and write nothing. Thread-safe for one writer at a time.
class PublishedEpoch {
 public:
  // A default epoch: none.
  void Set(const cluster::Epoch& epoch) {
    const uint64_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);  // odd: it changes
    std::atomic_thread_fence(std::memory_order_release);
    term_.store(epoch.term, std::memory_order_relaxed);
    incarnation_.store(epoch.incarnation, std::memory_order_relaxed);
    node_high_.store(epoch.node.high, std::memory_order_relaxed);
    node_low_.store(epoch.node.low, std::memory_order_relaxed);
    version_.store(version + 2, std::memory_order_release);
  }

  // Rises with each Set.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // False: it is not that version any more.
  bool Read(uint64_t version, cluster::Epoch& epoch) const {
    epoch = {
        term_.load(std::memory_order_relaxed),
        incarnation_.load(std::memory_order_relaxed),
        {node_high_.load(std::memory_order_relaxed), node_low_.load(std::memory_order_relaxed)}};
    std::atomic_thread_fence(std::memory_order_acquire);
    return version % 2 == 0 && version_.load(std::memory_order_relaxed) == version;
  }

 private:
  alignas(64) std::atomic<uint64_t> version_{0};
  std::atomic<uint64_t> term_{0};
  std::atomic<uint64_t> incarnation_{0};
  std::atomic<uint64_t> node_high_{0};
  std::atomic<uint64_t> node_low_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_PUBLISHED_EPOCH_H_
