#include <atomic>
#include <barrier>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

// Handlers under calls from several threads; also run under ThreadSanitizer.
class HandlerConcurrencyTest : public HandlerTest {
 protected:
  static constexpr int kThreads = 4;

  // All threads begin together.
  void InThreads(const std::function<void(int)>& body) {
    std::barrier start(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        body(i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
};

TEST_F(HandlerConcurrencyTest, NoIncrementIsLost) {
  constexpr int kIncrements = 2000;
  InThreads([&](int) {
    for (int i = 0; i < kIncrements; ++i) Increment({.key = "n", .delta = 1, .initial = 1});
  });
  EXPECT_EQ(Get("n").value, std::to_string(kThreads * kIncrements));
}

TEST_F(HandlerConcurrencyTest, ExactlyOneCallerIsGrantedALease) {
  for (int round = 0; round < 200; ++round) {
    const std::string key = "key" + std::to_string(round);
    std::atomic<int> granted{0};
    InThreads([&](int) {
      const auto reply = Lease({.key = key});
      if (reply.answer.kind == storage::LeaseResult::Kind::kGranted) ++granted;
    });
    ASSERT_EQ(granted, 1);
  }
}

TEST_F(HandlerConcurrencyTest, OneOfManyConditionalWritesWins) {
  for (int round = 0; round < 200; ++round) {
    const std::string key = "key" + std::to_string(round);
    const uint64_t version = Set(key, "old").answer.result.version;
    std::atomic<int> stored{0};
    InThreads([&](int) {
      const auto reply =
          Set({.key = key,
               .value = "new",
               .condition = {.kind = ConditionView::Kind::kIfVersion, .version = version}});
      if (reply.answer.result.outcome == storage::SetResult::Outcome::kStored) ++stored;
    });
    ASSERT_EQ(stored, 1);
  }
}

TEST_F(HandlerConcurrencyTest, ReadsSeeWholeValuesWhileEverythingElseHappens) {
  constexpr int kRounds = 1500;
  InThreads([&](int thread) {
    for (int i = 0; i < kRounds; ++i) {
      const std::string key = "key" + std::to_string(i % 17);
      const std::string value(static_cast<size_t>(1 + i % 300), static_cast<char>('a' + thread));
      Set({.key = key, .value = value, .ttl = WireDuration{0, 2000000}});
      const auto get = Get(key);
      if (get.answer.found) {
        const std::string& seen = *get.value;
        ASSERT_EQ(seen, std::string(seen.size(), seen.front()));
      }
      const std::vector<GetView> items(3, GetView{.key = key});
      RecordingMultiGet multi;
      MultiKeyProgress multi_progress;
      multi_key_.MultiGet(items, multi_progress, multi);
      ASSERT_EQ(multi.items.size(), 3u);
      if (i % 50 == 0) Scan({.limit = 5});
      if (i % 7 == thread) Delete({.key = key, .serve_stale_for = WireDuration{0, 1000000}});
      if (thread == 0) {
        time_.Advance(storage::Millis(1));
        keyspace_.get()->Expire(time_.Now(), 10);
      }
    }
  });
}

}  // namespace
}  // namespace larder::server
