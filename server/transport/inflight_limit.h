#ifndef LARDER_SERVER_TRANSPORT_INFLIGHT_LIMIT_H_
#define LARDER_SERVER_TRANSPORT_INFLIGHT_LIMIT_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace larder::server {

// Bounds requests that are being served, such as --max_inflight. Thread-safe. Places are taken from
// a shared count some at a time and kept for the thread that took them (a few threads may share),
// so that while the node is not full no line is written by all. A place that is kept counts as
// taken: there are never more requests than the bound, and one is refused only after all were
// gathered.
class InflightLimit {
 public:
  // What errors call the requests that are counted, and the flag that bounds them; literals.
  struct Names {
    std::string_view requests = "requests";
    std::string_view flag = "--max_inflight";
  };

  InflightLimit(uint64_t requests_max, absl::Duration retry_after)
      : InflightLimit(requests_max, retry_after, Names()) {}
  InflightLimit(uint64_t requests_max, absl::Duration retry_after, const Names& names)
      : requests_max_(requests_max), retry_after_(retry_after), names_(names) {}

  // OK: the caller owes a Leave, on any thread. RESOURCE_EXHAUSTED with a retry hint: there are
  // requests_max.
  absl::Status Enter();
  void Leave();

  // After a lower bound was set, those that are served go on, and none begins until there are
  // fewer.
  void SetRequestsMax(uint64_t requests_max) {
    requests_max_.store(requests_max, std::memory_order_relaxed);
  }

  // How many requests did not begin.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  // The requests that are being served; exact while none begins or ends.
  uint64_t current() const;

 private:
  static constexpr size_t kShards = 16;
  static constexpr uint64_t kKeptMax = 32;  // places of a shard
  static constexpr uint64_t kAdvance = 16;  // places that move between a shard and `taken_`

  struct alignas(64) Shard {
    std::atomic<uint64_t> kept{0};  // places that are taken, and free
  };

  Shard& ShardOfThisThread();
  // Whether places may be kept: after a lower bound was set there may be too many.
  bool MayKeep() const {
    return taken_.load(std::memory_order_relaxed) <= requests_max_.load(std::memory_order_relaxed);
  }
  // Enters when the shard keeps no place.
  absl::Status EnterWithoutKept(Shard& shard);
  // Takes a place from the shared count, and an advance for the shard. False: there is none.
  bool TakePlace(Shard& shard);
  // Gives what the shards keep back to the shared count.
  void Gather();

  // A line that is only read while places are kept.
  alignas(64) std::atomic<uint64_t> taken_{0};  // in flight, or kept by a shard
  std::atomic<uint64_t> requests_max_;
  const absl::Duration retry_after_;
  const Names names_;
  std::atomic<uint64_t> refused_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_INFLIGHT_LIMIT_H_
