// Writers that wait for room and a reader that waits for records, each only until it is told: if
// one is not told, the test does not end.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/log_reader.h"
#include "storage/mutation_log.h"
#include "storage/position_waiters.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

constexpr int kWriters = 4;
constexpr int kAppends = 20000;  // of each

// Counts what has been told.
class Bell {
 public:
  void Ring() {
    const std::lock_guard lock(mutex_);
    ++rings_;
    changed_.notify_all();
  }
  uint64_t rings() {
    const std::lock_guard lock(mutex_);
    return rings_;
  }
  void WaitForMoreThan(uint64_t rings) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return rings_ > rings; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t rings_ = 0;
};

class MutationLogWaitingTest : public testing::Test {
 protected:
  void Write(uint32_t number) {
    Random random(number);
    for (int i = 0; i < kAppends; ++i) {
      const std::string value(random.Below(40) == 0 ? random.Below(9000) : random.Below(300), 'v');
      const uint64_t bytes = log_->RoomFor(1, value.size());
      // Some do not wait for much room, and try with the next.
      const bool gives_up = value.size() > 1000 && random.Below(2) == 0;
      bool has_room = false;
      while (!(has_room = log_->TryReserve(bytes))) {
        const uint64_t rings = room_.rings();
        if (!log_->AwaitRoom(bytes)) continue;
        if (gives_up) break;
        room_.WaitForMoreThan(rings);
      }
      if (!has_room) {
        log_->StopAwaitingRoom(bytes);
        --i;
        continue;
      }
      // One stripe each, which nobody else locks.
      log_->Append({.slot = number, .key = "k", .version = 1, .value = ValueView(value)});
      log_->OnUnlocked();
    }
  }
  // How far writers were ahead at most.
  uint64_t ReadAll(LogReader& reader) {
    uint64_t records = 0;
    uint64_t ahead_max = 0;
    while (records < uint64_t{kWriters} * kAppends) {
      const uint64_t rings = records_.rings();
      ahead_max = std::max(ahead_max, log_->position() - reader.position());
      const auto result = reader.Read(2000, [&](const LogReader::Record&) { ++records; });
      EXPECT_NE(result, LogReader::Result::kFellBehind);
      if (result == LogReader::Result::kNothingNew && reader.Sleep()) {
        records_.WaitForMoreThan(rings);
      }
    }
    return ahead_max * MutationLog::kLineBytes;
  }
  uint64_t Run(uint64_t bytes_ahead_max) {
    const auto reader = LogReader::Create(log_.get(), 1, LogReader::Pace::kHoldsWriters).value();
    EXPECT_TRUE(reader->HoldWriters(bytes_ahead_max));
    std::vector<std::thread> writers;
    for (uint32_t i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { Write(i); });
    const uint64_t ahead_max = ReadAll(*reader);
    for (std::thread& writer : writers) writer.join();
    EXPECT_EQ(reader->position(), log_->position());
    return ahead_max;
  }

  Bell room_;
  Bell records_;
  std::unique_ptr<MutationLog> log_ = MutationLog::Create({.bytes = 256 << 10,
                                                           .bytes_min = 0,
                                                           .stripes = kWriters,
                                                           .wake = [this] { records_.Ring(); },
                                                           .room = [this] { room_.Ring(); }})
                                          .value();
};

TEST_F(MutationLogWaitingTest, NobodyWaitsInVainWhenTheRingIsFull) { Run(256 << 10); }

TEST_F(MutationLogWaitingTest, NobodyWaitsInVainAndWritersAreNotFurtherAheadThanTheyMay) {
  constexpr uint64_t kAhead = 16 << 10;
  EXPECT_LE(Run(kAhead), kAhead + log_->RoomFor(1, 9000));
}

TEST_F(MutationLogWaitingTest, NobodyWaitsForAPositionInVain) {
  PositionWaiters waiters;
  std::atomic<uint64_t> position{0};
  Bell told;
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5000; ++j) {
        const uint64_t mine = ++position;
        Bell reached;
        waiters.Wait(mine, TimePoint(Millis(1)), [&](PositionWaiters::Result result) {
          EXPECT_EQ(result, PositionWaiters::Result::kReached);
          EXPECT_GE(waiters.reached(), mine);
          reached.Ring();
        });
        told.Ring();
        reached.WaitForMoreThan(0);
      }
    });
  }
  for (uint64_t rings = 0; waiters.reached() < uint64_t{kWriters} * 5000;) {
    told.WaitForMoreThan(rings);
    rings = told.rings();
    waiters.Reach(position);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(waiters.waiting(), 0u);
}

}  // namespace
}  // namespace larder::storage
