#include "storage/keyspace.h"

#include <limits>
#include <map>
#include <set>

#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

using Outcome = SetResult::Outcome;

TEST_F(KeyspaceTest, ReturnsWhatWasSet) {
  EXPECT_EQ(Get("k"), std::nullopt);
  Put("k", "v1");
  EXPECT_EQ(Get("k"), "v1");
  Put("k", std::string(100000, 'x'));
  EXPECT_EQ(Get("k"), std::string(100000, 'x'));
  Put("k", "");
  EXPECT_EQ(Get("k"), "");
}

TEST_F(KeyspaceTest, KeysAndValuesAreAnyBytes) {
  const std::string key("\0\xff\n", 3);
  const std::string value("\0\0", 2);
  Put(key, value);
  EXPECT_EQ(Get(key), value);
  EXPECT_EQ(Get(std::string_view(key).substr(0, 2)), std::nullopt);
}

TEST_F(KeyspaceTest, TellsVersionExpiryAndFlags) {
  SetOptions options;
  options.flags = 77;
  options.expires_at = now_ + Millis(5);
  const auto stored = Set("k", "v", options);
  StringSink sink;
  ASSERT_EQ(keyspace_->Get(Ref("k"), now_, sink), GetOutcome::kHit);
  EXPECT_EQ(sink.info.version, stored->version);
  EXPECT_EQ(sink.info.flags, 77u);
  EXPECT_EQ(sink.info.expires_at, now_ + Millis(5));
  EXPECT_FALSE(sink.info.stale);
}

TEST_F(KeyspaceTest, VersionsRiseWithEveryWriteOfAKeyAndAreNeverTheSame) {
  std::map<std::string, uint64_t> last;
  std::set<uint64_t> versions;
  for (int i = 0; i < 20000; ++i) {
    if (i % 100 == 0) Advance(1);
    const std::string key = "k" + std::to_string(i % 333);
    const uint64_t version = Put(key, "v");
    EXPECT_GT(version, last[key]);
    EXPECT_TRUE(versions.insert(version).second);
    last[key] = version;
  }
}

TEST_F(KeyspaceTest, ExpiresToTheMillisecond) {
  Put("k", "v", 10);
  Advance(9);
  EXPECT_EQ(Get("k"), "v");
  Advance(1);
  EXPECT_EQ(Get("k"), std::nullopt);
}

TEST_F(KeyspaceTest, ASinkWithoutRoomIsRefusedAndNothingIsCopied) {
  struct Refusing final : ValueSink {
    char* Reserve(const EntryInfo&, size_t) override { return nullptr; }
  } sink;
  Put("k", "v");
  EXPECT_EQ(keyspace_->Get(Ref("k"), now_, sink), GetOutcome::kRefused);
}

TEST_F(KeyspaceTest, IfAbsentStoresOnlyWithoutLiveEntry) {
  SetOptions options;
  options.condition.kind = Condition::Kind::kIfAbsent;
  EXPECT_EQ(Set("k", "1", options)->outcome, Outcome::kStored);
  const uint64_t version = keyspace_->Set(Ref("k"), "2", options, now_)->version;
  EXPECT_EQ(Set("k", "2", options)->outcome, Outcome::kExists);
  StringSink sink;
  keyspace_->Get(Ref("k"), now_, sink);
  EXPECT_EQ(sink.info.version, version);
  EXPECT_EQ(sink.value, "1");
  Put("k", "3", 5);
  Advance(5);
  EXPECT_EQ(Set("k", "4", options)->outcome, Outcome::kStored) << "the entry had expired";
}

TEST_F(KeyspaceTest, IfPresentStoresOnlyOverALiveEntry) {
  SetOptions options;
  options.condition.kind = Condition::Kind::kIfPresent;
  EXPECT_EQ(Set("k", "1", options)->outcome, Outcome::kNotFound);
  EXPECT_EQ(Get("k"), std::nullopt);
  Put("k", "2");
  EXPECT_EQ(Set("k", "3", options)->outcome, Outcome::kStored);
  EXPECT_EQ(Get("k"), "3");
}

