#include "server/transport/inflight_limit.h"

#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

constexpr absl::Duration kRetryAfter = absl::Milliseconds(100);

// How many more requests there is room for; takes them.
uint64_t Fill(InflightLimit& limit) {
  uint64_t entered = 0;
  while (limit.Enter().ok()) ++entered;
  return entered;
}

void Leave(InflightLimit& limit, uint64_t requests) {
  for (uint64_t i = 0; i < requests; ++i) limit.Leave();
}

TEST(InflightLimitTest, RefusesOneMoreUntilOneLeaves) {
  InflightLimit limit(2, kRetryAfter);
  EXPECT_TRUE(limit.Enter().ok());
  EXPECT_TRUE(limit.Enter().ok());
  const absl::Status refused = limit.Enter();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("--max_inflight"));
  EXPECT_EQ(RetryHintOf(refused), kRetryAfter);
  EXPECT_EQ(limit.current(), 2u);
  limit.Leave();
  EXPECT_TRUE(limit.Enter().ok());
}

TEST(InflightLimitTest, ErrorsNameWhatIsCounted) {
  InflightLimit limit(0, absl::ZeroDuration(), {.requests = "guests", .flag = "--max_guests"});
  EXPECT_EQ(limit.Enter().message(),
            "the node is overloaded: it serves 0 guests already (--max_guests)");
}

TEST(InflightLimitTest, AdmitsAsManyAsTheBoundWhateverItIs) {
  for (const uint64_t requests_max : {1, 2, 16, 17, 18, 33, 100, 1000}) {
    InflightLimit limit(requests_max, kRetryAfter);
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(Fill(limit), requests_max);
      EXPECT_EQ(limit.current(), requests_max);
      Leave(limit, requests_max);
      EXPECT_EQ(limit.current(), 0u);
    }
  }
}

TEST(InflightLimitTest, WhatOtherThreadsLeftBehindIsFree) {
  InflightLimit limit(40, kRetryAfter);
  for (int i = 0; i < 8; ++i) {
    std::thread([&limit] { Leave(limit, Fill(limit)); }).join();
    EXPECT_EQ(limit.current(), 0u);
  }
  EXPECT_EQ(Fill(limit), 40u);
}

TEST(InflightLimitTest, ALowerBoundAdmitsNoneUntilThereAreFewer) {
  InflightLimit limit(100, kRetryAfter);
  ASSERT_EQ(Fill(limit), 100u);
  Leave(limit, 20);
  limit.SetRequestsMax(70);
  for (uint64_t served = 80; served >= 70; --served) {
    EXPECT_EQ(limit.current(), served);
    EXPECT_FALSE(limit.Enter().ok()) << served;
    limit.Leave();
  }
  EXPECT_EQ(limit.current(), 69u);
  EXPECT_EQ(Fill(limit), 1u);
  limit.SetRequestsMax(71);
  EXPECT_EQ(Fill(limit), 1u);
}

TEST(InflightLimitTest, ThreadsAreNeverMoreThanTheBoundAndLoseNoPlace) {
  for (const int requests_max : {1, 7, 40, 200}) {
    InflightLimit limit(static_cast<uint64_t>(requests_max), kRetryAfter);
    std::atomic<int> served{0};
    std::atomic<int> excess{0};
    std::atomic<int> admitted{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 3000; ++i) {
          // As many at a time as one thread has of a connection that brings much.
          int entered = 0;
          for (int wanted = 1 + (i + thread) % 60; wanted > 0 && limit.Enter().ok(); --wanted) {
            ++entered;
            if (served.fetch_add(1) >= requests_max) excess.fetch_add(1);
          }
          admitted.fetch_add(entered);
          for (; entered > 0; --entered) {
            served.fetch_sub(1);
            limit.Leave();
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(excess.load(), 0) << requests_max;
    EXPECT_GT(admitted.load(), 0) << requests_max;
    EXPECT_EQ(limit.current(), 0u);
    EXPECT_EQ(Fill(limit), static_cast<uint64_t>(requests_max));
  }
}

TEST(InflightLimitTest, RequestsMayLeaveOnAnotherThread) {
  InflightLimit limit(50, kRetryAfter);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Fill(limit), 50u);
    std::thread([&limit] { Leave(limit, 50); }).join();
    EXPECT_EQ(limit.current(), 0u);
  }
}

}  // namespace
}  // namespace larder::server
