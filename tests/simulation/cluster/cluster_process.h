#ifndef LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_PROCESS_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/node/cluster_node.h"
#include "storage/random.h"
#include "tests/simulation/cluster/data_side.h"
#include "tests/simulation/event_queue.h"

namespace larder::simulation {

struct ProcessOptions {
  cluster::ClusterConfig config;
  Millis save_min{1};  // what a save takes
  Millis save_max{3};
  // How fast its clock goes: 1000 is right, 900 to 1100 may be.
  int64_t clock_permille = 1000;
  Millis clock_begin{0};
  Millis step_delay_max{0};  // each message and tick is looked at so much later, by chance
};

// A process with a ClusterNode, its disk and its data, in simulated time. What the real driver
// would do is done here: steps, saves in their order, sends behind them.
class ClusterProcess {
 public:
  using Send = std::function<void(const cluster::Sending& sending)>;
  using OnStep = std::function<void(const cluster::ClusterEffects& effects)>;

  ClusterProcess(ProcessOptions options, cluster::DurableCluster disk, uint64_t seed,
                 EventQueue* events, DataSide* data, Send send, OnStep on_step);

  void Start();
  // What was being written is not there.
  void Crash();
  void Pause();
  void Resume();
  // Saves begun take until it ends.
  void set_disk_hangs(bool hangs);
  // As the shell's watchdog says of disk and data plane.
  void set_is_well(bool well) { is_well_ = well; }
  void set_step_delay_max(Millis delay) { options_.step_delay_max = delay; }

  // From the next start on.
  void set_addresses(const std::string& endpoint, const std::string& bus_endpoint,
                     std::vector<std::string> seeds) {
    options_.config.endpoint = endpoint;
    options_.config.bus_endpoint = bus_endpoint;
    options_.config.seeds = std::move(seeds);
  }

  void Receive(cluster::ClusterInput input);
  bool is_running() const { return node_ != nullptr; }
  bool is_paused() const { return is_paused_; }
  // REQUIRES: is_running().
  const cluster::ClusterNode& node() const { return *node_; }
  cluster::NodeId id() const { return disk_.self.node; }
  const cluster::DurableCluster& disk() const { return disk_; }
  const ProcessOptions& options() const { return options_; }
  cluster::BootTime BootNow() const;
  // It would take a write, or answer a plain read, now.
  bool MayAct() const;
  // Of this process until now, on this machine: nanoseconds in Step.
  uint64_t step_nanoseconds() const { return step_nanoseconds_; }
  uint64_t steps() const { return steps_; }

 private:
  struct Save {
    uint64_t number;
    std::shared_ptr<const cluster::DurableCluster> state;
  };

  void Tick();
  void Later(Millis delay, std::function<void()> what);
  void Step(std::vector<cluster::ClusterInput> inputs);
  void SaveNext();
  void SendReady();

  ProcessOptions options_;
  cluster::DurableCluster disk_;
  storage::Random random_;
  EventQueue* const events_;
  DataSide* const data_;
  const Send send_;
  const OnStep on_step_;
  std::unique_ptr<cluster::ClusterNode> node_;
  uint64_t process_number_ = 0;
  bool is_paused_ = false;
  bool disk_hangs_ = false;
  bool is_well_ = true;
  std::vector<cluster::ClusterInput> waiting_;  // while it is paused
  std::optional<Save> to_save_;
  bool is_saving_ = false;
  uint64_t saved_ = 0;
  std::deque<cluster::Sending> outbox_;
  std::optional<cluster::BootTime> may_act_until_;
  uint64_t step_nanoseconds_ = 0;
  uint64_t steps_ = 0;
};

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_CLUSTER_PROCESS_H_
