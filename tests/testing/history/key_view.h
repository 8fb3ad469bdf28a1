#ifndef LARDER_TESTS_TESTING_HISTORY_KEY_VIEW_H_
#define LARDER_TESTS_TESTING_HISTORY_KEY_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/testing/history/check_context.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {

// What the operations on one key say, in the terms in which it is checked. A block is a value that
// was set or created with all that was appended or added to it: while a block lasts nothing else is
// there, and its states follow one another by their rank (appended: how many pieces; a counter: the
// sum). Building it finds what needs no order: damaged values and such that nobody wrote.
// Immutable.
class KeyView {
 public:
  // When an operation had its effect, or what it saw was there; `eras`: see LossWindows.
  struct Moment {
    uint32_t operation;
    int64_t begin;
    int64_t end;
    LossWindows::Eras eras;
  };
  // A state of a block at a moment.
  struct Sighting {
    Moment moment;
    uint32_t block;
    int64_t rank;
    bool is_step = false;  // the operation made the state
  };
  // How long the entry of a block lives from a moment. ttl_ns 0: for ever.
  struct Lifetime {
    Moment moment;
    int64_t ttl_ns;
  };
  struct Block {
    uint32_t write;  // the operation that made it
    Moment moment;   // of that
    std::vector<Lifetime> lifetimes;
  };

  // `operations`: those on the key.
  KeyView(CheckContext& context, const std::vector<uint32_t>& operations);

  const std::vector<Block>& blocks() const { return blocks_; }
  // Acknowledged ones, and writes of unknown outcome whose states were seen.
  const std::vector<Sighting>& sightings() const { return sightings_; }
  // The key was missing: seen, or said by what was done.
  const std::vector<Moment>& absences() const { return absences_; }
  // Deletes that deleted.
  const std::vector<Moment>& removals() const { return removals_; }
  // Deletes of unknown outcome.
  const std::vector<Moment>& doubtful_removals() const { return doubtful_removals_; }
  // Increments of unknown outcome.
  const std::vector<Moment>& doubtful_increments() const { return doubtful_increments_; }
  // Touches of unknown outcome; nobody knows of which block.
  const std::vector<Lifetime>& doubtful_touches() const { return doubtful_touches_; }
  // Acknowledged touches of what nobody has seen otherwise.
  const std::vector<Lifetime>& stray_touches() const { return stray_touches_; }
  // Everything that may have created the key or written to it.
  const std::vector<Moment>& writes() const { return writes_; }
  // The block and rank that an acknowledged write made, or that a read has seen.
  const Sighting* SightingOf(uint32_t operation) const;

 private:
  struct State {
    uint32_t block;
    int64_t rank;
  };

  Moment MomentOf(uint32_t operation) const;
  uint32_t BlockOf(uint32_t write);
  void ReadStates(const std::vector<uint32_t>& operations);
  std::optional<State> ReadState(uint32_t operation);
  bool CheckWriters(uint32_t operation, const ValueState& state);
  bool LocatePieces(uint32_t operation, const ValueState& state);
  void LearnVersion(uint32_t operation, const State& state);
  void AddOperation(uint32_t operation);
  void AddSet(uint32_t operation);
  void AddDelete(uint32_t operation);
  void AddTouch(uint32_t operation);
  void AddIncrement(uint32_t operation);
  void AddAppend(uint32_t operation);
  void AddByVersion(uint32_t operation, uint64_t version);
  void AddSighting(uint32_t operation, const State& state, bool is_step);
  void AddLifetime(uint32_t operation, uint32_t block);

  CheckContext& context_;
  std::vector<Block> blocks_;
  std::vector<Sighting> sightings_;
  std::vector<Moment> absences_;
  std::vector<Moment> removals_;
  std::vector<Moment> doubtful_removals_;
  std::vector<Moment> doubtful_increments_;
  std::vector<Lifetime> doubtful_touches_;
  std::vector<Lifetime> stray_touches_;
  std::vector<Moment> writes_;
  absl::flat_hash_map<uint32_t, uint32_t> block_of_write_;
  absl::flat_hash_map<uint32_t, State> states_;  // of reads, by operation
  absl::flat_hash_map<uint32_t, State> pieces_;  // of appends whose pieces were seen
  absl::flat_hash_map<uint64_t, std::pair<State, uint32_t>> versions_;  // and who said so
  absl::flat_hash_map<uint32_t, uint32_t> sighting_of_;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_KEY_VIEW_H_
