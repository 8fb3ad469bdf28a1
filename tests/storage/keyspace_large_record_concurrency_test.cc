// Readers copy large values out of entries that threads meanwhile overwrite, lengthen and remove.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "storage/log_reader.h"
#include "storage/mutation_log.h"
#include "storage/random.h"
#include "storage/shared_values.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/log_records.h"

namespace larder::storage {
namespace {

constexpr int kWriters = 3;
constexpr int kReaders = 2;
constexpr uint64_t kLogBytes = 1 << 20;

class KeyspaceLargeRecordConcurrencyTest : public KeyspaceTest {
 protected:
  void SetUp() override { Make({.memory_bytes = 8 << 20, .stripes = 1}); }
  void TearDown() override { keyspace_.reset(); }

  void Write(uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 1500; ++i) {
      const std::string key = "k" + std::to_string(random.Below(30));
      const auto letter = static_cast<char>('a' + random.Below(26));
      const size_t bytes = random.Below(3) == 0 ? 100 << 10 : random.Below(150 << 10);
      absl::Status status;
      switch (random.Below(6)) {
        case 0:
          status = keyspace_->Delete(Ref(key), {}, now_).status();
          break;
        case 1: {
          // One letter for good, so that it stays all one letter.
          const AppendOptions options{.value_bytes_max = 150 << 10};
          status = keyspace_->Append(Ref("append"), std::string(700, 'z'), options, now_).status();
          if (absl::IsInvalidArgument(status)) {
            status = keyspace_->Delete(Ref("append"), {}, now_).status();
          }
          break;
        }
        default:
          status = keyspace_->Set(Ref(key), std::string(bytes, letter), {}, now_).status();
      }
      ASSERT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
      if (!status.ok()) std::this_thread::yield();
    }
    --writing_;
  }
  void Read() {
    while (writing_ > 0) {
      auto reader =
          LogReader::Create(log_.get(), log_->position(), LogReader::Pace::kMayFallBehind);
      if (!reader.ok()) continue;
      LogReader::Result result;
      do {
        result = (*reader)->Read(1, [this](const LogReader::Record& record) {
          const std::string bytes = BytesOf(record);
          const auto mutation = ReadMutationRecord(bytes);
          ASSERT_TRUE(mutation.has_value());
          const std::string_view value = mutation->value.whole();
          if (value.empty()) return;
          ASSERT_EQ(value.find_first_not_of(value[0]), std::string_view::npos);
          if (value.size() >= SharedValues::kValueBytesMin) ++large_read_;
        });
      } while (result != LogReader::Result::kFellBehind && writing_ > 0);
    }
  }

  std::unique_ptr<MutationLog> log_ = MutationLog::Create({.bytes = kLogBytes}).value();
  std::atomic<int> writing_{kWriters};
  std::atomic<int> large_read_{0};
};

TEST_F(KeyspaceLargeRecordConcurrencyTest, ReadersSeeTheValuesThatWereCommitted) {
  keyspace_->AttachLog(log_.get());
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) threads.emplace_back([this] { Read(); });
  for (int i = 0; i < kWriters; ++i) {
    threads.emplace_back([this, i] { Write(static_cast<uint64_t>(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(large_read_, 0);
  EXPECT_LE(keyspace_->log_held_bytes(), kLogBytes);
  keyspace_->DetachLog();
  EXPECT_EQ(keyspace_->log_held_bytes(), 0u);
}

}  // namespace
}  // namespace larder::storage
