// Many threads append to a small ring while others read it: no hole, no record that is not whole,
// those of a stripe in their order, and a reader that holds writers misses none.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "storage/log_reader.h"
#include "storage/mutation_log.h"
#include "storage/mutation_record.h"
#include "storage/mutex.h"
#include "tests/storage/log_records.h"

namespace larder::storage {
namespace {

constexpr uint32_t kStripes = 8;
constexpr int kWriters = 4;
constexpr int kAppends = 20000;  // of each writer

struct Stripe {
  Mutex mutex;
  uint64_t version ABSL_GUARDED_BY(mutex) = 0;
};

// What a version's value must be.
std::string ValueOf(uint32_t slot, uint64_t version) {
  const auto seed = static_cast<uint32_t>(version * 31 + slot);
  return std::string(seed % 500, static_cast<char>(seed % 251));
}

class Checker {
 public:
  explicit Checker(uint64_t from) : at_(from) {}
  // Those of a stripe come one behind the other, unless the reader fell behind before.
  void Take(const LogReader::Record& record) {
    EXPECT_EQ(record.sequence, at_);
    at_ = record.next;
    const std::string bytes = BytesOf(record);
    const auto mutation = ReadMutationRecord(bytes);
    ASSERT_TRUE(mutation.has_value());
    const uint32_t stripe = mutation->slot % kStripes;
    if (versions_[stripe] != 0) {
      EXPECT_EQ(mutation->version, versions_[stripe] + 1);
    }
    versions_[stripe] = mutation->version;
    EXPECT_EQ(mutation->value.whole(), ValueOf(mutation->slot, mutation->version));
    ++records_;
  }
  uint64_t records() const { return records_; }

 private:
  uint64_t at_;
  uint64_t versions_[kStripes] = {};
  uint64_t records_ = 0;
};

class MutationLogConcurrencyTest : public testing::Test {
 protected:
  void Write(int seed) {
    std::minstd_rand random(static_cast<uint32_t>(seed));
    for (int i = 0; i < kAppends; ++i) {
      const auto slot = static_cast<uint32_t>(random() % 16384);
      // More than it needs, as for a write that may evict.
      const uint64_t room = log_->RoomFor(1, 500) + random() % 2000 / 64 * 64;
      while (!log_->TryReserve(room)) std::this_thread::yield();
      Stripe& stripe = stripes_[slot % kStripes];
      uint64_t used = 0;
      {
        const MutexLock lock(stripe.mutex);
        const std::string value = ValueOf(slot, ++stripe.version);
        used = log_->RoomFor(1, value.size());
        log_->Append(
            {.slot = slot, .key = "k", .version = stripe.version, .value = ValueView(value)});
      }
      log_->Release(room - used);
      log_->OnUnlocked();
    }
    --writers_;
  }
  // Until all was written; may fall behind, and goes on where the log is then.
  void Read() {
    uint64_t from = 1;
    for (bool is_over = false; !is_over;) {
      const auto created = LogReader::Create(log_.get(), from, LogReader::Pace::kMayFallBehind);
      if (!created.ok()) {
        from = log_->whole_until();
        continue;
      }
      LogReader& reader = **created;
      Checker checker(from);
      for (bool is_behind = false; !is_behind;) {
        const bool was_last = writers_ == 0;
        const auto result =
            reader.Read(10000, [&](const LogReader::Record& record) { checker.Take(record); });
        is_behind = result == LogReader::Result::kFellBehind;
        is_over = result == LogReader::Result::kNothingNew && was_last;
        if (is_over) break;
        if (result == LogReader::Result::kNothingNew) std::this_thread::yield();
      }
      from = log_->whole_until();
    }
  }

  std::unique_ptr<MutationLog> log_ =
      *MutationLog::Create({.bytes = 64 << 10, .bytes_min = 0, .stripes = kStripes});
  Stripe stripes_[kStripes];
  std::atomic<int> writers_{kWriters};
};

TEST_F(MutationLogConcurrencyTest, ReadersSeeWholeRecordsWithoutHolesInTheOrderOfTheirStripes) {
  std::vector<std::thread> writers;
  std::vector<std::thread> readers;
  std::atomic<uint64_t> held{0};
  // Before the first record, so that it misses none.
  auto holder = LogReader::Create(log_.get(), 1, LogReader::Pace::kHoldsWriters);
  ASSERT_TRUE(holder.ok());
  readers.emplace_back([&] {
    Checker checker(1);
    while (true) {
      const bool was_last = writers_ == 0;
      const auto result =
          (*holder)->Read(10000, [&](const LogReader::Record& record) { checker.Take(record); });
      ASSERT_NE(result, LogReader::Result::kFellBehind);
      if (result != LogReader::Result::kNothingNew) continue;
      if (was_last) break;
      std::this_thread::yield();
    }
    held = checker.records();
  });
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] { Read(); });
  }
  for (int i = 0; i < kWriters; ++i) writers.emplace_back([this, i] { Write(i + 1); });
  for (std::thread& thread : writers) thread.join();
  for (std::thread& thread : readers) thread.join();
  EXPECT_EQ(held, uint64_t{kWriters} * kAppends);
}

TEST_F(MutationLogConcurrencyTest, AHoldIsNotLostForAnotherBoundWhileRoomIsGivenAndTakenBack) {
  const auto holder = LogReader::Create(log_.get(), 1, LogReader::Pace::kHoldsWriters).value();
  std::atomic<bool> is_over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!is_over) {
        // More than one does not fit; each is given some and loses it again.
        if (log_->TryReserve(log_->RoomMax())) log_->Release(log_->RoomMax());
      }
    });
  }
  // What is left is room for one of them.
  for (int i = 0; i < 3; ++i) {
    while (!log_->TryReserve(log_->RoomMax())) std::this_thread::yield();
  }
  int lost = 0;
  for (uint64_t i = 0; i < 5'000'000; ++i) lost += holder->HoldWriters((63 + i % 2) << 10) ? 0 : 1;
  EXPECT_EQ(lost, 0);
  is_over = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(MutationLogConcurrencyTest, WithoutReadersThatHoldWritersAllIsAppended) {
  std::vector<std::thread> threads;
  threads.emplace_back([this] { Read(); });
  for (int i = 0; i < kWriters; ++i) threads.emplace_back([this, i] { Write(i + 1); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log_->whole_until(), log_->position());
}

}  // namespace
}  // namespace larder::storage
