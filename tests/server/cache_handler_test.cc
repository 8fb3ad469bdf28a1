#include <gmock/gmock.h>

#include <set>
#include <string>

#include "cluster/hash_slot.h"
#include "server/handlers/retry_hint.h"
#include "storage/key_hasher.h"
#include "tests/server/handler_fixture.h"
#include "tests/storage/colliding_keys.h"

namespace larder::server {
namespace {

using storage::Millis;
using testing::AllOf;
using testing::HasSubstr;
using LeaseKind = storage::LeaseResult::Kind;
using SetOutcome = storage::SetResult::Outcome;

class CacheHandlerTest : public HandlerTest {};

SetView WithToken(std::string_view key, std::string_view value, std::string_view token) {
  return {.key = key,
          .value = value,
          .condition = {.kind = ConditionView::Kind::kLeaseToken, .lease_token = token}};
}

TEST_F(CacheHandlerTest, GetReturnsWhatWasSet) {
  const auto set = Set({.key = "k", .value = "value", .flags = 7});
  ASSERT_TRUE(set.status.ok());
  const auto get = Get("k");
  EXPECT_TRUE(get.answer.found);
  EXPECT_EQ(get.value, "value");
  EXPECT_EQ(get.info.flags, 7u);
  EXPECT_EQ(get.info.version, set.answer.result.version);
  EXPECT_EQ(get.info.expires_at, storage::kNever);
  EXPECT_FALSE(get.info.stale);
}

TEST_F(CacheHandlerTest, MissIsAnAnswer) {
  const auto get = Get("k");
  EXPECT_TRUE(get.status.ok());
  EXPECT_FALSE(get.answer.found);
  EXPECT_FALSE(get.value.has_value());
}

TEST_F(CacheHandlerTest, EntryExpiresToTheMillisecond) {
  Set({.key = "k", .value = "v", .ttl = WireDuration{0, 5000000}});
  time_.Advance(Millis(4));
  EXPECT_TRUE(Get("k").answer.found);
  time_.Advance(Millis(1));
  EXPECT_FALSE(Get("k").answer.found);
}

TEST_F(CacheHandlerTest, KeepTtlPassesTheExpiryOn) {
  Set({.key = "k", .value = "old", .ttl = WireDuration{10, 0}});
  const auto expires_at = Get("k").info.expires_at;
  time_.Advance(Millis(3000));
  Set({.key = "k", .value = "new", .keep_ttl = true});
  EXPECT_EQ(Get("k").info.expires_at, expires_at);
  EXPECT_EQ(Get("k").value, "new");
}

TEST_F(CacheHandlerTest, FailedConditionIsAnAnswer) {
  using Kind = ConditionView::Kind;
  const uint64_t version = Set("k", "v").answer.result.version;
  const auto absent = Set({.key = "k", .condition = {.kind = Kind::kIfAbsent, .flag = true}});
  EXPECT_TRUE(absent.status.ok());
  EXPECT_EQ(absent.answer.result.outcome, SetOutcome::kExists);
  EXPECT_EQ(absent.answer.result.version, version);
  const auto present = Set({.key = "x", .condition = {.kind = Kind::kIfPresent, .flag = true}});
  EXPECT_EQ(present.answer.result.outcome, SetOutcome::kNotFound);
  const auto other =
      Set({.key = "k", .condition = {.kind = Kind::kIfVersion, .version = version + 1}});
  EXPECT_EQ(other.answer.result.outcome, SetOutcome::kVersionMismatch);
  const auto same =
      Set({.key = "k", .value = "w", .condition = {Kind::kIfVersion, false, version}});
  EXPECT_EQ(same.answer.result.outcome, SetOutcome::kStored);
  EXPECT_EQ(Get("k").value, "w");
}

TEST_F(CacheHandlerTest, SetReturnsThePreviousEntryStoredOrNot) {
  const auto first = Set({.key = "k", .value = "old", .return_previous = true});
  EXPECT_FALSE(first.value.has_value());
  const auto second = Set({.key = "k", .value = "new", .return_previous = true});
  EXPECT_EQ(second.value, "old");
  EXPECT_EQ(second.info.version, first.answer.result.version);
  const auto refused = Set({.key = "k",
                            .value = "newer",
                            .condition = {.kind = ConditionView::Kind::kIfAbsent, .flag = true},
                            .return_previous = true});
  EXPECT_EQ(refused.answer.result.outcome, SetOutcome::kExists);
  EXPECT_EQ(refused.value, "new");
}

TEST_F(CacheHandlerTest, DeletedValueIsServedStaleForAWhile) {
  Set("k", "old");
  const auto removed = Delete({.key = "k", .serve_stale_for = WireDuration{1, 0}});
  EXPECT_TRUE(removed.answer.deleted);
  const auto stale = Get("k");
  EXPECT_TRUE(stale.answer.found);
  EXPECT_TRUE(stale.info.stale);
  EXPECT_EQ(stale.value, "old");
  time_.Advance(Millis(1000));
  EXPECT_FALSE(Get("k").answer.found);
}

TEST_F(CacheHandlerTest, OneCallerIsGrantedTheLeaseTheOthersAreHeld) {
  const auto granted = Lease({.key = "k"});
  EXPECT_EQ(granted.answer.kind, LeaseKind::kGranted);
  EXPECT_EQ(granted.token.size(), LeaseTokenCodec::kTokenBytes);
  EXPECT_EQ(granted.answer.deadline, time_.Now() + Millis(10000));
  const auto held = Lease({.key = "k"});
  EXPECT_EQ(held.answer.kind, LeaseKind::kHeld);
  EXPECT_EQ(held.answer.retry_after, Millis(25));
  const auto set = Set(WithToken("k", "v", granted.token));
  EXPECT_EQ(set.answer.result.outcome, SetOutcome::kStored);
  const auto hit = Lease({.key = "k"});
  EXPECT_EQ(hit.answer.kind, LeaseKind::kHit);
  EXPECT_EQ(hit.value, "v");
}

TEST_F(CacheHandlerTest, RetryAfterIsNoLongerThanTheLeaseIsHeld) {
  Lease({.key = "k", .hold_for = WireDuration{0, 10000000}});
  EXPECT_EQ(Lease({.key = "k"}).answer.retry_after, Millis(10));
  time_.Advance(Millis(7));
  EXPECT_EQ(Lease({.key = "k"}).answer.retry_after, Millis(3));
  time_.Advance(Millis(3));
  EXPECT_EQ(Lease({.key = "k"}).answer.kind, LeaseKind::kGranted);
}

TEST_F(CacheHandlerTest, LeaseIsLostToAnyOtherMutation) {
  const std::string token = Lease({.key = "k"}).token;
  Set("k", "by somebody else");
  EXPECT_EQ(Set(WithToken("k", "late", token)).answer.result.outcome, SetOutcome::kLeaseLost);
  EXPECT_EQ(Get("k").value, "by somebody else");
  Delete({.key = "k"});
  const std::string second = Lease({.key = "k"}).token;
  Delete({.key = "k"});
  EXPECT_EQ(Set(WithToken("k", "late", second)).answer.result.outcome, SetOutcome::kLeaseLost);
}

TEST_F(CacheHandlerTest, TokenOfAnEarlierProcessIsVoid) {
  const std::string token = Lease({.key = "k"}).token;
  CacheHandler restarted(&keyspace_, &time_, {}, LeaseTokenCodec(3, 78));
  RecordingSet reply;
  restarted.Set(WithToken("k", "late", token), reply);
  EXPECT_EQ(reply.answer.result.outcome, SetOutcome::kLeaseLost);
  EXPECT_EQ(Set(WithToken("k", "v", token)).answer.result.outcome, SetOutcome::kStored);
}

TEST_F(CacheHandlerTest, TouchChangesOnlyTheExpiry) {
  const auto set = Set({.key = "k", .value = "v", .ttl = WireDuration{1, 0}});
  const auto touch = Touch({.key = "k", .ttl = WireDuration{100, 0}});
  EXPECT_TRUE(touch.answer.found);
  EXPECT_EQ(touch.answer.version, set.answer.result.version);
  EXPECT_EQ(touch.answer.expires_at, time_.Now() + Millis(100000));
  EXPECT_EQ(Get("k").info.expires_at, touch.answer.expires_at);
  EXPECT_EQ(Touch({.key = "k"}).answer.expires_at, storage::kNever);
  EXPECT_FALSE(Touch({.key = "other"}).answer.found);
}

TEST_F(CacheHandlerTest, IncrementCountsAndNamesWhatIsNoNumber) {
  EXPECT_FALSE(Increment({.key = "n", .delta = 1}).answer.found);
  const auto created = Increment({.key = "n", .delta = 1, .initial = 40});
  EXPECT_TRUE(created.answer.created);
  EXPECT_EQ(created.answer.value, 40);
  EXPECT_EQ(Increment({.key = "n", .delta = 2}).answer.value, 42);
  Set("text", "not a number");
  const auto refused = Increment({.key = "text", .delta = 1});
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status.message()), HasSubstr("Increment"));
}

