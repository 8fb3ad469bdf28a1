#ifndef LARDER_CLUSTER_REPLICATION_HISTORY_H_
#define LARDER_CLUSTER_REPLICATION_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/replication/epoch.h"
#include "cluster/replication/position.h"

namespace larder::cluster {

// Which epochs the data of a node went through, and where each began: two nodes whose histories
// agree up to a position have the same data there. Epochs rise, first sequences never fall. The
// first epoch stands for the data that was there when numbering began, so it may have no records.
// Bounded: the oldest epochs are forgotten, and a position in one of these needs a full copy.
class History {
 public:
  struct Beginning {
    Epoch epoch;
    uint64_t first = 0;  // the sequence of its first record
    friend bool operator==(const Beginning&, const Beginning&) = default;
  };
  // How it travels and lies on disk.
  struct Parts {
    std::vector<Beginning> beginnings;  // oldest first
    bool forgot = false;                // there were older ones
    bool began_empty = false;           // no data was there when the oldest of all began
  };
  static constexpr size_t kEpochsMax = 64;

  enum class [[nodiscard]] Reach : uint8_t {
    kReached,  // the data has it
    kNotYet,   // it may come
    kLost,     // its epoch ended before it, or is not among those that the data went through
    kUnknown,  // its epoch was forgotten
  };

  History() = default;
  // INVALID_ARGUMENT: more than kEpochsMax, an epoch that is none, epochs that do not rise, first
  // sequences that fall.
  static absl::StatusOr<History> Create(Parts parts);

  const Parts& parts() const { return parts_; }
  const std::vector<Beginning>& beginnings() const { return parts_.beginnings; }
  bool empty() const { return parts_.beginnings.empty(); }
  bool Contains(const Epoch& epoch) const { return Find(epoch).has_value(); }
  // Where the next epoch begins; for the last one `end`, where the data ends. Absent: not in it.
  std::optional<uint64_t> EndOf(const Epoch& epoch, uint64_t end) const;
  // Whether one whose data goes to `position` may be given what comes behind it, by one whose data
  // goes to `end`: the very epoch stands in this history and ends there or later.
  bool Continues(const Position& position, uint64_t end) const;
  // The epoch of the last record before `sequence`. REQUIRES: not empty.
  const Epoch& EpochAt(uint64_t sequence) const;
  // Whether both went through one epoch at least.
  bool SharesEpochWith(const History& other) const;
  // Whether data that goes to `end` has what was written before `position`.
  Reach Reached(const Position& position, uint64_t end) const;

  // REQUIRES: above the last epoch, and not before its first sequence.
  void Begin(const Epoch& epoch, uint64_t first);
  // Forgets the epochs that have no record before `end`; never the first one.
  void Truncate(uint64_t end);
  // Of the first epoch: it began with no data; or with data that had been written before, of which
  // nothing is known.
  void set_began_empty() { parts_.began_empty = true; }
  void set_forgot() { parts_.forgot = true; }

  friend bool operator==(const History& a, const History& b) {
    return a.beginnings() == b.beginnings();
  }

 private:
  std::optional<size_t> Find(const Epoch& epoch) const;

  Parts parts_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_REPLICATION_HISTORY_H_
