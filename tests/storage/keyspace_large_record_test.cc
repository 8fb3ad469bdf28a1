// Large values that a log shares with their entries in place of a copy.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "storage/entry.h"
#include "storage/log_reader.h"
#include "storage/mutation_log.h"
#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/log_records.h"

namespace larder::storage {
namespace {

constexpr size_t kLarge = (300 << 10) + 1234;  // a block, pages and a rest
constexpr uint64_t kLogBytes = 4 << 20;

class KeyspaceLargeRecordTest : public KeyspaceTest {
 protected:
  void SetUp() override {
    Make({.memory_bytes = 16 << 20, .stripes = 1, .eviction = EvictionKind::kLru});
    keyspace_->AttachLog(log_.get());
  }
  void TearDown() override { keyspace_.reset(); }

  std::unique_ptr<LogReader> Reader(uint64_t from,
                                    LogReader::Pace pace = LogReader::Pace::kMayFallBehind) {
    return LogReader::Create(log_.get(), from, pace).value();
  }
  // All from there on, as it is read now.
  std::vector<LoggedMutation> RecordsFrom(uint64_t from) {
    std::vector<SequencedMutation> records;
    const auto reader = Reader(from);
    while (ReadInto(*reader, records)) {
    }
    std::vector<LoggedMutation> logged;
    for (const SequencedMutation& record : records) logged.push_back(record.logged);
    return logged;
  }
  static std::string Value(char letter) { return std::string(kLarge, letter); }
  static uint64_t ApartBytes() { return ValueParts::Of(kLarge).apart_bytes(); }

