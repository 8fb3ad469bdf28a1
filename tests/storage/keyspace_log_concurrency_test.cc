// Logs that come and go while threads write: each is complete from where AttachLog says, and nobody
// touches one that has gone.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "storage/mutation_log.h"
#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/log_records.h"

namespace larder::storage {
namespace {

constexpr int kWriters = 3;
constexpr uint32_t kUsedSlots = 512;

KeyRef SlotRef(std::string_view key) { return {Ref(key).slot % kUsedSlots, key}; }

class KeyspaceLogConcurrencyTest : public KeyspaceTest {
 protected:
  void SetUp() override { Make({.memory_bytes = 5 << 20, .stripes = 8}); }
  void TearDown() override { Stop(); }

  void Start() {
    is_over_ = false;
    for (int i = 0; i < kWriters; ++i) {
      writers_.emplace_back([this, seed = ++threads_started_] { Write(seed); });
    }
  }
  void Stop() {
    is_over_ = true;
    for (std::thread& writer : writers_) writer.join();
    writers_.clear();
  }
  void Write(uint64_t seed) {
    Random random(seed);
    while (!is_over_) {
      const std::string key = "k" + std::to_string(random.Below(40000));
      const TimePoint now = now_ + Millis(done_.fetch_add(1) / 16);
      absl::Status status;
      switch (random.Below(8)) {
        case 0:
          status = keyspace_->Delete(SlotRef(key), {}, now).status();
          break;
        case 1:
          status = keyspace_->Touch(SlotRef(key), now + Millis(50), now).status();
          break;
        case 2:
          status = keyspace_->Append(SlotRef(key), "more", {}, now).status();
          break;
        case 3:
          if (random.Below(100) == 0)
            status = keyspace_->FlushSlot(SlotRef(key).slot, now).status();
          keyspace_->Expire(now, 10);
          break;
        default: {
          const std::string value(random.Below(1000), static_cast<char>('a' + random.Below(26)));
          status =
              keyspace_->Set(SlotRef(key), value, {.expires_at = now + Millis(5000)}, now).status();
        }
      }
      ASSERT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
      if (!status.ok()) std::this_thread::yield();
    }
  }
  void WaitForWrites(int64_t count) {
    const int64_t until = done_ + count;
    while (done_ < until) std::this_thread::yield();
  }

  std::atomic<bool> is_over_{true};
  std::atomic<int64_t> done_{0};
  uint64_t threads_started_ = 0;
  std::vector<std::thread> writers_;
};

TEST_F(KeyspaceLogConcurrencyTest, IsCompleteFromWhereItSaysOn) {
  for (int round = 0; round < 4 && !HasFailure(); ++round) {
    auto log = MutationLog::Create({.bytes = 32 << 20, .stripes = 8}).value();
    Start();
    WaitForWrites(round == 0 ? 100000 : 500);
    const uint64_t from = keyspace_->AttachLog(log.get());
    const auto reader = LogReader::Create(log.get(), from, LogReader::Pace::kHoldsWriters).value();
    std::vector<SequencedMutation> records;
    // Each slot as it was at some time, and what the log says of it behind.
    Contents contents;
    std::vector<uint64_t> copied_at(kUsedSlots);
    for (uint32_t slot = 0; slot < kUsedSlots; ++slot) {
      ExportCollector collector;
      const auto part = keyspace_->ExportSlot({slot, 0}, {.entries_max = 100000}, collector);
      ASSERT_EQ(part.next.slot, slot + 1);
      copied_at[slot] = part.log_position;
      for (const LoggedMutation& entry : collector.entries) contents.emplace(entry.key, entry);
      ReadInto(*reader, records);
    }
    WaitForWrites(500);
    Stop();
    while (ReadInto(*reader, records)) {
    }
    for (const SequencedMutation& record : records) {
      if (record.sequence < copied_at[record.logged.mutation.slot]) continue;
      ASSERT_NO_FATAL_FAILURE(ReplayInto(contents, record.logged));
    }
    EXPECT_EQ(log->whole_until(), log->position());
    EXPECT_GT(records.size(), 300u);
    EXPECT_GT(keyspace_->Stats().evictions, 0u);
    ExpectSame(contents, ExportAll(*keyspace_));
    keyspace_->DetachLog();
  }
}

TEST_F(KeyspaceLogConcurrencyTest, NobodyTouchesALogThatHasGone) {
  Start();
  for (int round = 0; round < 1000; ++round) {
    // So small that it is often full, and room is asked for again.
    auto log = MutationLog::Create({.bytes = 64 << 10, .bytes_min = 0, .stripes = 8}).value();
    const uint64_t from = keyspace_->AttachLog(log.get());
    {
      const auto reader = LogReader::Create(log.get(), from, LogReader::Pace::kHoldsWriters);
      WaitForWrites(40);
    }
    keyspace_->DetachLog();
    const uint64_t end = log->position();
    if (round % 8 == 0) WaitForWrites(40);
    EXPECT_EQ(log->position(), end);
    EXPECT_EQ(log->whole_until(), end);
    // All room came back: nobody has any reserved.
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(log->TryReserve(log->RoomMax()));
    log.reset();
  }
  Stop();
}

}  // namespace
}  // namespace larder::storage
