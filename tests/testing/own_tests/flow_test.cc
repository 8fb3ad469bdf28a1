#include "tests/testing/link_proxy/flow.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/testing/link_proxy/link_command.h"

namespace larder::link_proxy {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1000 * kMillisecond;

std::string TakeDue(Flow& flow, int64_t now) {
  std::string taken;
  for (std::string_view due = flow.Due(now); !due.empty(); due = flow.Due(now)) {
    taken += due;
    flow.Sent(due.size());
  }
  return taken;
}

TEST(FlowTest, WhatComesIsDueAtOnce) {
  Flow flow;
  flow.Push("hello", 5);
  EXPECT_EQ(flow.Due(5), "hello");
  flow.Sent(2);
  EXPECT_EQ(flow.Due(5), "llo");
  flow.Sent(3);
  EXPECT_EQ(flow.NextDue(), -1);
  EXPECT_FALSE(flow.IsFinished());
  flow.PushEnd();
  EXPECT_TRUE(flow.IsFinished());
}

TEST(FlowTest, ADelayPutsNothingOutOfOrder) {
  Flow flow;
  flow.SetRule({.delay_ns = 10 * kMillisecond});
  flow.Push("slow", 0);
  EXPECT_EQ(TakeDue(flow, 9 * kMillisecond), "");
  EXPECT_EQ(flow.NextDue(), 10 * kMillisecond);
  flow.SetRule({});
  flow.Push(" fast", kMillisecond);
  EXPECT_EQ(TakeDue(flow, 2 * kMillisecond), "");
  EXPECT_EQ(TakeDue(flow, 10 * kMillisecond), "slow fast");
}

TEST(FlowTest, ABandwidthLetsSoManyBytesThroughInASecond) {
  Flow flow;
  flow.SetRule({.bytes_per_second = 1000});
  flow.Push(std::string(3000, 'b'), 0);
  EXPECT_EQ(TakeDue(flow, kSecond).size(), 1000u);
  EXPECT_EQ(TakeDue(flow, kSecond + 500 * kMillisecond).size(), 500u);
  EXPECT_EQ(TakeDue(flow, 3 * kSecond).size(), 1500u);
}

TEST(FlowTest, NoMoreIsTakenThanMayWait) {
  Flow flow;
  flow.SetRule({.delay_ns = kSecond});
  flow.Push(std::string(Flow::kWaitingBytesMax, 'b'), 0);
  EXPECT_FALSE(flow.WantsInput());
  flow.Sent(flow.Due(kSecond).size());
  EXPECT_TRUE(flow.WantsInput());
}

TEST(FlowTest, ACutComesAfterWhatPassedBeforeItWasSent) {
  Flow flow;
  flow.Push("12", 0);
  TakeDue(flow, 0);
  flow.Arm({LinkFault::Kind::kReset, LinkFault::Unit::kBytes, 3});
  flow.Push("3456789", 0);
  EXPECT_EQ(flow.Fired(), LinkFault::Kind::kNone);
  EXPECT_FALSE(flow.WantsInput());
  EXPECT_EQ(TakeDue(flow, 0), "345");
  EXPECT_EQ(flow.Fired(), LinkFault::Kind::kReset);
  EXPECT_EQ(flow.passed().bytes(), 5u);
}

TEST(FlowTest, AStallHoldsWhatComesUntilItIsHealed) {
  Flow flow;
  flow.Arm({LinkFault::Kind::kStall, LinkFault::Unit::kBytes, 2});
  flow.Push("1234", 0);
  EXPECT_EQ(TakeDue(flow, 0), "12");
  EXPECT_TRUE(flow.is_stalled());
  EXPECT_FALSE(flow.WantsInput());
  flow.Heal(5);
  EXPECT_EQ(TakeDue(flow, 5), "34");
  EXPECT_TRUE(flow.WantsInput());
}

TEST(FlowTest, AStallAtOnce) {
  Flow flow;
  flow.Arm({LinkFault::Kind::kStall, LinkFault::Unit::kNow, 0});
  EXPECT_TRUE(flow.is_stalled());
}

TEST(LinkCommandTest, Commands) {
  const auto set = ParseLinkCommand("set both delay=20 bandwidth=0");
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(set->forward && set->backward);
  EXPECT_EQ(set->delay_ns, 20 * kMillisecond);
  EXPECT_EQ(set->bytes_per_second, 0u);
  const auto cut = ParseLinkCommand("cut backward reset messages=7 once");
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE(!cut->forward && cut->backward);
  EXPECT_EQ(cut->fault.kind, LinkFault::Kind::kReset);
  EXPECT_EQ(cut->fault.unit, LinkFault::Unit::kMessages);
  EXPECT_EQ(cut->fault.after, 7u);
  EXPECT_TRUE(cut->fault.is_once);
  for (const char* word : {"heal", "stats", "quit", "refuse", "accept"}) {
    EXPECT_TRUE(ParseLinkCommand(word).ok()) << word;
  }
}

TEST(LinkCommandTest, WhatIsWrongIsNamed) {
  const auto problem = [](const char* line) {
    return std::string(ParseLinkCommand(line).status().message());
  };
  EXPECT_EQ(problem(""), "'' is not set, cut, refuse, accept, heal, stats or quit");
  EXPECT_EQ(problem("cut sideways close"), "'sideways' is not forward, backward or both");
  EXPECT_EQ(problem("cut both"), "'' is not close, reset or stall");
  EXPECT_EQ(problem("cut both close bytes=x"),
            "'bytes=x' is not bytes=N, frames=N, messages=N or once");
  EXPECT_EQ(problem("set both delay=600001"),
            "'delay=600001' is not delay=0..600000 (ms) or bandwidth=0..2^40 (bytes a second, 0: "
            "any)");
  EXPECT_EQ(problem("stats now"), "'now' is not needed: the command takes no more words");
}

}  // namespace
}  // namespace larder::link_proxy