TEST_F(CacheHandlerTest, IncrementSetsTheExpiryOnlyWhenAsked) {
  Increment({.key = "n", .initial = 1, .ttl = WireDuration{10, 0}});
  const auto expires_at = Get("n").info.expires_at;
  EXPECT_EQ(expires_at, time_.Now() + Millis(10000));
  time_.Advance(Millis(1000));
  Increment({.key = "n", .delta = 1});
  EXPECT_EQ(Get("n").info.expires_at, expires_at);
  Increment({.key = "n", .delta = 1, .ttl = WireDuration{20, 0}});
  EXPECT_EQ(Get("n").info.expires_at, time_.Now() + Millis(20000));
}

TEST_F(CacheHandlerTest, AppendAddsAndKeepsTheExpiry) {
  EXPECT_FALSE(Append({.key = "k", .value = "a", .if_present = true}).answer.stored);
  Append({.key = "k", .value = "a", .ttl = WireDuration{10, 0}});
  const auto expires_at = Get("k").info.expires_at;
  const auto appended = Append({.key = "k", .value = "bc", .ttl = WireDuration{99, 0}});
  EXPECT_EQ(appended.answer.value_bytes, 3u);
  EXPECT_EQ(Get("k").value, "abc");
  EXPECT_EQ(Get("k").info.expires_at, expires_at);
}

