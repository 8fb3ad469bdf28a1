// Threads on one keyspace, for tsan and for what must hold between threads.

#include <atomic>
#include <thread>
#include <vector>

#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

constexpr int kThreads = 4;

void InThreads(const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(KeyspaceTest, NoIncrementIsLost) {
  InThreads([&](int) {
    for (int i = 0; i < 5000; ++i) {
      const auto result = keyspace_->Increment(Ref("n"), {.delta = 1, .initial = 1}, now_);
      ASSERT_TRUE(result.ok()) << result.status();
    }
  });
  EXPECT_EQ(Get("n"), std::to_string(kThreads * 5000));
}

TEST_F(KeyspaceTest, ExactlyOneOfManyCompareAndSwapsWins) {
  for (int round = 0; round < 200; ++round) {
    SetOptions options;
    options.condition = {.kind = Condition::Kind::kIfVersion, .version = Put("k", "0")};
    std::atomic<int> stored{0};
    InThreads([&](int thread) {
      const auto result = Set("k", std::to_string(thread), options);
      if (result->outcome == SetResult::Outcome::kStored) ++stored;
    });
    ASSERT_EQ(stored, 1);
  }
}

TEST_F(KeyspaceTest, ExactlyOneOfManyMissesIsGranted) {
  for (int round = 0; round < 200; ++round) {
    const std::string key = "k" + std::to_string(round);
    std::atomic<int> granted{0};
    InThreads([&](int) {
      StringSink sink;
      const auto result = keyspace_->Lease(Ref(key), {Millis(1000)}, now_, sink);
      if (result->kind == LeaseResult::Kind::kGranted) ++granted;
    });
    ASSERT_EQ(granted, 1);
  }
}

TEST_F(KeyspaceTest, AnyMixUnderPressureKeepsValuesWholeAndTheBudget) {
  constexpr uint64_t kBudget = 8 << 20;
  Make({.memory_bytes = kBudget, .stripes = 4});
  std::atomic<int64_t> clock_ms{0};
  InThreads([&](int thread) {
    Random random(static_cast<uint64_t>(thread));
    for (int i = 0; i < 20000; ++i) {
      const TimePoint now = now_ + Millis(clock_ms.fetch_add(1, std::memory_order_relaxed) / 16);
      const std::string key = "k" + std::to_string(random.Below(3000));
      const auto letter = static_cast<char>('a' + random.Below(26));
      switch (random.Below(8)) {
        case 0:
        case 1: {
          SetOptions options;
          if (random.Below(2) == 0) options.expires_at = now + Millis(1 + random.Below(200));
          const std::string value(random.Below(20000), letter);
          ASSERT_TRUE(keyspace_->Set(Ref(key), value, options, now).ok());
          break;
        }
        case 2:
          keyspace_->Delete(Ref(key), {.stale_until = now + Millis(20)}, now).IgnoreError();
          break;
        case 3: {
          StringSink sink;
          ASSERT_TRUE(keyspace_->Lease(Ref(key), {Millis(5)}, now, sink).ok());
          break;
        }
        case 4:
          if (random.Below(500) == 0) keyspace_->FlushSlot(Ref(key).slot, now).IgnoreError();
          keyspace_->Expire(now, 50);
          break;
        case 5: {
          ScanCollector collector;
          keyspace_->Scan({static_cast<uint32_t>(random.Below(kSlots)), 0}, {.visits_max = 500},
                          now, collector);
          break;
        }
        default: {
          StringSink sink;
          if (keyspace_->Get(Ref(key), now, sink) == GetOutcome::kMiss) break;
          // A value is all one letter: half of one and half of another would show.
          ASSERT_EQ(sink.value->find_first_not_of(sink.value->substr(0, 1)), std::string::npos);
        }
      }
    }
  });
  EXPECT_GT(keyspace_->Stats().evictions, 0u);
  EXPECT_LE(keyspace_->Memory().total(), kBudget);
  const uint64_t entries = keyspace_->Stats().entries;
  EXPECT_EQ(keyspace_->Flush(now_).value(), entries);
  for (bool more = true; more;) keyspace_->Expire(now_, 10000, &more);
  EXPECT_EQ(keyspace_->Stats().leases, 0u);
}

// Two of these values do not fit together, so that each writer misses what another has reserved.
TEST_F(KeyspaceTest, OfLargeWritesSideBySideNoneIsRefused) {
  constexpr uint64_t kBudget = 8 << 20;
  for (const EvictionKind kind : {EvictionKind::kS3Fifo, EvictionKind::kRandom}) {
    Make({.memory_bytes = kBudget, .stripes = 1, .eviction = kind});
    InThreads([&](int thread) {
      for (int i = 0; i < 25; ++i) {
        const std::string key = "k" + std::to_string(thread) + std::to_string(i % 3);
        const auto large = Set(key, std::string(4'300'000 + thread, 'l'));
        ASSERT_TRUE(large.ok()) << large.status();
        const auto small = Set("small" + key + std::to_string(i), std::string(1000, 's'));
        ASSERT_TRUE(small.ok()) << small.status();
      }
    });
    EXPECT_LE(keyspace_->Memory().total(), kBudget);
  }
}

TEST_F(KeyspaceTest, WithoutEvictionALargeWriteThatIsRefusedKeepsNoOtherFromMemory) {
  Make({.memory_bytes = 8 << 20, .stripes = 1, .eviction = EvictionKind::kNone});
  InThreads([&](int thread) {
    for (int i = 0; i < 200; ++i) {
      const std::string key = "k" + std::to_string(thread);
      if (thread < 2) {
        const auto refused = Set("large" + key, std::string(7'900'000, 'l'));
        ASSERT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
      } else {
        ASSERT_TRUE(Set(key + "/" + std::to_string(i % 100), std::string(5000, 's')).ok());
        ASSERT_TRUE(Delete(key + "/" + std::to_string(i % 100)));
      }
    }
  });
}

}  // namespace
}  // namespace larder::storage
