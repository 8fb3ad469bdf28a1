#ifndef LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_SIMULATION_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "storage/random.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace larder::simulation {

struct ClusterSimulationOptions {
  uint64_t seed = 1;
  Millis chaos{20000};  // how long faults last
  Millis quiet{40000};  // within this, without faults and writes, all must agree
  std::function<void(const std::string&)> trace;
};

// What a run did, so that a test can tell that it did something.
struct ClusterSimulationCounts {
  uint64_t nodes = 0;
  uint64_t writes = 0;
  uint64_t refused = 0;  // since nobody acted
  uint64_t acknowledged = 0;
  uint64_t faults = 0;
  uint64_t elections = 0;
  uint64_t elections_lost = 0;
  uint64_t fails = 0;
  uint64_t lists = 0;  // that were succeeded
  uint64_t take_overs = 0;
  Millis simulated{0};
};

// One run of a whole cluster, decided by its seed: clients and faults, then neither, when every
// shard must be served, and all must agree and have the same data.
class ClusterSimulation {
 public:
  explicit ClusterSimulation(ClusterSimulationOptions options);

  // Absent: nothing was violated.
  std::optional<std::string> Run();
  ClusterSimulationCounts Counts() const;
  // What was chosen for it, for people.
  std::string Describe() const;

 private:
  WorldOptions ChooseWorld();
  void Every(Millis at_most, std::function<void()> what);
  void Write();
  void Fault();
  cluster::ShardId AnyShard();
  // Of the shard, but for that one.
  std::optional<size_t> AnyOther(cluster::ShardId shard, const std::optional<size_t>& than);
  // Who acts for a shard more often than others.
  size_t Victim();
  void CrashSome();
  void Crash(size_t node, uint64_t away_max);
  void PauseSome();
  void Pause(size_t node, uint64_t length_max);
  void LoseThePrimaryOfALaggard();
  void ForgetSome();
  // Lets it in again, if somebody has forgotten it.
  void MeetAgain(size_t node);
  void TakeOverSome();
  void ForceBesideRestarts();
  void BlockSome();
  void IsolateSome();
  void HangSomeDisk();
  void SlowSome();
  void LoseMessages();
  void HandOverSome();
  void EndFaults();
  // Why it is not quiet yet. Absent: it is.
  std::optional<std::string> Unrest();
  size_t AnyNode() { return random_.Below(world_->size()); }

  const ClusterSimulationOptions options_;
  storage::Random random_;
  bool keeps_data_ = true;
  bool forgets_ = false;  // else it takes over
  bool begins_with_faults_ = false;
  bool has_faults_ = true;
  bool has_forgotten_ = false;  // somebody, once
  std::unique_ptr<ClusterWorld> world_;
  ClusterSimulationCounts counts_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_SIMULATION_H_
