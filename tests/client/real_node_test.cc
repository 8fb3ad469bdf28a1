#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "client/client.h"
#include "tests/client/real_node_fixture.h"
#include "tests/client/transports.h"

namespace larder {

const char kLarderd[] = LARDERD;

namespace {

using ::testing::HasSubstr;

TEST_P(RealNodeTest, HotCallsAndTheirErrors) {
  StartNode();
  const auto client = Connect({.connections = 2});
  const std::string large((size_t{4} << 20) - (64 << 10), 'x');
  ASSERT_TRUE(client->Set("large", large).ok());
  EXPECT_TRUE(client->Get("large")->value == large);
  ASSERT_TRUE(client->Set("k", "v", {.ttl = absl::Hours(1), .flags = 3}).ok());
  const absl::StatusOr<GetResult> get = client->Get("k");
  ASSERT_TRUE(get.ok() && get->found) << get.status();
  EXPECT_EQ(get->value, "v");
  EXPECT_EQ(get->flags, 3u);
  EXPECT_NE(get->expires_at, absl::InfiniteFuture());
  const absl::StatusOr<MultiGetResult> gets = client->MultiGet({"k", "none", "large", ""});
  ASSERT_TRUE(gets.ok()) << gets.status();
  EXPECT_EQ((*gets)[0]->value, "v");
  EXPECT_FALSE((*gets)[1]->found);
  EXPECT_EQ((*gets)[2]->value.size(), large.size());
  EXPECT_EQ((*gets)[3].status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(client->Delete("k")->deleted);
  EXPECT_FALSE(client->Get("k")->found);
  const absl::Status refused = client->Set(std::string(20000, 'k'), "v").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Set: key"));
  EXPECT_TRUE(client->Ping()->serving);
}

TEST_P(RealNodeTest, CallsInFlightFailWhenTheNodeIsKilledAndANewOneIsFound) {
  StartNode();
  const auto client = Connect({.retry = {.attempts_max = 1}});
  ASSERT_TRUE(client->Set("k", "v").ok());
  StopNode();  // so that no call is answered
  constexpr int kCalls = 50;
  std::atomic<int> unavailable{0};
  std::atomic<int> ended{0};
  std::promise<void> all;
  for (int i = 0; i < kCalls; ++i) {
    client->GetAsync("k", {}, [&](absl::StatusOr<GetResult> result) {
      unavailable += absl::IsUnavailable(result.status()) ? 1 : 0;
      if (++ended == kCalls) all.set_value();
    });
  }
  Signal(SIGKILL);
  all.get_future().wait();
  EXPECT_EQ(unavailable, kCalls);
  node_.reset();
  StartNode();
  absl::Status status;
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  do {
    status = client->Get("k").status();
  } while (absl::IsUnavailable(status) && absl::Now() < give_up);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_P(RealNodeTest, ANodeThatStandsStillRunsCallsIntoTheirDeadlines) {
  StartNode();
  const auto client = Connect();
  ASSERT_TRUE(client->Set("k", "v").ok());
  StopNode();
  EXPECT_EQ(client->Get("k", {.deadline = absl::Milliseconds(50)}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  Signal(SIGCONT);
  EXPECT_EQ(client->Get("k")->value, "v");
}

TEST_P(RealNodeTest, RetriesOutlastARestart) {
  StartNode();
  ExpectRetriesOutlast({}, [&] { StartNode(); });
}

TEST_P(RealNodeTest, AConnectionTooManyIsUnavailable) {
  StartNode({"--max_connections=1"});
  const auto first = Connect({.retry = {.attempts_max = 1}});
  // The connection that looked whether the node is ready may be counted for a while.
  absl::Status status;
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  do {
    status = first->Set("k", "v").status();
  } while (absl::IsUnavailable(status) && absl::Now() < give_up);
  ASSERT_TRUE(status.ok()) << status;
  const auto second = Connect({.retry = {.attempts_max = 1}});
  status = second->Get("k").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  if (GetParam() == ClientOptions::Transport::kNative) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("max_connections"));
  }
  EXPECT_TRUE(first->Get("k").ok());
}

INSTANTIATE_TEST_SUITE_P(Transports, RealNodeTest, testing::kTransports, testing::TransportName);

}  // namespace
}  // namespace larder
