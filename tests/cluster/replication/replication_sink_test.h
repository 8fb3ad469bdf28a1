#ifndef LARDER_TESTS_CLUSTER_REPLICATION_REPLICATION_SINK_TEST_H_
#define LARDER_TESTS_CLUSTER_REPLICATION_REPLICATION_SINK_TEST_H_

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "cluster/replication/replication_sink.h"

namespace larder::cluster {

inline BootTime At(int64_t ms) { return BootTime(Millis(ms)); }

inline History Of(std::vector<History::Beginning> beginnings) {
  return *History::Create({.beginnings = std::move(beginnings)});
}

// A replica with data up to 100, or none, that has greeted its source.
class ReplicationSinkTest : public testing::Test {
 protected:
  static constexpr NodeId kSelf{1, 0};
  static constexpr NodeId kPrimary{2, 0};
  static constexpr Epoch kEpoch{1, 0, kPrimary};

  explicit ReplicationSinkTest(bool has_data = true)
      : state_(kSelf, {kEpoch, Of({{kEpoch, 1}}), false},
               has_data ? std::optional<uint64_t>(100) : std::nullopt),
        sink_({.retry_slowly = Millis(10000)}, &state_, 1) {
    sink_.Follow(true, At(0));
    Connect(0);
  }

  void Connect(int64_t now) {
    sink_.Tick(At(now));
    ASSERT_TRUE(sink_.TakeEffects().connect);
    sink_.OnConnected(At(now));
    const SinkEffects effects = sink_.TakeEffects();
    ASSERT_EQ(effects.sends.size(), 1u);
    hello_ = std::get<Hello>(effects.sends[0]);
  }
  static Welcome ToContinue(uint64_t from) {
    Welcome welcome;
    welcome.node = kPrimary;
    welcome.epoch = kEpoch;
    welcome.history = Of({{kEpoch, 1}});
    welcome.from = from;
    welcome.chain = {kPrimary};
    return welcome;
  }
  static Welcome ToCopy(uint64_t from) {
    Welcome welcome = ToContinue(from);
    welcome.kind = Welcome::Kind::kCopyAnew;
    welcome.copy_id = 5;
    return welcome;
  }
  SinkEffects Receive(SourceMessage message, int64_t now = 1) {
    sink_.Receive(std::move(message), At(now));
    return sink_.TakeEffects();
  }
  void Save() {
    if (const auto unsaved = state_.Unsaved(); unsaved.has_value()) state_.NoteSaved(*unsaved);
  }
  void ExpectDropped(SourceMessage message, SinkTrouble trouble) {
    const uint64_t sequence = state_.sequence();
    const SinkEffects effects = Receive(std::move(message));
    EXPECT_TRUE(effects.disconnect);
    EXPECT_TRUE(effects.sends.empty());
    EXPECT_TRUE(effects.work.empty());
    EXPECT_EQ(sink_.Report().trouble, trouble) << sink_.Report().detail;
    EXPECT_EQ(state_.sequence(), sequence);
  }
  static std::optional<Ack> LastAck(const SinkEffects& effects) {
    if (effects.sends.empty()) return std::nullopt;
    return std::get<Ack>(effects.sends.back());
  }

  ReplicationState state_;
  ReplicationSink sink_;
  Hello hello_;
};

}  // namespace larder::cluster

#endif  // LARDER_TESTS_CLUSTER_REPLICATION_REPLICATION_SINK_TEST_H_
