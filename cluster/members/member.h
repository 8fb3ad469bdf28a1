#ifndef LARDER_CLUSTER_MEMBERS_MEMBER_H_
#define LARDER_CLUSTER_MEMBERS_MEMBER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "cluster/registers/protocol_fault.h"
#include "cluster/registers/shard_register.h"
#include "cluster/replication/node_id.h"

namespace larder::cluster {

// What is known of a node, as it says itself, but for `admissions`, `is_forgotten` and `is_failed`.
// Of two records of a node the one that supersedes the other is true, whoever brings it.
struct Member {
  NodeId node;
  // How often an operator has let it in again after it was forgotten.
  uint64_t admissions = 0;
  bool is_forgotten = false;     // it is out for good: nobody talks to it
  uint64_t generation = 0;       // raised by the node at each start and with each change
  bool is_failed = false;        // FAIL: a majority of the voters held this generation for dead
  std::string endpoint;          // where clients reach it
  std::string bus_endpoint;      // where nodes do
  std::string zone;              // empty: none
  bool no_failover = false;      // it never stands for election
  std::optional<ShardId> shard;  // absent: none yet

  friend bool operator==(const Member&, const Member&) = default;
  bool Supersedes(const Member& other) const {
    if (admissions != other.admissions) return admissions > other.admissions;
    if (is_forgotten != other.is_forgotten && !HasFault(ProtocolFault::kForgetDoesNotHold)) {
      return is_forgotten;
    }
    if (generation != other.generation) return generation > other.generation;
    // What its founding gave a node it may have yet to hear of.
    if (shard.has_value() != other.shard.has_value()) return shard.has_value();
    return is_failed && !other.is_failed;
  }
};

// FAIL without the record, for those who have it.
struct FailMark {
  NodeId node;
  uint64_t admissions = 0;
  uint64_t generation = 0;
  friend bool operator==(const FailMark&, const FailMark&) = default;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_MEMBERS_MEMBER_H_
