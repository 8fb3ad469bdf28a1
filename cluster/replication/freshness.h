#ifndef LARDER_CLUSTER_REPLICATION_FRESHNESS_H_
#define LARDER_CLUSTER_REPLICATION_FRESHNESS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "cluster/replication/boot_time.h"

namespace larder::cluster {

// How old a replica's data may be, by what it asked and was told (ordering.md rule 18): a heartbeat
// that was sent after the replica's request shows all that was written before the request, once the
// replica has applied the log up to where it ended then. Time is the replica's own.
class Freshness {
 public:
  // The number of a request that is sent now; numbers rise.
  void Ask(uint64_t number, BootTime now);
  // The answer: what the source had then was all there was `age` before. `needed`: its log's end.
  void Hear(uint64_t number, Millis age, uint64_t needed);
  void Advance(uint64_t applied);
  // Another stream: what was asked is not answered any more. What is known of the data stays.
  void ForgetOpen();
  // Other data: nothing is known.
  void Reset();

  // Absent: not known.
  std::optional<Millis> Staleness(BootTime now) const;

 private:
  struct Asked {
    uint64_t number;
    BootTime at;
  };
  struct Heard {
    BootTime as_of;
    uint64_t needed;
  };
  static constexpr size_t kOpenMax = 64;

  std::deque<Asked> asked_;
  std::deque<Heard> heard_;  // what is not applied yet; `needed` rises
  uint64_t applied_ = 0;
  std::optional<BootTime> fresh_as_of_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_FRESHNESS_H_
