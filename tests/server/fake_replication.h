#ifndef LARDER_TESTS_SERVER_FAKE_REPLICATION_H_
#define LARDER_TESTS_SERVER_FAKE_REPLICATION_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/handlers/replication_control.h"

namespace larder::server {

// A ReplicationControl that remembers what it is asked for, and says what a test has put there. Not
// thread-safe: a test looks at it when its calls have ended.
class FakeReplication final : public ReplicationControl {
 public:
  void ReplicaOf(std::optional<std::string> bus_endpoint,
                 std::function<void(const absl::Status&)> done) override {
    asked.push_back(bus_endpoint.value_or("nobody"));
    if (holds) {
      held = std::move(done);
    } else {
      done(result);
    }
  }
  ReplicationStatus Status() const override { return status; }

  // Takes anything with a colon for an address.
  static absl::StatusOr<std::string> BusOf(std::string_view address) {
    if (address.find(':') == std::string_view::npos) {
      return absl::InvalidArgumentError("it has no port");
    }
    return absl::StrCat("bus of ", std::string(address));
  }

  static cluster::NodeId Node(uint64_t number) { return {.high = number, .low = number}; }
  static cluster::Epoch EpochOf(uint64_t term) { return {.term = term, .node = Node(1)}; }

  // A primary of two epochs whose log goes from 100 to 1000.
  static ReplicationStatus Primary() {
    ReplicationStatus status;
    status.node = Node(1);
    status.epoch = EpochOf(3);
    status.position = cluster::Position{EpochOf(3), 1000};
    status.history.Begin(EpochOf(2), 1);
    status.history.Begin(EpochOf(3), 500);
    status.has_log = true;
    status.log_bytes = 65536;
    status.log_oldest = 100;
    status.log_end = 1000;
    return status;
  }

  static ReplicaReport Follower(uint64_t node, uint64_t applied) {
    ReplicaReport replica;
    replica.link.node = Node(node);
    replica.link.endpoint = absl::StrCat("replica-", node, ":7600");
    replica.link.applied = cluster::Position{EpochOf(3), applied};
    replica.link.sent = 1000;
    replica.link.since_ack = cluster::Millis(40);
    replica.is_in_time = true;
    replica.lag = cluster::Millis(1500);
    return replica;
  }

  static ReplicaReport Copying(uint64_t node, uint64_t bytes) {
    ReplicaReport replica;
    replica.link.node = Node(node);
    replica.link.is_copying = true;
    replica.link.copied_bytes = bytes;
    return replica;
  }

  // One that has all but 10 steps of what such a primary has.
  static ReplicationStatus Replica() {
    ReplicationStatus status = Primary();
    status.node = Node(2);
    status.leads = false;
    status.position = cluster::Position{EpochOf(3), 990};
    status.source = "primary:17600";
    status.sink.follows = true;
    status.sink.is_connected = true;
    status.sink.is_following = true;
    status.sink.source = Node(1);
    status.sink.source_endpoint = "primary:7600";
    status.sink.source_epoch = EpochOf(3);
    status.sink.source_log_end = 1000;
    status.staleness = cluster::Millis(250);
    status.lag = cluster::Millis(125);
    return status;
  }

  ReplicationStatus status;
  absl::Status result;
  bool holds = false;  // ReplicaOf is not answered but by `held`
  std::function<void(const absl::Status&)> held;
  std::vector<std::string> asked;
  std::string told;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_FAKE_REPLICATION_H_