TEST_F(KeyspaceTest, IfVersionIsCompareAndSwap) {
  SetOptions options;
  options.condition.kind = Condition::Kind::kIfVersion;
  options.condition.version = 1;
  EXPECT_EQ(Set("k", "1", options)->outcome, Outcome::kNotFound);
  const uint64_t version = Put("k", "2");
  const auto mismatch = Set("k", "3", options);
  EXPECT_EQ(mismatch->outcome, Outcome::kVersionMismatch);
  EXPECT_EQ(mismatch->version, version);
  options.condition.version = version;
  EXPECT_EQ(Set("k", "4", options)->outcome, Outcome::kStored);
  EXPECT_EQ(Set("k", "5", options)->outcome, Outcome::kVersionMismatch);
  EXPECT_EQ(Get("k"), "4");
}

TEST_F(KeyspaceTest, KeepExpiryPassesTheOldOneOn) {
  Put("k", "1", 100);
  SetOptions options;
  options.keep_expiry = true;
  options.expires_at = now_ + Millis(5);
  Set("k", "2", options).IgnoreError();
  Advance(99);
  EXPECT_EQ(Get("k"), "2");
  Advance(1);
  EXPECT_EQ(Get("k"), std::nullopt);
  options.expires_at = now_ + Millis(5);
  Set("k", "3", options).IgnoreError();
  Advance(5);
  EXPECT_EQ(Get("k"), std::nullopt) << "no entry to keep the expiry of: the given one counts";
}

TEST_F(KeyspaceTest, ReturnsThePreviousEntryStoredOrNot) {
  Put("k", "old");
  StringSink previous;
  SetOptions options;
  options.previous = &previous;
  Set("k", "new", options).IgnoreError();
  EXPECT_EQ(previous.value, "old");
  options.condition.kind = Condition::Kind::kIfAbsent;
  Set("k", "newer", options).IgnoreError();
  EXPECT_EQ(previous.value, "new");
  EXPECT_EQ(previous.calls, 2);
  Delete("k");
  Set("k", "newest", options).IgnoreError();
  EXPECT_EQ(previous.calls, 2) << "there was no live entry";
}

TEST_F(KeyspaceTest, DeleteRemovesOnce) {
  Put("k", "v");
  EXPECT_TRUE(Delete("k"));
  EXPECT_FALSE(Delete("k"));
  EXPECT_EQ(Get("k"), std::nullopt);
  EXPECT_EQ(keyspace_->Stats().entries, 0u);
}

TEST_F(KeyspaceTest, DeleteIfVersionComparesFirst) {
  const uint64_t version = Put("k", "v");
  const auto mismatch = keyspace_->Delete(Ref("k"), {.if_version = version + 1}, now_);
  EXPECT_FALSE(mismatch->deleted);
  EXPECT_EQ(mismatch->current_version, version);
  EXPECT_TRUE(keyspace_->Delete(Ref("k"), {.if_version = version}, now_)->deleted);
  EXPECT_EQ(keyspace_->Delete(Ref("k"), {.if_version = version}, now_)->current_version, 0u);
}

TEST_F(KeyspaceTest, StaleValueIsServedMarkedAndThenGone) {
  Put("k", "v", 5);
  EXPECT_TRUE(Delete("k", 10));
  StringSink sink;
  ASSERT_EQ(keyspace_->Get(Ref("k"), now_ + Millis(9), sink), GetOutcome::kHit);
  EXPECT_TRUE(sink.info.stale);
  EXPECT_EQ(sink.value, "v");
  EXPECT_EQ(sink.info.expires_at, now_ + Millis(10));
  EXPECT_EQ(keyspace_->Stats().stale_hits, 1u);
  Advance(10);
  EXPECT_EQ(Get("k"), std::nullopt);
}

