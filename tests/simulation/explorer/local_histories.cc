#include "tests/simulation/explorer/local_histories.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/random.h"
#include "tests/simulation/simulated_node.h"

namespace larder::simulation {

using cluster::BootTime;
using cluster::ClusterInput;
using cluster::ClusterNode;

namespace {

constexpr size_t kMachinesMax = 20000;

std::string EndpointOf(size_t node) { return absl::StrCat("10.0.0.", node, ":17600"); }

}  // namespace

uint64_t MixHashes(uint64_t one, uint64_t other) {
  return storage::Random::Mix(storage::Random::Mix(one + 0x9e3779b97f4a7c15ULL) ^ other);
}

cluster::DurableCluster FoundedDisk(size_t node, size_t nodes) {
  cluster::DurableCluster disk;
  constexpr auto shard = cluster::ShardId(0U);
  disk.cluster = {7, 7};
  for (size_t i = 0; i < nodes; ++i) {
    cluster::Member member;
    member.node = NodeIdOf(i);
    member.generation = 1;
    member.endpoint = absl::StrCat("10.0.0.", i, ":7600");
    member.bus_endpoint = EndpointOf(i);
    member.shard = shard;
    if (i == node) disk.self = member;
    disk.members.push_back(member);
    disk.voters.voters.push_back(member.node);
  }
  std::sort(disk.voters.voters.begin(), disk.voters.voters.end());
  disk.voters.epoch = 1;
  disk.acts_under = 1;
  cluster::ShardRegister value;
  value.version = 1;
  value.epoch = {1, 0, NodeIdOf(0)};
  const cluster::Ballot ballot = cluster::Ballot().Next(NodeIdOf(0), 1);
  disk.shards[shard] = {value, ballot};
  disk.registers[cluster::RegisterKey::OfShard(shard)] = {ballot, ballot, value};
  disk.slot_map = std::make_shared<const cluster::SlotMap>(cluster::SlotMap::Even(1, 1));
  return disk;
}

LocalHistories::LocalHistories(cluster::ClusterConfig config, size_t nodes)
    : config_(std::move(config)), nodes_(nodes) {}

cluster::ClusterConfig LocalHistories::ConfigOf(size_t node) const {
  cluster::ClusterConfig config = config_;
  config.endpoint = absl::StrCat("10.0.0.", node, ":7600");
  config.bus_endpoint = EndpointOf(node);
  return config;
}

const Local* LocalHistories::Begin(size_t node, std::shared_ptr<const cluster::DurableCluster> disk,
                                   uint64_t disk_hash, cluster::Epoch fence, BootTime now) {
  const auto time = static_cast<uint64_t>(now.time_since_epoch().count());
  const uint64_t hash = MixHashes(MixHashes(disk_hash, node + 1), time);
  std::unique_ptr<Local>& begun = begun_[hash];
  if (begun == nullptr) {
    ++size_;
    begun = std::make_unique<Local>();
    begun->hash = hash;
    begun->now = now;
    begun->node = node;
    begun->disk = std::move(disk);
    begun->fence = fence;
    begun->seed = MixHashes(time, node);
    begun->shard = begun->disk->self.shard;
  }
  return begun.get();
}

std::unique_ptr<ClusterNode> LocalHistories::MachineAt(const Local* local) {
  std::vector<const Local*> missing;
  while (local->machine == nullptr && local->before != nullptr) {
    missing.push_back(local);
    local = local->before;
  }
  std::unique_ptr<ClusterNode> machine =
      local->machine != nullptr ? std::move(local->machine)
                                : std::make_unique<ClusterNode>(ConfigOf(local->node), *local->disk,
                                                                local->seed, local->now);
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    std::vector<ClusterInput> inputs;
    if ((*at)->input != nullptr) inputs.push_back(*(*at)->input);
    inputs.emplace_back((*at)->status);
    machine->Step((*at)->now, inputs);
    ++steps_again_;
  }
  return machine;
}

void LocalHistories::Keep(const Local* local, std::unique_ptr<ClusterNode> machine) {
  local->machine = std::move(machine);
  with_machines_.push_back(local);
  if (with_machines_.size() <= kMachinesMax) return;
  with_machines_.front()->machine.reset();
  with_machines_.pop_front();
}

const Local* LocalHistories::Step(const Local* local, BootTime now, uint64_t input_id,
                                  std::shared_ptr<const ClusterInput> input, uint32_t followers) {
  const auto time = static_cast<uint64_t>(now.time_since_epoch().count());
  const uint64_t event = MixHashes(MixHashes(time, input_id), followers);
  std::unique_ptr<Local>& next = local->next[event];
  if (next != nullptr) return next.get();
  ++size_;
  ++steps_;
  next = std::make_unique<Local>();
  next->hash = MixHashes(local->hash, event);
  next->before = local;
  next->node = local->node;
  next->now = now;
  next->input = std::move(input);
  cluster::DataStatus& status = next->status;
  status.position = cluster::Position{{1, 0, {1, 1}}, 100};
  status.fence = local->fence;
  status.leads = local->leads;
  status.is_held = local->plan.holds_writes;
  for (size_t other = 0; status.leads.has_value() && other < nodes_; ++other) {
    if ((followers >> other & 1) == 0) continue;
    status.replicas.push_back({NodeIdOf(other), *status.position, true});
  }
  std::unique_ptr<ClusterNode> machine = MachineAt(local);
  std::vector<ClusterInput> inputs;
  if (next->input != nullptr) inputs.push_back(*next->input);
  inputs.emplace_back(status);
  cluster::ClusterEffects effects = machine->Step(now, inputs);
  next->save = effects.save;
  next->save_number = effects.save_number;
  next->may_act_until = effects.may_act_until;
  next->shard = machine->core().shard();
  next->plan = machine->core().plan;
  next->fence = std::max(local->fence, next->plan.fence);
  if (next->plan.kind == cluster::DataPlan::Kind::kLead && next->fence <= next->plan.epoch) {
    next->fence = next->plan.epoch;
    next->leads = next->plan.epoch;
  }
  for (size_t i = 0; i < effects.sends.size(); ++i) {
    cluster::Sending& sending = effects.sends[i];
    size_t to = 0;
    while (to < nodes_ && sending.endpoint != EndpointOf(to)) ++to;
    if (to == nodes_) continue;
    next->said.push_back(
        {MixHashes(next->hash, i + 1), to,
         std::make_shared<const ClusterInput>(cluster::Received{std::move(sending.envelope)}),
         sending.after_save});
  }
  Keep(next.get(), std::move(machine));
  return next.get();
}

}  // namespace larder::simulation
