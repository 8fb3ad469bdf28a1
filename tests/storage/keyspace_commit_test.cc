// What is committed and told to a log, what is refused, and copies made of it.

#include <atomic>

#include "storage/commands.h"
#include "storage/lasting_failure.h"
#include "storage/random.h"
#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {
namespace {

class SwitchedAuthority final : public WriteAuthority {
 public:
  bool Holds() const override { return holds; }
  std::atomic<bool> holds{true};
};

class KeyspaceCommitTest : public KeyspaceTest {
 protected:
  void SetUp() override { MakeWithLog({}); }
  void TearDown() override { keyspace_.reset(); }

  void MakeWithLog(KeyspaceOptions options) {
    keyspace_.reset();
    log_ = std::make_unique<VectorLog>();
    options.log = log_.get();
    options.authority = &authority_;
    Make(options);
  }

  const LoggedMutation& Last() const { return log_->records().back(); }
  size_t Logged() const { return log_->records().size(); }
  Contents Replayed() const {
    Contents contents;
    for (const LoggedMutation& record : log_->records()) ReplayInto(contents, record);
    return contents;
  }

  // Every kind of mutation once, each with the status it returned.
  std::vector<std::pair<const char*, absl::Status>> TryAll(std::string_view key) {
    SetOptions if_absent;
    if_absent.condition.kind = Condition::Kind::kIfAbsent;
    return {
        {"Set", Set(key, "new").status()},
        {"Set if absent", Set(key, "new", if_absent).status()},
        {"Delete", keyspace_->Delete(Ref(key), {}, now_).status()},
        {"stale Delete",
         keyspace_->Delete(Ref(key), {.stale_until = now_ + Millis(9)}, now_).status()},
        {"Touch", keyspace_->Touch(Ref(key), now_ + Millis(5), now_).status()},
        {"Increment", keyspace_->Increment(Ref(key), {.delta = 1, .initial = 1}, now_).status()},
        {"Append", keyspace_->Append(Ref(key), "x", {}, now_).status()},
        {"FlushSlot", keyspace_->FlushSlot(Ref(key).slot, now_).status()}};
  }

  // But for ghosts, and for what a log knows of the segments that it has had.
  void ExpectAllCameBack(uint64_t empty_bytes) {
    const MemoryUsage usage = keyspace_->Memory();
    EXPECT_EQ(usage.entries, 0u);
    EXPECT_EQ(usage.tables, 0u);
    EXPECT_EQ(usage.leases, 0u);
    EXPECT_LE(usage.total() - usage.policy, empty_bytes + 8192);
  }

  SwitchedAuthority authority_;
  std::unique_ptr<VectorLog> log_;
};

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
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << what << ": " << status;
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
  keyspace_->SetSlotOwned(Ref("k").slot, false);
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
  keyspace_->SetSlotOwned(Ref("k").slot, true);
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
    EXPECT_FALSE(keyspace_->Apply(mutation, now_).value()) << "there is nothing";
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
  ExpectSame(ExportAll(*keyspace_), Replayed());
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

TEST_F(KeyspaceCommitTest, AFlushedSlotIsEmptyAtOnceAndItsMemoryComesBackBySteps) {
  MakeWithLog({.memory_bytes = 64 << 20, .stripes = 1});
  const uint64_t empty_bytes = keyspace_->Memory().total();
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(keyspace_->Set({3, "k" + std::to_string(i)}, std::string(100, 'v'), {}, now_).ok());
  }
  StringSink sink;
  const auto lease = keyspace_->Lease({3, "absent"}, {Millis(1000)}, now_, sink);
  const size_t logged = Logged();
  EXPECT_EQ(keyspace_->FlushSlot(3, now_).value(), 20000u);
  EXPECT_EQ(Logged(), logged + 1) << "one record, however many entries";
  EXPECT_EQ(keyspace_->Stats().entries, 0u);
  EXPECT_EQ(keyspace_->StatsOfSlot(3).entries, 0u);
  EXPECT_EQ(keyspace_->Memory().entries, 0u);
  EXPECT_EQ(keyspace_->Get({3, "k7"}, now_, sink), GetOutcome::kMiss);
  SetOptions with_token;
  with_token.condition = {.kind = Condition::Kind::kLeaseToken, .token = lease->token};
  EXPECT_EQ(keyspace_->Set({3, "absent"}, "late", with_token, now_)->outcome,
            SetResult::Outcome::kLeaseLost);
  ASSERT_TRUE(keyspace_->Set({3, "k7"}, "new", {}, now_).ok());
  ScanCollector scanned;
  keyspace_->Scan({3, 0}, {.visits_max = 10}, now_, scanned);
  EXPECT_EQ(scanned.keys.size(), 1u);

