#ifndef LARDER_TESTS_SERVER_REPLICATION_THREADED_NODE_H_
#define LARDER_TESTS_SERVER_REPLICATION_THREADED_NODE_H_

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/hash_slot.h"
#include "server/replication/boot_clock.h"
#include "server/replication/replicator.h"
#include "tests/server/replication/local_streams.h"
#include "tests/server/replication/replica_pair.h"

namespace larder::server {

class WallTime final : public TimeSource {
 public:
  storage::TimePoint Now() const override {
    return std::chrono::time_point_cast<storage::Millis>(std::chrono::system_clock::now());
  }
};

// A node with its thread, in one process with others.
class ThreadedNode {
 public:
  ThreadedNode(uint32_t number, LocalNetwork* network,
               const cluster::DurableReplication& recovered = {},
               std::chrono::microseconds log_rest = ReplicatorOptions().log_rest)
      : number_(number),
        network_(*network),
        options_{.memory_bytes = 64 * kMi,
                 .stripes = 4,
                 .hash_secret = {{number, 2, 3, 4}},
                 .authority = &authority_},
        versions_(number),
        served_(storage::Keyspace::Create(options_, &versions_).value()),
        replicator_(
            {.keyspace = options_,
             .log_bytes = 4 * kMi,
             .log_rest = log_rest,
             .seed = number,
             .node = cluster::NodeId{0, number},
             .recovered = recovered,
             .restart_wait = cluster::Millis(0)},
            {.served = &served_,
             .versions = &versions_,
             .time = &time_,
             .authority = &authority_,
             .open_stream = network->Opener(),
             .persist =
                 [this](const cluster::DurableReplication& state) {
                   if (disk_fails_.load()) return absl::UnavailableError("no disk");
                   durable_fence_ = state.fence;
                   return absl::OkStatus();
                 },
             .persist_source = [](const std::string&) { return absl::OkStatus(); },
             .acks = &acks_,
             .held_writes = &held_writes_,
             .replicated = &replicated_,
             .on_leader = [this](const Leader& leader) { leader_ = leader; },
             .on_shard_time = [](storage::TimePoint) {},
             .retire =
                 [this](std::unique_ptr<storage::Keyspace> old) {
                   retired_.push_back(std::move(old));
                 },
             .on_notice =
                 [this](const ReplicationNotice& notice) { notices_.push_back(notice.text); }}) {
    network->Add(std::to_string(number), &replicator_);
  }
  ~ThreadedNode() {
    network_.Remove(std::to_string(number_));
    replicator_.Stop();
  }

  absl::Status ReplicaOf(std::optional<std::string> endpoint) {
    std::promise<absl::Status> done;
    replicator_.ReplicaOf(std::move(endpoint),
                          [&done](absl::Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
  ReplicationStatus Report() {
    std::promise<ReplicationStatus> report;
    replicator_.Report([&report](ReplicationStatus taken) { report.set_value(std::move(taken)); });
    return report.get_future().get();
  }
  bool Set(const std::string& key, const std::string& value) {
    return served_.get()->Set({cluster::HashSlot(key), key}, value, {}, time_.Now()).ok();
  }
  // Random changes, until one is refused.
  void Write(uint64_t seed, int count) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(random() % 5000);
      const storage::KeyRef ref{cluster::HashSlot(key), key};
      if (random() % 5 == 0) {
        static_cast<void>(served_.get()->Delete(ref, {}, time_.Now()));
      } else if (!Set(key, std::string(random() % 300, 'v') + std::to_string(i))) {
        return;
      }
    }
  }
  void AlsoAt(const std::string& name) { network_.Add(name, &replicator_); }
  void SetDiskFails(bool fails) { disk_fails_.store(fails); }
  // What is on disk.
  cluster::Epoch DurableFence() {
    Report();  // behind what was posted before
    return durable_fence_;
  }
  ReplicaAcks& acks() { return acks_; }
  HeldWrites& held_writes() { return held_writes_; }
  const ReplicatedData& replicated() const { return replicated_; }
  std::vector<std::string> Notices() {
    Report();  // as above
    return notices_;
  }
  // Who answers, as the node was told. Absent: it was not told yet.
  std::optional<Leader> ToldLeader() {
    Report();
    return leader_;
  }
  Replicator& replicator() { return replicator_; }
  Content content() const { return ContentOf(*served_.get()); }

 private:
  const uint32_t number_;
  LocalNetwork& network_;
  NodeAuthority authority_;
  WallTime time_;
  storage::KeyspaceOptions options_;
  storage::HybridClock versions_;
  ServedKeyspace served_;
  ReplicaAcks acks_;
  HeldWrites held_writes_;
  ReplicatedData replicated_{BootTimeNow};
  std::vector<std::unique_ptr<storage::Keyspace>> retired_;
  std::atomic<bool> disk_fails_ = false;
  cluster::Epoch durable_fence_;  // the replicator's thread's, as the next
  std::vector<std::string> notices_;
  std::optional<Leader> leader_;
  Replicator replicator_;
};

// Both have the same. The test's own time limit ends this if it never happens.
inline void Settle(ThreadedNode& source, ThreadedNode& replica) {
  while (true) {
    const ReplicationStatus from = source.Report();
    const ReplicationStatus to = replica.Report();
    if (to.sink.is_following && to.position.has_value() && from.has_log &&
        to.position->sequence == from.log_end) {
      return;
    }
    std::this_thread::yield();
  }
}

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_REPLICATION_THREADED_NODE_H_
