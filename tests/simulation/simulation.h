#ifndef LARDER_TESTS_SIMULATION_SIMULATION_H_
#define LARDER_TESTS_SIMULATION_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/random.h"
#include "tests/simulation/planted_fault.h"
#include "tests/simulation/simulated_network.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

struct SimulationOptions {
  uint64_t seed = 1;
  PlantedFault fault = PlantedFault::kNone;
  Millis chaos{15000};  // how long faults last
  Millis quiet{30000};  // within this, without faults and writes, all must agree
  std::function<void(const std::string&)> trace;
};

// What a run did, so that a test can tell that it did something.
struct SimulationCounts {
  uint64_t writes = 0;
  uint64_t held = 0;  // writes that waited for a copy
  uint64_t acknowledged = 0;
  uint64_t crashes = 0;
  uint64_t promotions = 0;
  uint64_t continued = 0;
  uint64_t copies = 0;
  uint64_t copies_resumed = 0;
  uint64_t copies_installed = 0;
  uint64_t messages = 0;
};

// One run, decided by its seed: nodes, clients, faults, an operator. First with faults, then
// without, when all must come to agree. The operator is careful in half of the runs: promotes the
// best of those that can be asked, and only for a primary that is dead. Then what was acknowledged
// must last. Otherwise it does anything, and only the data must be sound.
class Simulation {
 public:
  explicit Simulation(SimulationOptions options);

  // Absent: nothing was violated.
  std::optional<std::string> Run();
  SimulationCounts Counts() const;

 private:
  size_t Nodes() const { return nodes_.size(); }
  SimulatedNode& Any() { return *nodes_[random_.Below(nodes_.size())]; }
  void Every(Millis at_most, std::function<void()> what);
  void Violate(const std::string& what);
  bool IsOver() const { return violation_.has_value(); }

  void StartClients();
  void WriteSomewhere();
  ModelRecord AnyRecord(const SimulatedNode& node);
  void StartFaults();
  void CrashSome();
  void PauseSome();
  void RestartLater(size_t index);
  void Restart(size_t index);
  void Resume(size_t index);
  void BlockSome();
  void BreakSomeDisk();
  void CutACopy();

  void StartOperator();
  void OperateWithCare();
  void OperateAnyhow();
  void BuildChain();
  // The best of those that run; the others are told to follow it.
  void FailOver();
  std::optional<size_t> Best() const;
  std::set<size_t> Unreachable() const;

  void EndFaults();
  bool IsQuiet() const;
  std::optional<std::string> Disagreement() const;
  void NoteCounts(size_t index);

  const SimulationOptions options_;
  storage::Random random_;
  bool is_careful_ = true;
  bool has_faults_ = true;
  bool has_writes_ = true;
  bool keeps_data_ = true;  // crashes lose no data
  World world_;
  std::unique_ptr<SimulatedNetwork> network_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  size_t leader_ = 0;  // as a careful operator has it
  std::optional<Millis> leader_down_since_;
  // By node: who led when it crashed or was paused. If somebody else does later, it must be told.
  std::vector<size_t> leader_when_gone_;
  cluster::Epoch highest_;  // that the operator has seen
  std::optional<std::string> violation_;
  SimulationCounts counts_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_SIMULATION_H_