  bool more = true;
  keyspace_->Expire(now_, 100, &more);
  EXPECT_TRUE(more);
  size_t expired = 0;
  while (more) expired += keyspace_->Expire(now_, 100, &more);
  EXPECT_EQ(expired, 1u) << "the lease: what was flushed has not expired";
  EXPECT_EQ(Get("k7"), std::nullopt);
  EXPECT_EQ(keyspace_->Get({3, "k7"}, now_, sink), GetOutcome::kHit);
  EXPECT_TRUE(keyspace_->Delete({3, "k7"}, {}, now_)->deleted);
  EXPECT_EQ(keyspace_->Stats().leases, 0u);
  ExpectAllCameBack(empty_bytes);
  EXPECT_EQ(keyspace_->Stats().evictions + keyspace_->Stats().expirations, 0u);
}

// Writers, flushes and the housekeeper over few slots, so that each has many entries, detached
// tables meet compaction and eviction, and a slot is flushed again before what it had is removed.
TEST_F(KeyspaceCommitTest, FlushesUnderEveryPolicyAtFullBudget) {
  for (const EvictionKind kind :
       {EvictionKind::kLru, EvictionKind::kLruSampled, EvictionKind::kLfu, EvictionKind::kFifo,
        EvictionKind::kTtl, EvictionKind::kRandom, EvictionKind::kS3Fifo, EvictionKind::kSieve,
        EvictionKind::kSlru, EvictionKind::kNone}) {
    for (const EvictionScope scope : {EvictionScope::kAllKeys, EvictionScope::kKeysWithTtl}) {
      SCOPED_TRACE(std::string(EvictionKindName(kind)));
      MakeWithLog(
          {.memory_bytes = 5 << 20, .stripes = 1, .eviction = kind, .eviction_scope = scope});
      const uint64_t empty_bytes = keyspace_->Memory().total();
      Random random(static_cast<uint64_t>(kind));
      for (int i = 0; i < 20000; ++i) {
        const uint64_t number = random.Below(30000);
        const std::string key = "k" + std::to_string(number);
        const KeyRef ref{static_cast<uint32_t>(number % 4), key};
        SetOptions options;
        if (random.Below(2) == 0) options.expires_at = now_ + Millis(1 + random.Below(2000));
        const uint64_t choice = random.Below(2000);
        if (choice == 0) {
          ASSERT_TRUE(keyspace_->FlushSlot(ref.slot, now_).ok());
        } else if (choice < 200) {
          keyspace_->Expire(now_, 20);
          Advance(1);
        } else if (choice < 400) {
          ASSERT_TRUE(keyspace_->Delete(ref, {}, now_).ok());
        } else {
          const size_t bytes = random.Below(20) == 0 ? 20000 : random.Below(1000);
          const auto result = keyspace_->Set(ref, std::string(bytes, 'v'), options, now_);
          ASSERT_TRUE(result.ok() || absl::IsResourceExhausted(result.status())) << result.status();
        }
        // A segment to compact into is charged afterwards.
        ASSERT_LE(keyspace_->Memory().total(), (uint64_t{5} << 20) + (64 << 10));
      }
      ExpectSame(ExportAll(*keyspace_), Replayed());
      ASSERT_TRUE(keyspace_->Flush(now_).ok());
      EXPECT_EQ(ExportAll(*keyspace_).size(), 0u);
      for (bool more = true; more;) keyspace_->Expire(now_, 1000, &more);
      ExpectAllCameBack(empty_bytes);
    }
  }
}

}  // namespace
}  // namespace larder::storage
