// What is committed and told to a log, what is refused, and copies made of it.

#include "storage/commands.h"
#include "storage/lasting_failure.h"
#include "storage/random.h"
#include "tests/storage/colliding_keys.h"
#include "tests/storage/logged_keyspace.h"

namespace larder::storage {
namespace {

TEST_F(KeyspaceCommitTest, TellsTheLogOfEveryMutationWithAllFields) {
  const auto stored = Set("k", "12", {.expires_at = now_ + Millis(500), .flags = 7});
  EXPECT_EQ(Last().mutation.kind, MutationKind::kSet);
  EXPECT_EQ(Last().key, "k");
  EXPECT_EQ(Last().value, "12");
  EXPECT_EQ(Last().mutation.slot, Ref("k").slot);
  EXPECT_EQ(Last().mutation.version, stored->version);
  EXPECT_EQ(Last().mutation.expires_at, now_ + Millis(500));
  EXPECT_EQ(Last().mutation.flags, 7u);

  const auto sum = keyspace_->Increment(Ref("k"), {.delta = 1}, now_);
  EXPECT_EQ(Last().value, "13");
  EXPECT_EQ(Last().mutation.version, sum->version);
  ASSERT_TRUE(keyspace_->Append(Ref("k"), std::string(10000, 'x'), {}, now_).ok());
  EXPECT_EQ(Last().value, "13" + std::string(10000, 'x'));

  ASSERT_TRUE(keyspace_->Touch(Ref("k"), now_ + Millis(900), now_).ok());
  EXPECT_EQ(Last().mutation.kind, MutationKind::kSetFields);
  EXPECT_EQ(Last().mutation.expires_at, now_ + Millis(900));
  EXPECT_EQ(Last().mutation.flags, 7u);
  EXPECT_TRUE(Last().value.empty());

  ASSERT_TRUE(Delete("k", 50));
  EXPECT_EQ(Last().mutation.kind, MutationKind::kSetFields);
  EXPECT_TRUE(Last().mutation.stale);
  EXPECT_EQ(Last().mutation.expires_at, now_ + Millis(50));

  const uint64_t before_removal = Last().mutation.version;
  EXPECT_FALSE(Delete("k"));
  EXPECT_EQ(Last().mutation.kind, MutationKind::kDelete) << "of a stale value";
  EXPECT_GT(Last().mutation.version, before_removal);
  EXPECT_EQ(Logged(), 6u);
}

TEST_F(KeyspaceCommitTest, WhatChangesNoEntryIsNotLogged) {
  Put("k", "v");
  const size_t before = Logged();
  SetOptions if_absent;
  if_absent.condition.kind = Condition::Kind::kIfAbsent;
  EXPECT_EQ(Set("k", "w", if_absent)->outcome, SetResult::Outcome::kExists);
  EXPECT_FALSE(Delete("absent"));
  EXPECT_FALSE(keyspace_->Delete(Ref("k"), {.if_version = 1}, now_)->deleted);
  EXPECT_FALSE(keyspace_->Touch(Ref("absent"), kNever, now_)->found);
  EXPECT_FALSE(keyspace_->Append(Ref("absent"), "x", {.if_present = true}, now_)->stored);
  EXPECT_FALSE(keyspace_->Increment(Ref("absent"), {.delta = 1}, now_)->found);
  EXPECT_FALSE(keyspace_->Increment(Ref("k"), {.delta = 1}, now_).ok());
  Lease("absent");
  Get("k");
  EXPECT_EQ(Logged(), before);
}

TEST_F(KeyspaceCommitTest, ExpiryIsLoggedWhenTheExpirerRemovesAndKeepsTheLease) {
  const uint64_t version = Put("k", "v", 100);
  Advance(100);
  EXPECT_FALSE(Get("k").has_value());
  EXPECT_EQ(Logged(), 1u) << "a reader hides it and logs nothing";
  const LeaseResult lease = Lease("k");
  EXPECT_EQ(keyspace_->Expire(now_, 10), 1u);
  EXPECT_EQ(Last().mutation.kind, MutationKind::kExpire);
  EXPECT_EQ(Last().mutation.version, version);
  EXPECT_EQ(SetWithToken("k", "w", lease.token), SetResult::Outcome::kStored);
}

TEST_F(KeyspaceCommitTest, WithoutRoomInTheLogNothingChanges) {
  Put("k", "1");
  const Contents before = Replayed();
  const LeaseResult lease = Lease("other");
  const size_t logged = Logged();
  log_->SetRoom(0);
  for (const auto& [what, status] : TryAll("k")) {
    const bool changes = what != std::string_view("Set if absent");
    EXPECT_EQ(status.code(), changes ? absl::StatusCode::kUnavailable : absl::StatusCode::kOk)
        << what << ": " << status;
    EXPECT_FALSE(IsLasting(status)) << what;
  }
  SetCommand command{Ref("k"), "2", SetOptions()};
  EXPECT_EQ(keyspace_->Execute(command, now_).kind, Outcome::Kind::kNeedsLogRoom);
  Advance(1);
  EXPECT_EQ(keyspace_->Expire(now_, 10), 0u);
  EXPECT_EQ(Logged(), logged);
  ExpectSame(ExportAll(*keyspace_), before);
  log_->SetRoom(1 << 20);
  EXPECT_TRUE(keyspace_->Execute(command, now_).done()) << "the same command again";
  EXPECT_EQ(Get("k"), "2");
  EXPECT_EQ(SetWithToken("other", "x", lease.token), SetResult::Outcome::kStored);
}

TEST_F(KeyspaceCommitTest, AWriteThatTheLogCanNeverHoldFailsForGood) {
  Put("k", "1");
  log_->SetRoomMax(1000);
  log_->SetRoom(0);
  EXPECT_EQ(Set("k", std::string(800, 'v')).status().code(), absl::StatusCode::kUnavailable);
  const absl::Status status = Set("k", std::string(1000, 'v')).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_TRUE(IsLasting(status));
  EXPECT_NE(status.message().find("bytes of the log, which can hold 1000"), std::string::npos)
      << status;
  EXPECT_EQ(Get("k"), "1");
}

TEST_F(KeyspaceCommitTest, NothingIsEvictedOrExpiredWithoutRoomInTheLog) {
  MakeWithLog({.memory_bytes = 4 << 20, .stripes = 1, .eviction = EvictionKind::kLru});
  for (int i = 0; keyspace_->Stats().evictions == 0; ++i) {
    Put("k" + std::to_string(i), std::string(1000, 'v'), 1000);
  }
  const uint64_t evictions = keyspace_->Stats().evictions;
  const uint64_t entries = keyspace_->Stats().entries;
  log_->SetRoom(2048);  // for the write, and not for what it would evict
  absl::Status status;
  for (int i = 0; status.ok() && i < 100; ++i) {
    status = Set("new" + std::to_string(i), std::string(1000, 'n')).status();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(keyspace_->Stats().evictions, evictions);
  Advance(20000);
  bool more = true;
  EXPECT_EQ(keyspace_->Expire(now_, 100000, &more), 0u);
  EXPECT_FALSE(more) << "or the housekeeper would spin";
  EXPECT_GE(keyspace_->Stats().entries, entries);
  log_->SetRoom(1 << 20);
  EXPECT_GT(keyspace_->Expire(now_, 100000, &more), 500u);
  ExpectSame(ExportAll(*keyspace_), Replayed());
}

TEST_F(KeyspaceCommitTest, ASlotOfAnotherNodeIsRefusedWhateverIsThere) {
  Put("k", "1");
  const Contents before = Replayed();
  keyspace_->SetSlotOwned(Ref("k").slot, false, now_);
  for (const auto& [what, status] : TryAll("k")) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << what << ": " << status;
  }
  StringSink sink;
  EXPECT_EQ(keyspace_->Get(Ref("k"), now_, sink), GetOutcome::kNotOwner);
  EXPECT_EQ(keyspace_->Lease(Ref("k"), {Millis(100)}, now_, sink).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(sink.calls, 0);
  TouchCommand command{Ref("k"), kNever};
  EXPECT_EQ(keyspace_->Execute(command, now_).kind, Outcome::Kind::kNotOwner);
  EXPECT_EQ(keyspace_->Flush(now_).value(), 0u) << "skips it";
  ExpectSame(ExportAll(*keyspace_), before);

  Put("another", "2");
  keyspace_->SetSlotOwned(Ref("k").slot, true, now_);
  EXPECT_EQ(Get("k"), "1");
  Put("k", "2");
}

TEST_F(KeyspaceCommitTest, WithoutAuthorityOnlyReadsAndApplyGoOn) {
  Put("k", "1");
  Put("due", "1", 10);
  authority_.holds = false;
  const Contents before = Replayed();
  for (const auto& [what, status] : TryAll("k")) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << what << ": " << status;
  }
  StringSink sink;
  EXPECT_EQ(keyspace_->Lease(Ref("absent"), {Millis(100)}, now_, sink).status().code(),
            absl::StatusCode::kUnavailable);
  DeleteCommand command{Ref("k"), DeleteOptions()};
  EXPECT_EQ(keyspace_->Execute(command, now_).kind, Outcome::Kind::kNoAuthority);
  Advance(10);
  EXPECT_EQ(keyspace_->Expire(now_, 10), 0u);
  EXPECT_EQ(Get("k"), "1");
  ExpectSame(ExportAll(*keyspace_), before);
  const Mutation set{
      .slot = Ref("k").slot, .key = "k", .version = clock_.Next(now_), .value = ValueView("2")};
  EXPECT_TRUE(keyspace_->Apply(set, now_).value());
  EXPECT_EQ(Get("k"), "2");
  authority_.holds = true;
  EXPECT_EQ(keyspace_->Expire(now_, 10), 1u);
  Put("k", "3");
}

TEST_F(KeyspaceCommitTest, NothingIsEvictedOnceTheAuthorityIsLost) {
  MakeWithLog({.memory_bytes = 4 << 20, .stripes = 1, .eviction = EvictionKind::kLru});
  for (int i = 0; keyspace_->Stats().evictions == 0; ++i) {
    Put("k" + std::to_string(i), std::string(1000, 'v'));
  }
  authority_.asked_until_lost = 3;  // the attempt and one victim see it
  const size_t before = Logged();
  EXPECT_EQ(Set("big", std::string(100'000, 'v')).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LE(Logged(), before + 1);
  EXPECT_EQ(keyspace_->Shrink(now_, 100), 0u);
}

TEST_F(KeyspaceCommitTest, ACopyEvictsNothingByItself) {
  MakeWithLog({.memory_bytes = 4 << 20, .stripes = 1, .eviction = EvictionKind::kLru});
  authority_.holds = false;
  HybridClock other(9);
  absl::Status status;
  for (int i = 0; i < 6000 && status.ok(); ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::string value(1000, 'v');
    status = keyspace_
                 ->Apply({.slot = Ref(key).slot,
                          .key = key,
                          .version = other.Next(now_),
                          .value = ValueView(value)},
                         now_)
                 .status();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(keyspace_->Stats().evictions, 0u);
}

TEST_F(KeyspaceCommitTest, WhatIsNoMutationGoesOnWithoutAuthorityAndWithoutRoom) {
  for (const bool has_authority : {false, true}) {
    MakeWithLog({.memory_bytes = 64 << 20, .stripes = 1});
    authority_.holds = true;
    for (int i = 0; i < 20000; ++i) {
      ASSERT_TRUE(
          keyspace_->Set({3, "k" + std::to_string(i)}, std::string(500, 'v'), {}, now_).ok());
    }
    Lease("absent", 100);
    Put("expires", "v", 10);
    ASSERT_TRUE(keyspace_->FlushSlot(3, now_).ok());
    authority_.holds = has_authority;
    if (has_authority) log_->SetRoom(0);
    Advance(100'000);
    bool more = true;
    for (int i = 0; i < 1000 && more; ++i) keyspace_->Expire(now_, 1000, &more);
    EXPECT_FALSE(more) << "or the housekeeper would spin";
    EXPECT_LT(keyspace_->Memory().slack, 1u << 20);
    EXPECT_EQ(keyspace_->Stats().leases, 0u);
    EXPECT_EQ(keyspace_->Stats().entries, 1u) << "its expiry is a mutation";
  }
}

TEST_F(KeyspaceCommitTest, AHandOverVoidsLeasesAndHidesTheSlotFromScan) {
  const LeaseResult lease = Lease("k");
  Put("l", "v");
  keyspace_->SetSlotOwned(Ref("k").slot, false, now_);
  keyspace_->SetSlotOwned(Ref("l").slot, false, now_);
  ScanCollector collector;
  keyspace_->Scan({}, {}, now_, collector);
  EXPECT_TRUE(collector.keys.empty());
  log_->SetRoom(0);
  EXPECT_EQ(Set("k", "v").status().code(), absl::StatusCode::kFailedPrecondition)
      << "whatever else is lacking";
  log_->SetRoom(1 << 20);
  keyspace_->SetSlotOwned(Ref("k").slot, true, now_);
  EXPECT_EQ(SetWithToken("k", "late", lease.token), SetResult::Outcome::kLeaseLost);
}

TEST_F(KeyspaceCommitTest, AnAppliedMutationCountsAlsoWhereThereIsNothingToRemove) {
  HybridClock other(9);
  for (const MutationKind kind : {MutationKind::kDelete, MutationKind::kFlushSlot}) {
    Put("k", "1");
    Delete("k");
    const LeaseResult lease = Lease("k");
    Advance(1000);
    const Mutation removal{.kind = kind,
                           .slot = Ref("k").slot,
                           .key = kind == MutationKind::kFlushSlot ? "" : "k",
                           .version = other.Next(now_ + Millis(60'000))};
    ASSERT_TRUE(keyspace_->Apply(removal, now_).ok());
    EXPECT_EQ(SetWithToken("k", "late", lease.token), SetResult::Outcome::kLeaseLost);
    EXPECT_GT(Put("k", "2"), removal.version);
  }
}

TEST_F(KeyspaceCommitTest, KeysThatCollideAreToldToTheLogWithThoseThatMakeWay) {
  const KeyHasher::Secret secret = KeyHasher::Expand({});
  const CollidingKeys keys{"0123456789abcdef",
                           {secret.data() + CollidingKeys::kWordAt, sizeof(uint64_t)}};
  MakeWithLog({.memory_bytes = 64 << 20});
  Random random(1);
  for (uint32_t i = 0; i < 2000; ++i) {
    log_->SetRoom(random.Below(2) == 0 ? 1 << 20 : 64 * random.Below(5));
    keyspace_->Set({77, keys[i]}, "value", {}, now_).IgnoreError();
  }
  ExpectSame(ExportAll(*keyspace_), Replayed());
}

TEST_F(KeyspaceCommitTest, AnExportEndsAfterTheLastSlot) {
  ExportCollector collector;
  const ScanPosition end = keyspace_->ExportSlot({kSlots - 1, 0}, {}, collector).next;
  EXPECT_TRUE(end.at_end());
  EXPECT_TRUE(keyspace_->ExportSlot(end, {}, collector).next.at_end());
}

TEST_F(KeyspaceCommitTest, ShrinkEvictsAboutAsManyAsItMay) {
  MakeWithLog({.memory_bytes = 16 << 20, .stripes = 1, .eviction = EvictionKind::kLru});
  for (int i = 0; i < 60000; ++i) Put("k" + std::to_string(i), std::string(100, 'v'));
  const uint64_t before = keyspace_->Stats().evictions;
  ASSERT_TRUE(keyspace_->SetMemoryLimit(8 << 20).ok());
  const size_t evictions = keyspace_->Shrink(now_, 100);
  EXPECT_EQ(keyspace_->Stats().evictions - before, evictions);
  EXPECT_LT(evictions, 116u);
}

TEST_F(KeyspaceCommitTest, AppliesEveryKindWithTheVersionGiven) {
  HybridClock other(9);
  const KeyRef ref = Ref("k");
  Mutation mutation{.kind = MutationKind::kSet,
                    .slot = ref.slot,
                    .key = "k",
                    .version = other.Next(now_ + Millis(5000)),
                    .expires_at = now_ + Millis(700),
                    .flags = 3,
                    .recompute_ms = 11,
                    .stale = true,
                    .value = ValueView("old")};
  const LeaseResult lease = Lease("k");
  EXPECT_TRUE(keyspace_->Apply(mutation, now_).value());
  EXPECT_EQ(SetWithToken("k", "late", lease.token), SetResult::Outcome::kLeaseLost);
  Contents expected;
  expected.emplace("k", LoggedMutation(mutation));
  ExpectSame(ExportAll(*keyspace_), expected);

  mutation.kind = MutationKind::kSetFields;
  mutation.stale = false;
  mutation.expires_at = kNever;
  mutation.value = ValueView();
  EXPECT_TRUE(keyspace_->Apply(mutation, now_).value());
  EXPECT_EQ(Get("k"), "old");
  StringSink sink;
  keyspace_->Get(ref, now_, sink);
  EXPECT_EQ(sink.info.version, mutation.version);
  EXPECT_GT(Put("k", "own"), mutation.version) << "what this node issues comes later";

  for (const MutationKind kind :
       {MutationKind::kDelete, MutationKind::kEvict, MutationKind::kExpire}) {
    Put("k", "v");
    mutation.kind = kind;
    mutation.version = kind == MutationKind::kDelete ? other.Next(now_) : Last().mutation.version;
    EXPECT_TRUE(keyspace_->Apply(mutation, now_).value());
    EXPECT_FALSE(Get("k").has_value());
    EXPECT_EQ(Last().mutation.version, mutation.version);
    const size_t logged = Logged();
    EXPECT_FALSE(keyspace_->Apply(mutation, now_).value()) << "there is nothing";
    EXPECT_EQ(Logged(), logged + 1) << "but it is told";
  }
  mutation.kind = MutationKind::kSetFields;
  EXPECT_FALSE(keyspace_->Apply(mutation, now_).value());

  Put("k", "v");
  EXPECT_TRUE(
      keyspace_
          ->Apply({.kind = MutationKind::kFlushSlot, .slot = ref.slot, .version = other.Next(now_)},
                  now_)
          .value());
  EXPECT_FALSE(Get("k").has_value());
  HybridClock copy_clock(8);
  const auto copy = Keyspace::Create({}, &copy_clock).value();
  for (const LoggedMutation& record : log_->records()) {
    EXPECT_TRUE(copy->Apply(record.View(), now_).ok()) << record;
  }
  ExpectSame(ExportAll(*keyspace_), ExportAll(*copy));
}

TEST_F(KeyspaceCommitTest, AppliesNoVersionThatTheClockDoesNotBelieve) {
  HybridClock other(9);
  Mutation mutation{.slot = Ref("k").slot, .key = "k", .value = ValueView("v")};
  EXPECT_EQ(keyspace_->Apply(mutation, now_).status().code(), absl::StatusCode::kInvalidArgument);
  mutation.version = other.Next(now_ + HybridClock::kAheadMax + Millis(1));
  EXPECT_EQ(keyspace_->Apply(mutation, now_).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Get("k").has_value());
}

TEST_F(KeyspaceCommitTest, ExportsASlotInTheOrderOfScanWithThePositionOfTheLog) {
  const KeyRef first = {7, "a"};
  for (int i = 0; i < 500; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(keyspace_->Set({7, key}, std::string(i % 50 * 100, 'v'), {}, now_).ok());
  }
  ASSERT_TRUE(keyspace_->Set(first, "v", {.expires_at = now_ + Millis(5)}, now_).ok());
  ASSERT_TRUE(keyspace_->Set({8, "next slot"}, "v", {}, now_).ok());
  Advance(10);  // an expired entry is exported, too: its removal is still to be logged
  ScanCollector scanned;
  keyspace_->Scan({7, 0}, {.limit = 501, .bytes_max = 1 << 30}, now_, scanned);
  ExportCollector exported;
  size_t parts = 0;
  for (ScanPosition at{7, 0}; at.slot == 7; ++parts) {
    const size_t before = exported.entries.size();
    const ExportedPart part =
        keyspace_->ExportSlot(at, {.entries_max = 40, .bytes_max = 100'000}, exported);
    EXPECT_LE(exported.entries.size() - before, 40u);
    EXPECT_EQ(part.log_position, Logged());
    at = part.next;
    Put("elsewhere" + std::to_string(parts), "v");
  }
  EXPECT_GT(parts, 501 / 40u) << "bounded by bytes, too";
  ASSERT_EQ(exported.entries.size(), 501u);
  std::erase_if(exported.entries, [](const LoggedMutation& entry) { return entry.key == "a"; });
  ASSERT_EQ(scanned.keys.size(), 501u);  // one of the next slot
  for (size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(exported.entries[i].key, scanned.keys[i]);
    EXPECT_EQ(exported.entries[i].value, scanned.values[i]);
    EXPECT_EQ(exported.entries[i].mutation.version, scanned.infos[i].version);
  }
}

}  // namespace
}  // namespace larder::storage