  std::unique_ptr<MutationLog> log_ = MutationLog::Create({.bytes = kLogBytes}).value();
};

TEST_F(KeyspaceLargeRecordTest, RecordsKeepTheValueThatWasCommittedWhateverBecomesOfTheEntry) {
  Put("set", Value('a'));
  Put("set", Value('b'));
  Put("append", Value('c'));
  ASSERT_TRUE(keyspace_->Append(Ref("append"), "more", {}, now_).ok());
  ASSERT_TRUE(keyspace_->Append(Ref("append"), std::string(70000, 'd'), {}, now_).ok());
  Put("touch", Value('e'));
  ASSERT_TRUE(keyspace_->Touch(Ref("touch"), now_ + Millis(900), now_)->found);
  ASSERT_TRUE(Delete("touch", 50));
  Put("delete", Value('f'));
  ASSERT_TRUE(Delete("delete"));
  Put("short", Value('g'));
  Put("short", "s");
  Put("flush", Value('h'));
  ASSERT_TRUE(keyspace_->FlushSlot(Ref("flush").slot, now_).ok());
  const auto records = RecordsFrom(1);
  std::string values;
  for (const LoggedMutation& record : records) {
    if (record.mutation.kind != MutationKind::kSet) continue;
    values += record.value.front();
    ASSERT_EQ(record.value.find_first_not_of(record.value.front()) == std::string::npos,
              record.key != "append" || record.value.size() == kLarge);
  }
  EXPECT_EQ(values, "abcccefgsh");
  EXPECT_EQ(records[3].value, Value('c') + "more");
  EXPECT_EQ(records[4].value, Value('c') + "more" + std::string(70000, 'd'));
  Contents contents;
  for (const LoggedMutation& record : records) ReplayInto(contents, record);
  ExpectSame(contents, ExportAll(*keyspace_));
  // What the entries are worth goes back, and counts for the log.
  EXPECT_GE(keyspace_->log_held_bytes(), 6 * ApartBytes());
  EXPECT_LE(keyspace_->Memory().entries, 1'200'000u);
}

TEST_F(KeyspaceLargeRecordTest, WhatTheLogHoldsGoesWhenItHasPassedTheRecord) {
  std::vector<uint64_t> begins;
  for (int i = 0; i < 100; ++i) {
    begins.push_back(log_->position());
    Put("k", Value(static_cast<char>('a' + i % 26)));
    ASSERT_LE(keyspace_->log_held_bytes(), kLogBytes);
    ASSERT_LE(keyspace_->Memory().total(), uint64_t{16} << 20);
  }
  EXPECT_GE(keyspace_->log_held_bytes(), kLogBytes / 2);
  EXPECT_GT(log_->oldest(), 1u);
  const uint64_t old = *std::lower_bound(begins.begin(), begins.end(), log_->oldest());
  const auto records = RecordsFrom(old);
  EXPECT_GT(records.size(), 8u);
  for (const LoggedMutation& record : records) ASSERT_EQ(record.value, Value(record.value[0]));
  for (uint64_t i = 0; i < 2 * kLogBytes / 64; ++i) Put("small", "v");
  EXPECT_EQ(keyspace_->log_held_bytes(), 0u);
  Put("k", Value('x'));
  EXPECT_EQ(keyspace_->log_held_bytes(), 0u) << "the entry before was not shared any more";
  Put("k", Value('y'));
  EXPECT_EQ(keyspace_->log_held_bytes(), ApartBytes());
  keyspace_->DetachLog();
  EXPECT_EQ(keyspace_->log_held_bytes(), 0u);
  EXPECT_EQ(Get("k"), Value('y'));
  EXPECT_EQ(log_->oldest(), log_->position()) << "nothing that was shared is read any more";
  log_ = MutationLog::Create({.bytes = kLogBytes}).value();
  keyspace_->AttachLog(log_.get());
  Put("k", Value('z'));
  EXPECT_EQ(RecordsFrom(1)[0].value, Value('z'));
}

TEST_F(KeyspaceLargeRecordTest, AReaderThatHoldsWritersFindsAllOfIt) {
  const auto holder = Reader(1, LogReader::Pace::kHoldsWriters);
  int stored = 0;
  while (Set("k", Value(static_cast<char>('a' + stored % 26))).ok()) ++stored;
  EXPECT_GE(stored, 10);
  std::vector<SequencedMutation> records;
  while (ReadInto(*holder, records)) {
  }
  ASSERT_EQ(records.size(), static_cast<size_t>(stored));
  for (int i = 0; i < stored; ++i) {
    ASSERT_EQ(records[static_cast<size_t>(i)].logged.value, Value(static_cast<char>('a' + i % 26)));
  }
}

TEST_F(KeyspaceLargeRecordTest, RandomChangesOfLargeValuesAreWhatTheLogSays) {
  Random random(testing::UnitTest::GetInstance()->random_seed());
  Contents contents;
  const auto reader = Reader(1, LogReader::Pace::kHoldsWriters);
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    Advance(1);
    const std::string key = "k" + std::to_string(random.Below(200));
    const std::string value(random.Below(400 << 10), static_cast<char>('a' + random.Below(26)));
    switch (random.Below(8)) {
      case 0:
        Delete(key);
        break;
      case 1:
        Delete(key, 20);
        break;
      case 2:
        ASSERT_TRUE(keyspace_->Touch(Ref(key), now_ + Millis(50), now_).ok());
        break;
      case 3:
        ASSERT_TRUE(
            keyspace_->Append(Ref(key), value.substr(0, random.Below(9000)), {}, now_).ok());
        break;
      case 4:
        keyspace_->Expire(now_, 10);
        break;
      default:
        // Often of a length that would fit in place.
        Put(key, random.Below(2) == 0 ? value : Value('x'), random.Below(2) == 0 ? 100 : 0);
    }
    std::vector<SequencedMutation> records;
    if (i % 4 == 0) {
      while (ReadInto(*reader, records)) {
      }
    }
    for (const SequencedMutation& record : records) ReplayInto(contents, record.logged);
    ASSERT_LE(keyspace_->log_held_bytes(), kLogBytes);
    if (!records.empty() && i % 48 == 0) ExpectSame(contents, ExportAll(*keyspace_));
  }
  EXPECT_GT(keyspace_->Stats().evictions, 0u);
}

}  // namespace
}  // namespace larder::storage
