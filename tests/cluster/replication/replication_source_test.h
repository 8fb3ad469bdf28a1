#ifndef LARDER_TESTS_CLUSTER_REPLICATION_REPLICATION_SOURCE_TEST_H_
#define LARDER_TESTS_CLUSTER_REPLICATION_REPLICATION_SOURCE_TEST_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cluster/replication/replication_source.h"
#include "tests/simulation/model_feed.h"
#include "tests/simulation/model_keyspace.h"

namespace larder::cluster {

using simulation::ModelFeed;
using simulation::ModelKeyspace;
using simulation::ModelRecord;

inline constexpr NodeId kSelf{1, 0};
inline constexpr NodeId kReplica{2, 0};
inline constexpr NodeId kOther{3, 0};
inline constexpr Epoch kEpoch{2, 0, kSelf};
inline constexpr LinkId kLink{1};

inline BootTime At(int64_t ms) { return BootTime(Millis(ms)); }

// A primary with some data and a log of 100, and replicas that are a test's to play.
class ReplicationSourceTest : public testing::Test {
 protected:
  explicit ReplicationSourceTest(SourceOptions options = SmallOptions())
      : state_(kSelf, {}, std::nullopt),
        source_(std::move(options), &state_),
        keyspace_(100, {}),
        feed_(&keyspace_) {
    source_.OpenEmpty(kEpoch, 1);
    condition_.now = At(0);
  }

  static SourceOptions SmallOptions() {
    SourceOptions options;
    options.replicas_max = 2;
    options.chunk_bytes = 100;
    options.copy_log_bytes = 20;
    options.chunk_cost = 0;
    options.install_lag_bytes = 40;
    return options;
  }
  void Set(const std::string& key, size_t bytes = 8) {
    ModelRecord record;
    record.key = key;
    record.slot = ModelKeyspace::SlotOf(key);
    record.value = std::string(bytes, 'v');
    keyspace_.Commit(std::move(record), true);
  }
  void SetMany(int count) {
    for (int i = 0; i < count; ++i) Set(absl::StrCat("k", i));
  }
  static Hello HelloOf(NodeId node) {
    Hello hello;
    hello.node = node;
    return hello;
  }
  Hello HelloAt(NodeId node, Epoch epoch, uint64_t sequence) {
    Hello hello = HelloOf(node);
    hello.position = {epoch, sequence};
    hello.history.Begin(epoch, 1);
    hello.fence = epoch;
    return hello;
  }
  Outgoing Next(LinkId link = kLink) { return source_.Next(link, &feed_, 100, condition_); }
  Outgoing Greet(Hello hello, LinkId link = kLink) {
    source_.Connect(link, condition_.now);
    EXPECT_TRUE(source_.Receive(link, std::move(hello), condition_.now).ok());
    return Next(link);
  }
  Welcome::Kind Kind(const Outgoing& outgoing) { return Of<Welcome>(outgoing).kind; }
  template <typename Message>
  Message Of(const Outgoing& outgoing) {
    if (outgoing.message.has_value()) {
      if (const Message* message = std::get_if<Message>(&*outgoing.message)) return *message;
      ADD_FAILURE() << MessageText(*outgoing.message);
    } else {
      ADD_FAILURE() << "no message";
    }
    return Message();
  }
  void ExpectRefused(Hello hello, Refuse::Reason reason, LinkId link = kLink) {
    const Outgoing outgoing = Greet(std::move(hello), link);
    EXPECT_EQ(Of<Refuse>(outgoing).reason, reason) << Of<Refuse>(outgoing).detail;
    EXPECT_EQ(outgoing.close, CloseReason::kRefused);
    EXPECT_FALSE(Of<Refuse>(outgoing).detail.empty());
  }
  absl::Status Acknowledge(uint64_t sequence, LinkId link = kLink) {
    return source_.Receive(link, Ack{.applied = Position{kEpoch, sequence}}, condition_.now);
  }
  // Sends all there is to send.
  void Drain(LinkId link = kLink) {
    while (Next(link).message.has_value()) {
    }
  }

  ReplicationState state_;
  ReplicationSource source_;
  ModelKeyspace keyspace_;
  ModelFeed feed_;
  SourceCondition condition_;
};

}  // namespace larder::cluster

#endif  // LARDER_TESTS_CLUSTER_REPLICATION_REPLICATION_SOURCE_TEST_H_