TEST_F(KeyspaceTest, ASecondDeleteLeavesTheStaleValueAndItsTime) {
  Put("k", "v");
  EXPECT_TRUE(Delete("k", 10));
  Advance(5);
  EXPECT_FALSE(Delete("k", 1000));
  Advance(4);
  EXPECT_EQ(Get("k"), "v");
  Advance(1);
  EXPECT_EQ(Get("k"), std::nullopt);
  EXPECT_FALSE(Delete("k", 1000)) << "what is over does not come back";
  EXPECT_EQ(Get("k"), std::nullopt);
}

TEST_F(KeyspaceTest, StaleEntryIsAbsentToEveryOtherCall) {
  SetOptions if_absent, if_present;
  if_absent.condition.kind = Condition::Kind::kIfAbsent;
  if_present.condition.kind = Condition::Kind::kIfPresent;
  Put("k", "7");
  Delete("k", 1000);
  EXPECT_FALSE(keyspace_->Touch(Ref("k"), kNever, now_)->found);
  EXPECT_FALSE(keyspace_->Increment(Ref("k"), {.delta = 1}, now_)->found);
  EXPECT_FALSE(keyspace_->Append(Ref("k"), "x", {.if_present = true}, now_)->stored);
  EXPECT_EQ(Set("k", "8", if_present)->outcome, Outcome::kNotFound);
  ScanCollector scan;
  keyspace_->Scan({}, {}, now_, scan);
  EXPECT_TRUE(scan.keys.empty());
  EXPECT_FALSE(Delete("k")) << "it is deleted already";
  EXPECT_EQ(Get("k"), std::nullopt) << "a plain delete ends the stale value, too";
  Put("k", "7");
  Delete("k", 1000);
  EXPECT_EQ(Set("k", "9", if_absent)->outcome, Outcome::kStored);
  StringSink sink;
  keyspace_->Get(Ref("k"), now_ + Millis(5000), sink);
  EXPECT_EQ(sink.value, "9");
  EXPECT_FALSE(sink.info.stale);
}

TEST_F(KeyspaceTest, TouchChangesExpiryButNotVersion) {
  EXPECT_FALSE(keyspace_->Touch(Ref("k"), kNever, now_)->found);
  const uint64_t version = Put("k", "v", 10);
  const auto touched = keyspace_->Touch(Ref("k"), now_ + Millis(100), now_);
  EXPECT_TRUE(touched->found);
  EXPECT_EQ(touched->version, version);
  Advance(99);
  EXPECT_EQ(Get("k"), "v");
  EXPECT_TRUE(keyspace_->Touch(Ref("k"), kNever, now_)->found);
  Advance(1'000'000);
  EXPECT_EQ(Get("k"), "v");
}

TEST_F(KeyspaceTest, IncrementAddsToDecimalIntegers) {
  EXPECT_FALSE(keyspace_->Increment(Ref("n"), {.delta = 5}, now_)->found);
  EXPECT_EQ(Get("n"), std::nullopt);
  const auto created = keyspace_->Increment(Ref("n"), {.delta = 5, .initial = 40}, now_);
  EXPECT_TRUE(created->created);
  EXPECT_EQ(created->value, 40);
  const auto added = keyspace_->Increment(Ref("n"), {.delta = -42, .initial = 40}, now_);
  EXPECT_FALSE(added->created);
  EXPECT_EQ(added->value, -2);
  EXPECT_EQ(Get("n"), "-2");
  EXPECT_GT(added->version, created->version);
}

