#ifndef LARDER_TESTS_SIMULATION_EXPLORER_EXPLORED_STATE_H_
#define LARDER_TESTS_SIMULATION_EXPLORER_EXPLORED_STATE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/explorer/local_histories.h"

namespace larder::simulation {

// What the adversary may do yet.
struct Budget {
  uint32_t crashes = 0;
  uint32_t losses = 0;
  uint32_t delays = 0;  // messages and saves that are held back, as long as it likes
};

// What may happen next.
struct Choice {
  enum class Kind : uint8_t { kDeliver, kLose, kDelay, kRelease, kCrash, kRestart, kForce, kTime };
  Kind kind = Kind::kTime;
  size_t node = 0;
  size_t held = 0;  // kRelease: which
};

// A small cluster with one shard at one instant: processes, disks, and what is under way. Copied
// for each way on.
class ExploredState {
 public:
  // Time passes in steps of this, a twentieth of the node timeout.
  static constexpr cluster::Millis kQuantum{50};

  // `clock_permille`: how fast each node's clock goes, 900 to 1100.
  ExploredState(LocalHistories* histories, std::vector<int64_t> clock_permille);

  std::vector<Choice> Choices() const;
  // One of Choices().
  void Take(const Choice& choice);
  // Without choices: all that is under way arrives in its order, then time passes.
  void Run(uint32_t quanta);
  void Command(size_t node, cluster::ClusterInput command);
  // Within the next `quanta`, or never, this node is told to take over by force; from then on the
  // primary, node 0, hears nothing new if `is_unheard`.
  void MayForce(size_t node, bool is_unheard, uint32_t quanta) {
    to_force_[node] = is_unheard;
    force_until_ = time_ + quanta;
  }
  // From one to the other nothing is heard any more.
  void Block(size_t from, size_t to) { blocked_.insert({from, to}); }
  void set_budget(const Budget& budget) { budget_ = budget; }
  // A node that ends is refused at once.
  void set_has_evidence(bool has_evidence) { has_evidence_ = has_evidence; }

  std::optional<size_t> Acting() const;
  uint32_t time() const { return time_; }
  // Of all that matters for what can follow.
  uint64_t Hash() const;
  const std::optional<std::string>& violation() const { return violation_; }
  // For people: what `choice` would be.
  std::string Describe(const Choice& choice) const;

 private:
  struct Flight {
    uint64_t id = 0;
    size_t from = 0;
    std::shared_ptr<const cluster::ClusterInput> input;  // null: a save is done
    bool is_quiet = false;                               // it comes at once, and is not lost
    std::optional<size_t> ended;                         // it says that this node has ended
  };
  struct Node {
    const Local* local = nullptr;
    bool is_running = false;
    std::shared_ptr<const cluster::DurableCluster> disk;
    uint64_t disk_hash = 0;
    uint64_t saved = 0;
    const Local* saving = nullptr;
    const Local* to_save = nullptr;
    std::vector<std::pair<const Local*, size_t>> outbox;  // what they said, and wait with
    std::deque<Flight> inbox;
    std::vector<Flight> held;
  };

  std::optional<size_t> NextReceiver() const;
  cluster::BootTime NowAt(size_t node) const;
  uint32_t FollowersOf(size_t node) const;
  bool MayAct(size_t node) const;
  void Arrive(size_t node, const Flight& flight);
  void Step(size_t node, uint64_t id, std::shared_ptr<const cluster::ClusterInput> input);
  void SaveNext(size_t node);
  void SendReady(size_t node);
  void Crash(size_t node);
  void Restart(size_t node);
  void Pass();
  void Check(size_t node);
  static std::string TextOf(const Flight& flight);

  LocalHistories* histories_;
  std::vector<int64_t> clock_permille_;
  std::vector<Node> nodes_;
  std::set<std::pair<size_t, size_t>> blocked_;
  bool has_evidence_ = true;
  uint32_t time_ = 0;  // quanta
  Budget budget_;
  cluster::Epoch highest_;
  uint64_t commands_ = 0;
  std::map<size_t, bool> to_force_;  // whether it is unheard
  uint32_t force_until_ = 0;
  std::optional<std::string> violation_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_EXPLORER_EXPLORED_STATE_H_
