#include "tests/storage/keyspace_fixture.h"

namespace larder::storage {
namespace {

using Kind = LeaseResult::Kind;
using Outcome = SetResult::Outcome;

TEST_F(KeyspaceTest, OneCallerIsGrantedAndOthersAreHeld) {
  const LeaseResult granted = Lease("k", 1000);
  EXPECT_EQ(granted.kind, Kind::kGranted);
  EXPECT_FALSE(granted.has_value);
  for (int i = 0; i < 10; ++i) {
    const LeaseResult held = Lease("k", 1000);
    EXPECT_EQ(held.kind, Kind::kHeld);
    EXPECT_EQ(held.deadline, now_ + Millis(1000));
  }
  EXPECT_EQ(SetWithToken("k", "v", granted.token), Outcome::kStored);
  EXPECT_EQ(Lease("k").kind, Kind::kHit);
  EXPECT_EQ(lease_sink_.value, "v");
  const KeyspaceStats stats = keyspace_->Stats();
  EXPECT_EQ(stats.leases_granted, 1u);
  EXPECT_EQ(stats.leases_held, 10u);
  EXPECT_EQ(stats.leases, 0u) << "the Set consumed it";
}

TEST_F(KeyspaceTest, ADeadHoldersLeaseGoesToTheNextAfterHoldFor) {
  const LeaseResult first = Lease("k", 1000);
  Advance(999);
  EXPECT_EQ(Lease("k", 1000).kind, Kind::kHeld);
  Advance(1);
  const LeaseResult second = Lease("k", 1000);
  EXPECT_EQ(second.kind, Kind::kGranted);
  EXPECT_EQ(SetWithToken("k", "late", first.token), Outcome::kLeaseLost);
  EXPECT_EQ(SetWithToken("k", "v", second.token), Outcome::kStored);
  EXPECT_EQ(Get("k"), "v");
  EXPECT_EQ(keyspace_->Stats().leases_lost, 1u);
}

TEST_F(KeyspaceTest, ATokenIsVoidAtItsDeadlineAlsoWithoutASuccessor) {
  const LeaseResult lease = Lease("k", 10);
  Advance(10);
  EXPECT_EQ(SetWithToken("k", "late", lease.token), Outcome::kLeaseLost);
  EXPECT_EQ(Get("k"), std::nullopt);
}

TEST_F(KeyspaceTest, ATokenIsGoodForOneSetOfItsKey) {
  const LeaseResult lease = Lease("k");
  EXPECT_EQ(SetWithToken("other", "v", lease.token), Outcome::kLeaseLost);
  EXPECT_EQ(SetWithToken("k", "v", lease.token), Outcome::kStored);
  EXPECT_EQ(SetWithToken("k", "v", lease.token), Outcome::kLeaseLost);
}

TEST_F(KeyspaceTest, EveryMutationByOthersVoidsTheToken) {
  const auto voids = [&](const char* what, auto mutate) {
    Delete("k");
    const LeaseResult lease = Lease("k");
    ASSERT_EQ(lease.kind, Kind::kGranted) << what;
    mutate();
    EXPECT_EQ(SetWithToken("k", "late", lease.token), Outcome::kLeaseLost) << what;
  };
  voids("Set", [&] { Put("k", "1"); });
  voids("Delete of a key that is not there", [&] { Delete("k"); });
  voids("Increment",
        [&] { keyspace_->Increment(Ref("k"), {.delta = 1, .initial = 1}, now_).IgnoreError(); });
  voids("Append", [&] { keyspace_->Append(Ref("k"), "x", {}, now_).IgnoreError(); });
  voids("Flush", [&] { ASSERT_TRUE(keyspace_->Flush(now_).ok()); });
  voids("FlushSlot", [&] { ASSERT_TRUE(keyspace_->FlushSlot(Ref("k").slot, now_).ok()); });
}

TEST_F(KeyspaceTest, WhatChangesNothingLeavesTheTokenValid) {
  const LeaseResult lease = Lease("k");
  SetOptions if_present;
  if_present.condition.kind = Condition::Kind::kIfPresent;
  EXPECT_EQ(Set("k", "v", if_present)->outcome, Outcome::kNotFound);
  keyspace_->Delete(Ref("k"), {.if_version = 5}, now_).IgnoreError();
  keyspace_->Touch(Ref("k"), kNever, now_).IgnoreError();
  Get("k");
  EXPECT_EQ(SetWithToken("k", "v", lease.token), Outcome::kStored);
}

TEST_F(KeyspaceTest, StaleValueComesWithTheGrantAndWhileHeld) {
  Put("k", "old");
  Delete("k", 5000);
  const LeaseResult granted = Lease("k", 1000);
  EXPECT_EQ(granted.kind, Kind::kGranted);
  EXPECT_TRUE(granted.has_value);
  EXPECT_FALSE(granted.early);
  EXPECT_EQ(lease_sink_.value, "old");
  EXPECT_TRUE(lease_sink_.info.stale);
  const LeaseResult held = Lease("k", 1000);
  EXPECT_EQ(held.kind, Kind::kHeld);
  EXPECT_EQ(lease_sink_.value, "old");
  EXPECT_EQ(SetWithToken("k", "new", granted.token), Outcome::kStored);
  EXPECT_EQ(Lease("k").kind, Kind::kHit);
  EXPECT_EQ(lease_sink_.value, "new");
  EXPECT_FALSE(lease_sink_.info.stale);
}

// Facebook's race: the value that the holder read is older than the delete that came after.
TEST_F(KeyspaceTest, DeleteBetweenLeaseAndSetKeepsTheOldValueOut) {
  Put("k", "v1");
  Delete("k");
  const LeaseResult lease = Lease("k");
  Delete("k", 1000);
  EXPECT_EQ(SetWithToken("k", "v1", lease.token), Outcome::kLeaseLost);
  EXPECT_EQ(Get("k"), std::nullopt);
}

TEST_F(KeyspaceTest, EvictionVoidsTheToken) {
  Make({.memory_bytes = 8 << 20, .stripes = 1});
  const LeaseResult first = Lease("k");
  Advance(100);
  SetWithToken("k", std::string(100000, 'v'), first.token, 1000);
  Advance(999);
  LeaseResult early = Lease("k", 60000, 1000);
  ASSERT_EQ(early.kind, Kind::kGranted);
  ASSERT_TRUE(early.early);
  for (int i = 0; i < 200; ++i) Put("filler" + std::to_string(i), std::string(100000, 'f'));
  ASSERT_EQ(Get("k"), std::nullopt);
  EXPECT_EQ(SetWithToken("k", "v", early.token), Outcome::kLeaseLost);
}

// The value that an early refresher computes is as good after the expiry as before it.
TEST_F(KeyspaceTest, AnEarlyRefreshSurvivesTheExpiryOfWhatItRefreshes) {
  const LeaseResult first = Lease("k");
  Advance(100);
  SetWithToken("k", "1", first.token, 1000);
  Advance(999);
  const LeaseResult early = Lease("k", 60000, 1000);
  ASSERT_TRUE(early.early);
  Advance(50);
  EXPECT_EQ(Lease("k").kind, Kind::kHeld);
  EXPECT_GT(keyspace_->Expire(now_, 100), 0u);
  EXPECT_EQ(Lease("k").kind, Kind::kHeld);
  EXPECT_EQ(SetWithToken("k", "2", early.token), Outcome::kStored);
}

TEST_F(KeyspaceTest, EarlyRefreshFollowsXFetch) {
  // P(early) = exp(-remaining / (beta * delta)); delta is 100 ms here.
  int early_at_delta = 0;
  int early_far_away = 0;
  constexpr int kTrials = 2000;
  for (int i = 0; i < kTrials; ++i) {
    const std::string key = "k" + std::to_string(i);
    const LeaseResult first = Lease(key);
    Advance(100);
    SetWithToken(key, "v", first.token, 10000);
    if (Lease(key, 1000, 1).kind == Kind::kGranted) ++early_far_away;
    Advance(9900);
    const LeaseResult at_delta = Lease(key, 1000, 1);
    if (at_delta.kind == Kind::kGranted) {
      EXPECT_TRUE(at_delta.early);
      EXPECT_EQ(lease_sink_.value, "v") << "the current value comes with an early grant";
      EXPECT_EQ(Lease(key, 1000, 1000).kind, Kind::kHit) << "the others are not disturbed";
      ++early_at_delta;
    }
  }
  EXPECT_EQ(early_far_away, 0);
  EXPECT_NEAR(static_cast<double>(early_at_delta) / kTrials, 0.368, 0.05);
  EXPECT_EQ(keyspace_->Stats().leases_granted_early, static_cast<uint64_t>(early_at_delta));
}

TEST_F(KeyspaceTest, NoEarlyRefreshWithoutBetaExpiryOrKnownCost) {
  const LeaseResult first = Lease("k", 5000);
  Advance(1000);
  SetWithToken("k", "v", first.token, 10);
  Put("unknown cost", "v", 10);
  Advance(9);
  EXPECT_EQ(Lease("k", 1000, 0).kind, Kind::kHit);
  EXPECT_EQ(Lease("unknown cost", 1000, 1000).kind, Kind::kHit);
  const LeaseResult second = Lease("never expires", 5000);
  Advance(1000);
  SetWithToken("never expires", "v", second.token);
  EXPECT_EQ(Lease("never expires", 1000, 1000).kind, Kind::kHit);
}

TEST_F(KeyspaceTest, OutstandingLeasesAreBoundedAndExpire) {
  Make({.leases_max = 3});
  Lease("a", 10);
  Lease("b", 20);
  const LeaseResult third = Lease("c", 1000);
  StringSink sink;
  EXPECT_EQ(keyspace_->Lease(Ref("d"), {Millis(10)}, now_, sink).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(keyspace_->Stats().leases, 3u);
  Advance(20);
  EXPECT_EQ(keyspace_->Expire(now_, 100), 2u);
  EXPECT_EQ(Lease("d").kind, Kind::kGranted);
  EXPECT_EQ(SetWithToken("c", "v", third.token), Outcome::kStored);
  EXPECT_EQ(Lease("e").kind, Kind::kGranted) << "a consumed lease makes room";
}

}  // namespace
}  // namespace larder::storage
