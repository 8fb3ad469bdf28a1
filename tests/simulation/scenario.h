#ifndef LARDER_TESTS_SIMULATION_SCENARIO_H_
#define LARDER_TESTS_SIMULATION_SCENARIO_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/simulated_network.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

// A story told step by step: node 0 leads, the others follow it, and nothing happens by chance.
class Scenario {
 public:
  Scenario(size_t nodes, NodeOptions options);

  SimulatedNode& node(size_t index) { return *nodes_[index]; }
  SimulatedNetwork& network() { return *network_; }
  const std::optional<std::string>& violation() const { return violation_; }
  void Violate(const std::string& what) { violation_ = what; }

  void Run(int64_t ms);
  // False: it did not happen within ten seconds.
  bool RunUntil(const std::function<bool()>& done);
  // False: refused. `replicas`: how many shall acknowledge it.
  // REQUIRES: no blanks in either.
  bool Set(size_t at, const std::string& key, const std::string& value, size_t replicas = 0);
  void SetMany(size_t at, int count, const std::string& value);
  // The value at a node; "" if it has none.
  std::string Get(size_t at, const std::string& key) const;
  // From one to the other nothing arrives any more.
  void HoldBack(size_t from, size_t to) { network_->Block(from, to); }
  bool AreEqual(size_t a, size_t b) const;

 private:
  World world_;
  std::unique_ptr<SimulatedNetwork> network_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  std::optional<std::string> violation_;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_SCENARIO_H_