TEST_F(KeyspaceTest, IncrementRefusesOtherValuesAndOverflow) {
  for (const char* value : {"", "x", "1.5", " 1", "1 ", "+1", "01", "-0", "9223372036854775808"}) {
    Put("n", value);
    EXPECT_EQ(keyspace_->Increment(Ref("n"), {.delta = 1}, now_).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << "'" << value << "'";
    EXPECT_EQ(Get("n"), value);
  }
  Put("n", "9223372036854775807");
  EXPECT_EQ(keyspace_->Increment(Ref("n"), {.delta = 1}, now_).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Get("n"), "9223372036854775807");
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  Put("n", "0");
  EXPECT_EQ(keyspace_->Increment(Ref("n"), {.delta = lowest}, now_)->value, lowest);
}

TEST_F(KeyspaceTest, IncrementKeepsExpiryUnlessGivenOne) {
  Put("n", "1", 10);
  keyspace_->Increment(Ref("n"), {.delta = 1}, now_).IgnoreError();
  Advance(9);
  EXPECT_EQ(Get("n"), "2");
  keyspace_->Increment(Ref("n"), {.delta = 1, .expires_at = now_ + Millis(50)}, now_).IgnoreError();
  Advance(49);
  EXPECT_EQ(Get("n"), "3");
  Advance(1);
  EXPECT_EQ(Get("n"), std::nullopt);
}

TEST_F(KeyspaceTest, AppendAddsAtTheEndAndCreates) {
  const auto created = keyspace_->Append(Ref("k"), "ab", {}, now_);
  EXPECT_TRUE(created->stored);
  EXPECT_EQ(created->value_bytes, 2u);
  std::string expected = "ab";
  for (int i = 0; i < 200; ++i) {
    const std::string more(static_cast<size_t>(i), static_cast<char>('a' + i % 26));
    expected += more;
    ASSERT_EQ(keyspace_->Append(Ref("k"), more, {}, now_)->value_bytes, expected.size());
  }
  EXPECT_EQ(Get("k"), expected);
}

TEST_F(KeyspaceTest, AppendHonoursConditionAndLimit) {
  EXPECT_FALSE(keyspace_->Append(Ref("k"), "x", {.if_present = true}, now_)->stored);
  EXPECT_EQ(Get("k"), std::nullopt);
  Put("k", "12345");
  const auto over = keyspace_->Append(Ref("k"), "678", {.value_bytes_max = 7}, now_);
  EXPECT_EQ(over.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Get("k"), "12345");
  EXPECT_TRUE(keyspace_->Append(Ref("k"), "67", {.value_bytes_max = 7}, now_).ok());
}

TEST_F(KeyspaceTest, ExpireLooksThroughSoManyRecordsAtATime) {
  constexpr int kEntries = 4000;  // some 16 in a segment
  const std::string value(4000, 'v');
  for (int i = 0; i < kEntries; ++i) Put("k" + std::to_string(i), value, i % 50 == 0 ? 10 : 100000);
  Advance(20000);
  bool more = false;
  EXPECT_LT(keyspace_->Expire(now_, kEntries, &more), kEntries / 50);
  EXPECT_TRUE(more);
  for (int calls = 0; more && calls < 1000; ++calls) keyspace_->Expire(now_, kEntries, &more);
  EXPECT_FALSE(more);
  EXPECT_EQ(keyspace_->Stats().entries, kEntries - kEntries / 50);
}

TEST_F(KeyspaceTest, ExpireRemovesWhatIsDueInBoundedSteps) {
  for (int i = 0; i < 1000; ++i) Put("k" + std::to_string(i), "v", 10 + i);
  Put("for ever", "v");
  Advance(509);
  EXPECT_EQ(keyspace_->Stats().entries, 1001u) << "nothing is removed before its turn";
  EXPECT_EQ(keyspace_->Expire(now_, 100), 100u);
  EXPECT_EQ(keyspace_->Stats().entries, 901u);
  EXPECT_EQ(keyspace_->Expire(now_, 1000), 400u);
  EXPECT_EQ(keyspace_->Expire(now_, 1000), 0u);
  EXPECT_EQ(keyspace_->Stats().expirations, 500u);
  Advance(1000);
  EXPECT_EQ(keyspace_->Expire(now_, 1000), 500u);
  EXPECT_EQ(keyspace_->Stats().entries, 1u);
}

TEST_F(KeyspaceTest, FlushRemovesEverythingOrOneSlot) {
  for (int i = 0; i < 1000; ++i) Put("k" + std::to_string(i), "v", i % 2 == 0 ? 100 : 0);
  const uint32_t slot = Ref("k7").slot;
  const SlotStats before = keyspace_->StatsOfSlot(slot);
  EXPECT_GE(before.entries, 1u);
  EXPECT_GT(before.memory_bytes, before.entries * sizeof("k7"));
  EXPECT_EQ(keyspace_->FlushSlot(slot, now_).value(), before.entries);
  EXPECT_EQ(Get("k7"), std::nullopt);
  EXPECT_EQ(keyspace_->StatsOfSlot(slot).entries, 0u);
  EXPECT_EQ(keyspace_->StatsOfSlot(slot).memory_bytes, 0u);
  EXPECT_EQ(keyspace_->Flush(now_).value(), 1000 - before.entries);
  EXPECT_EQ(keyspace_->Stats().entries, 0u);
  Put("k", "v");
  EXPECT_EQ(Get("k"), "v");
}

TEST_F(KeyspaceTest, CountsHitsAndMisses) {
  Put("k", "v");
  Get("k");
  Get("k");
  Get("absent");
  const KeyspaceStats stats = keyspace_->Stats();
  EXPECT_EQ(stats.hits, 2u);
  EXPECT_EQ(stats.misses, 1u);
  EXPECT_EQ(stats.entries, 1u);
}

TEST(KeyspaceOptionsTest, RefusesWhatItCannotDo) {
  HybridClock clock(0);
  EXPECT_EQ(Keyspace::Create({.memory_bytes = 1}, &clock).status().code(),
            absl::StatusCode::kInvalidArgument);
  for (const uint32_t stripes : {0u, 3u, 32768u}) {
    EXPECT_EQ(Keyspace::Create({.stripes = stripes}, &clock).status().code(),
              absl::StatusCode::kInvalidArgument)
        << stripes;
  }
  EXPECT_FALSE(Keyspace::Create({.eviction_samples = 0}, &clock).ok());
  for (const uint32_t stripes : {1u, 16384u}) {
    EXPECT_TRUE(Keyspace::Create({.stripes = stripes}, &clock).ok()) << stripes;
  }
  EXPECT_TRUE(
      Keyspace::Create({.memory_bytes = Keyspace::kMemoryBytesMin, .stripes = 16384}, &clock).ok())
      << "fewer stripes are made than would fit";
}

class FullSink final : public ValueSink {
 public:
  char* Reserve(const EntryInfo&, size_t) override {
    ++calls;
    return nullptr;
  }
  int calls = 0;
};

TEST_F(KeyspaceTest, ASetWhosePreviousValueHasNoRoomChangesNothing) {
  using Kind = Condition::Kind;
  for (const std::string old : {"old", ""}) {
    const uint64_t version = Put("k", old, 1000);
    FullSink sink;
    const auto refuses = [&](const Condition& condition) {
      const auto result = Set("k", "new", {.flags = 7, .condition = condition, .previous = &sink});
      return result.ok() && result->outcome == SetResult::Outcome::kRefused;
    };
    EXPECT_TRUE(refuses({}));
    EXPECT_TRUE(refuses({.kind = Kind::kIfVersion, .version = version}));
    EXPECT_TRUE(refuses({.kind = Kind::kIfAbsent})) << "it would say that there was nothing";
    EXPECT_TRUE(refuses({.kind = Kind::kLeaseToken, .token = {1}}));
    EXPECT_EQ(sink.calls, 4);
    StringSink shown;
    ASSERT_EQ(keyspace_->Get(Ref("k"), now_, shown), GetOutcome::kHit);
    EXPECT_EQ(shown.value, old);
    EXPECT_EQ(shown.info.version, version);
    EXPECT_EQ(shown.info.flags, 0u);
    EXPECT_EQ(keyspace_->Get(Ref("k"), now_, sink), GetOutcome::kRefused);
  }
  FullSink sink;
  EXPECT_EQ(Set("none", "new", {.previous = &sink})->outcome, SetResult::Outcome::kStored)
      << "there is nothing to return";
  EXPECT_EQ(sink.calls, 0);
  EXPECT_EQ(keyspace_->Stats().leases_lost, 0u);
}

}  // namespace
}  // namespace larder::storage
