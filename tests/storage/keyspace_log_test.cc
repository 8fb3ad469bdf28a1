// A log that comes and goes while a keyspace is used.

#include <memory>
#include <random>
#include <string>

#include "storage/log_reader.h"
#include "storage/mutation_log.h"
#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {
namespace {

class KeyspaceLogTest : public KeyspaceTest {
 protected:
  void TearDown() override { keyspace_.reset(); }

  // Something of every kind; a refusal is only for want of room in the log.
  void Step(Random& random) {
    const std::string key = "k" + std::to_string(random.Below(300));
    const KeyRef ref = Ref(key);
    Advance(1);
    const std::string value(random.Below(6000), static_cast<char>('a' + random.Below(26)));
    const TimePoint soon = now_ + Millis(1 + static_cast<int64_t>(random.Below(50)));
    switch (random.Below(9)) {
      case 0:
        return Check(keyspace_->Delete(ref, {}, now_).status());
      case 1:
        return Check(keyspace_->Delete(ref, {.stale_until = soon}, now_).status());
      case 2:
        return Check(keyspace_->Touch(ref, soon, now_).status());
      case 3:
        return Check(keyspace_->Append(ref, value.substr(0, 100), {}, now_).status());
      case 4:
        return Check(
            keyspace_->Increment(Ref("n" + key), {.delta = 1, .initial = 1}, now_).status());
      case 5:
        if (random.Below(10) == 0) Check(keyspace_->FlushSlot(ref.slot, now_).status());
        return;
      case 6:
        keyspace_->Expire(now_, 20);
        return;
      default:
        return Check(keyspace_->Set(ref, value, {.expires_at = soon + Millis(900)}, now_).status());
    }
  }
  static void Check(const absl::Status& status) {
    ASSERT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
  }
};

TEST_F(KeyspaceLogTest, IsToldOfAllBetweenAttachAndDetachAndOfNothingElse) {
  VectorLog log;
  Put("before", "1");
  EXPECT_EQ(keyspace_->AttachLog(&log), 0u);
  Put("k", "2");
  keyspace_->DetachLog();
  Put("behind", "3");
  ASSERT_EQ(log.records().size(), 1u);
  EXPECT_EQ(log.records()[0].key, "k");
  VectorLog other;
  EXPECT_EQ(keyspace_->AttachLog(&other), 0u);
  EXPECT_TRUE(Delete("before"));
  EXPECT_EQ(log.records().size(), 1u);
  ASSERT_EQ(other.records().size(), 1u);
  EXPECT_EQ(other.records()[0].mutation.kind, MutationKind::kDelete);
  EXPECT_EQ(keyspace_->ExportSlot({Ref("k").slot, 0}, {}, *std::make_unique<ExportCollector>())
                .log_position,
            1u);
  keyspace_->DetachLog();
}

TEST_F(KeyspaceLogTest, WhatThereWasThenAndWhatTheLogSaysIsWhatThereIs) {
  Make({.memory_bytes = 5 << 20, .stripes = 4});
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 400; ++i) Step(random);
    VectorLog log;
    keyspace_->AttachLog(&log);
    Contents contents = ExportAll(*keyspace_);
    for (int i = 0; i < 400; ++i) {
      if (random.Below(20) == 0) log.SetRoom(random.Below(200));
      Step(random);
      log.SetRoom(1 << 30);
    }
    for (const LoggedMutation& record : log.records()) ReplayInto(contents, record);
    ExpectSame(contents, ExportAll(*keyspace_));
    if (round % 2 == 0)
      Make({.memory_bytes = 5 << 20, .stripes = 4});
    else
      keyspace_->DetachLog();
    EXPECT_GT(log.records().size(), 100u);
    if (HasFailure()) return;
  }
}

TEST_F(KeyspaceLogTest, TheShortestLogHasRoomForEvictions) {
  Make({.memory_bytes = 5 << 20, .stripes = 8});
  const auto log = MutationLog::Create({.bytes = MutationLogOptions::kBytesMin}).value();
  keyspace_->AttachLog(log.get());
  const auto reader =
      LogReader::Create(log.get(), log->position(), LogReader::Pace::kHoldsWriters).value();
  // Of the longest keys, so that so much is evicted at a time as may be.
  for (int i = 0; i < 1000; ++i) {
    std::string key(kKeyBytesMax, 'k');
    key.replace(0, 4, std::to_string(1000 + i));
    ASSERT_TRUE(keyspace_->Set(Ref(key), "v", {}, now_).ok()) << i;
    while (reader->Read(1 << 20, [](const LogReader::Record&) {}) == LogReader::Result::kRead) {
    }
  }
  EXPECT_GT(keyspace_->Stats().evictions, 500u);
  keyspace_->DetachLog();
}

}  // namespace
}  // namespace larder::storage