TEST_F(CacheHandlerTest, ScanWalksEveryKeyOnceWithItsCursor) {
  std::set<std::string> keys;
  for (int i = 0; i < 500; ++i) {
    keys.insert("key" + std::to_string(i));
    Set("key" + std::to_string(i), "v");
    Set("other" + std::to_string(i), "v");
  }
  std::multiset<std::string> seen;
  std::string cursor;
  int calls = 0;
  do {
    const auto reply = Scan({.cursor = cursor, .prefix = "key", .limit = 7});
    ASSERT_TRUE(reply.status.ok());
    for (const auto& entry : reply.entries) seen.insert(entry.first);
    cursor = reply.next_cursor;
    ++calls;
  } while (!cursor.empty() && calls < 100000);
  EXPECT_EQ(seen, std::multiset<std::string>(keys.begin(), keys.end()));
  EXPECT_GT(calls, 50);
}

TEST_F(CacheHandlerTest, ScanWithoutAMatchLooksAtSoMuchAndGoesOnFromItsCursor) {
  constexpr size_t kKeys = 20000;
  for (size_t i = 0; i < kKeys; ++i) Set("other" + std::to_string(i), "v");
  std::string cursor;
  size_t calls = 0;
  do {
    const auto reply = Scan({.cursor = cursor, .prefix = "key"});
    ASSERT_TRUE(reply.status.ok());
    EXPECT_TRUE(reply.entries.empty());
    cursor = reply.next_cursor;
    ++calls;
  } while (!cursor.empty() && calls < 1000);
  EXPECT_TRUE(cursor.empty());
  EXPECT_GE(calls, kKeys / Limits::kScanVisitsMax);
  EXPECT_LE(calls, (kKeys + storage::kSlots) / Limits::kScanVisitsMax + 1);
}

TEST_F(CacheHandlerTest, ScanHasADefaultLimit) {
  for (int i = 0; i < 5000; ++i) Set("key" + std::to_string(i), "v");
  EXPECT_EQ(Scan({}).entries.size(), 100u);
}

