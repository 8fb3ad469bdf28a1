#ifndef LARDER_TESTS_SERVER_REPLICATION_REPLICATION_PAIR_TEST_H_
#define LARDER_TESTS_SERVER_REPLICATION_REPLICATION_PAIR_TEST_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

#include "cluster/hash_slot.h"
#include "tests/server/replication/replica_pair.h"

namespace larder::server {

// Nodes without threads, in a time that the test lets pass.
class ReplicationPairTest : public testing::Test {
 protected:
  storage::TimePoint Now() const {
    return storage::TimePoint(storage::Millis(1700000000000) + (now_ - cluster::BootTime()));
  }

  void WriteRandomly(ReplicaNode& node, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = "key" + std::to_string(random_() % 3000);
      const storage::KeyRef ref{cluster::HashSlot(key), key};
      storage::Keyspace& keyspace = node.keyspace();
      switch (random_() % 12) {
        case 0:
          static_cast<void>(keyspace.Delete(ref, {}, Now()));
          break;
        case 1:
          static_cast<void>(
              keyspace.Delete(ref, {.stale_until = Now() + storage::Millis(500)}, Now()));
          break;
        case 2:
          static_cast<void>(
              keyspace.Touch(ref, Now() + storage::Millis(random_() % 1000 + 1), Now()));
          break;
        case 3:
          static_cast<void>(keyspace.Append(ref, "more", {}, Now()));
          break;
        case 4:
          if (random_() % 50 == 0) static_cast<void>(keyspace.FlushSlot(ref.slot, Now()));
          break;
        case 5:
          keyspace.Expire(Now(), 20);
          break;
        default:
          static_cast<void>(
              keyspace.Set(ref, std::string(random_() % 400, 'v') + std::to_string(++writes_),
                           {.flags = static_cast<uint32_t>(random_() % 3)}, Now()));
      }
    }
  }
  void Advance(int ms) { now_ += cluster::Millis(ms); }

  void Settle(FollowedStream& stream, ReplicaNode& source, ReplicaNode& replica) {
    for (int i = 0; i < 20000; ++i) {
      Advance(20);
      stream.Step(now_, Now(), 50);
      if (replica.sink.Report().is_following &&
          replica.state.sequence() == source.log.get()->position())
        return;
    }
    FAIL() << "never caught up: " << replica.sink.Report().detail << stream.last_failure_;
  }

  // The primary opens its log, and the replica begins to follow it by the stream that comes back.
  FollowedStream LeadAndFollow(ReplicaNode& primary, ReplicaNode& replica) {
    primary.Lead();
    replica.Follow(now_);
    return FollowedStream(&primary, &replica);
  }
  // Likewise, and the replica has all that the primary has.
  FollowedStream LeadAndSettle(ReplicaNode& primary, ReplicaNode& replica) {
    FollowedStream stream = LeadAndFollow(primary, replica);
    Settle(stream, primary, replica);
    return stream;
  }

  std::mt19937_64 random_{7};
  uint64_t writes_ = 0;
  cluster::BootTime now_{cluster::Millis(1000000)};
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_REPLICATION_REPLICATION_PAIR_TEST_H_