class DefaultTtlTest : public HandlerTest {
 protected:
  static Limits LimitsWithDefaultTtl() {
    Limits limits;
    limits.default_ttl = absl::Seconds(30);
    return limits;
  }
  DefaultTtlTest() : HandlerTest(LimitsWithDefaultTtl()) {}
};

TEST_F(DefaultTtlTest, AppliesWhereverATtlIsMissing) {
  const storage::TimePoint expected = time_.Now() + Millis(30000);
  Set("set", "v");
  EXPECT_EQ(Get("set").info.expires_at, expected);
  Increment({.key = "number", .initial = 1});
  EXPECT_EQ(Get("number").info.expires_at, expected);
  Append({.key = "append", .value = "v"});
  EXPECT_EQ(Get("append").info.expires_at, expected);
  Set({.key = "touch", .ttl = WireDuration{500, 0}});
  EXPECT_EQ(Touch({.key = "touch"}).answer.expires_at, expected);
}

TEST_F(CacheHandlerTest, AScanOfOneGivesOneWhateverKeysTheClientChose) {
  // They collide under XXH3 for everybody, and stand in one slot.
  const auto keys = storage::CollidingKeys::Public("{tag}___________");
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(Set(keys[i], "value").status.ok());
  EXPECT_EQ(keyspace_.get()->StatsOfSlot(cluster::HashSlot(keys[0])).entries, 2000u);
  size_t walked = 0;
  std::string cursor;
  do {
    const auto reply = Scan({.cursor = cursor, .limit = 1});
    ASSERT_TRUE(reply.status.ok()) << reply.status;
    ASSERT_LE(reply.entries.size(), 1u);
    walked += reply.entries.size();
    cursor = reply.next_cursor;
  } while (!cursor.empty());
  EXPECT_EQ(walked, 2000u);
}

class FullMemoryTest : public HandlerTest {
 protected:
  static storage::KeyspaceOptions SmallAndWithoutEviction() {
    storage::KeyspaceOptions options;
    options.memory_bytes = storage::Keyspace::kMemoryBytesMin;
    options.eviction = storage::EvictionKind::kNone;
    return options;
  }
  FullMemoryTest() : HandlerTest({}, SmallAndWithoutEviction()) {}
};

TEST_F(FullMemoryTest, WritesAreResourceExhaustedWithARetryHintAndReadsGoOn) {
  const std::string value(64 << 10, 'v');
  RecordingSet last;
  int stored = 0;
  for (; stored < 1000; ++stored) {
    last = Set("key" + std::to_string(stored), value);
    if (!last.status.ok()) break;
  }
  ASSERT_EQ(last.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(last.status.message()), HasSubstr("Set"));
  EXPECT_EQ(RetryHintOf(last.status), absl::Milliseconds(100));
  EXPECT_GT(stored, 10);
  EXPECT_TRUE(Get("key0").answer.found);
  EXPECT_FALSE(Get("key" + std::to_string(stored)).answer.found);
}

TEST_F(FullMemoryTest, AWriteThatCanNeverFitCarriesNoRetryHint) {
  const RecordingSet reply = Set("key", std::string(4'100'000, 'v'));
  ASSERT_EQ(reply.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("--memory"));
  EXPECT_FALSE(RetryHintOf(reply.status).has_value());
}

TEST_F(FullMemoryTest, OneMoreOfTooManyKeysWithOneHashCarriesNoRetryHint) {
  const auto secret = storage::KeyHasher::Expand({});
  const storage::CollidingKeys keys(
      "{tag}___________", {secret.data() + storage::CollidingKeys::kWordAt, sizeof(uint64_t)});
  for (size_t i = 0; i < storage::kEqualHashesMax; ++i) {
    ASSERT_TRUE(Set(keys[i], "value").status.ok());
  }
  const RecordingSet reply = Set(keys[99], "value");
  ASSERT_EQ(reply.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("same hash"));
  EXPECT_FALSE(RetryHintOf(reply.status).has_value());
}

}  // namespace
}  // namespace larder::server
