// A keyspace that follows another one: by chunks and log, and then with a log of its own that
// continues the other's.

#include <random>
#include <thread>

#include "storage/content_digest.h"
#include "storage/copy_chunk.h"
#include "storage/lasting_failure.h"
#include "storage/mutation_log.h"
#include "storage/record_batch.h"
#include "tests/storage/keyspace_copier.h"
#include "tests/storage/log_records.h"
#include "tests/storage/logged_keyspace.h"
#include "tests/storage/random_mutations.h"

namespace larder::storage {
namespace {

class KeyspaceCopyTest : public KeyspaceTest {
 protected:
  static constexpr uint64_t kLogBytes = 8 << 20;

  void SetUp() override {
    const uint64_t seed = std::random_device()();
    trace_ =
        std::make_unique<testing::ScopedTrace>(__FILE__, __LINE__, "seed " + std::to_string(seed));
    random_ = Random(seed);
    Make({.memory_bytes = 5 << 20, .stripes = 8, .hash_secret = {{seed, 1, 2, 3}}});
    replica_ = MakeReplica();
  }
  void TearDown() override {
    replica_.reset();
    keyspace_.reset();
  }

  // With another secret, and fewer stripes.
  std::unique_ptr<Keyspace> MakeReplica() {
    return Keyspace::Create({.memory_bytes = 64 << 20,
                             .stripes = 2,
                             .eviction = EvictionKind::kLru,
                             .hash_secret = {{random_.Next(), 7, 7, 7}},
                             .authority = &replica_authority_},
                            &replica_clock_)
        .value();
  }
  void Mutate(int count) {
    for (int i = 0; i < count; ++i) {
      if (i % 8 == 0) Advance(1);
      EXPECT_FALSE(MutateOnce(*keyspace_, mix_, random_, now_));
    }
  }
  // Copies the keyspace while it changes, in chunks of random size, with cuts.
  void CopyAll(KeyspaceCopier& copier) {
    while (!copier.has_copied_all() && !HasFailure()) {
      const ExportOptions options{.entries_max = 1 + random_.Below(200),
                                  .bytes_max = 1000 + random_.Below(30000)};
      Mutate(static_cast<int>(random_.Below(20)));
      const bool is_cut = random_.Below(4) == 0;
      copier.CopyNext(options, now_, [&] { Mutate(static_cast<int>(random_.Below(20))); }, is_cut);
      if (!is_cut && random_.Below(8) == 0) copier.ApplyChunkAgain(now_);
    }
  }
  void ExpectReplicaIsSame() {
    ExpectSame(ExportAll(*keyspace_), ExportAll(*replica_));
    EXPECT_EQ(DigestOf(*keyspace_), DigestOf(*replica_));
  }
  ContentDigest DigestOf(const Keyspace& keyspace) {
    ContentDigest digest;
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const ExportOptions options{.entries_max = 1 + random_.Below(100)};
      for (ScanPosition at{slot, 0}; at.slot == slot;) {
        at = keyspace.DigestSlot(at, options, &digest).next;
      }
    }
    EXPECT_EQ(digest.entries(), keyspace.Stats().entries);
    return digest;
  }

  std::unique_ptr<testing::ScopedTrace> trace_;
  Random random_{0};
  MutationMix mix_;
  SwitchedAuthority replica_authority_;
  HybridClock replica_clock_{9};
  std::unique_ptr<Keyspace> replica_;
};

TEST_F(KeyspaceCopyTest, ChunksAndTheLogInOneStreamAreTheKeyspace) {
  const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
  replica_authority_.holds = false;
  for (int round = 0; round < 6 && !HasFailure(); ++round) {
    Mutate(20000);
    // What it had before goes; whatever that was.
    const uint64_t from = keyspace_->AttachLog(log.get());
    KeyspaceCopier copier(keyspace_.get(), log.get(), from, replica_.get());
    CopyAll(copier);
    copier.ReadUntil(log->position(), now_);
    ExpectReplicaIsSame();
    keyspace_->DetachLog();
  }
  EXPECT_GT(keyspace_->Stats().evictions, 0u);
  EXPECT_GT(keyspace_->Stats().expirations, 0u);
}

TEST_F(KeyspaceCopyTest, AChunkHasAsManySlotsAsFitAndNoneIsBegunInVain) {
  Put("a", "1");
  Put("b", std::string(2000, 'b'));
  std::string bytes;
  ScanPosition at;
  int chunks = 0;
  uint64_t entries = 0;
  for (; !at.at_end(); ++chunks) {
    const ExportedPart part = keyspace_->ExportChunk(at, {.bytes_max = 1000}, &bytes);
    const auto chunk = CopyChunk::Parse(bytes, UINT64_MAX);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    EXPECT_EQ(chunk->begin(), at);
    EXPECT_EQ(chunk->end(), part.next);
    EXPECT_EQ(part.next.hash, 0u) << "a slot whose only entry did not fit has not begun";
    EXPECT_EQ(chunk->log_position(), 0u) << "there is no log";
    EXPECT_EQ(part.exact_from, 0u);
    entries += chunk->entries();
    at = part.next;
  }
  EXPECT_EQ(entries, 2u);
  EXPECT_LE(chunks, 10);
}

// A log that lets a slot be read, and then has something happen, as often as it is asked where it
// stands.
class InterruptingLog final : public MutationSink {
 public:
  explicit InterruptingLog(MutationLog* log) : log_(*log) {}
  uint64_t RoomFor(size_t key_bytes, size_t value_bytes) const override {
    return log_.RoomFor(key_bytes, value_bytes);
  }
  uint64_t RoomMax() const override { return log_.RoomMax(); }
  bool TryReserve(uint64_t bytes) override { return log_.TryReserve(bytes); }
  void Release(uint64_t bytes) override { log_.Release(bytes); }
  uint64_t Append(const Mutation& mutation) override { return log_.Append(mutation); }
  uint64_t position() const override {
    const uint64_t position = log_.position();
    if (on_read) on_read();
    return position;
  }

  // Under the lock of the slot's stripe.
  std::function<void()> on_read;

 private:
  MutationLog& log_;
};

TEST_F(KeyspaceCopyTest, AChunkSaysFromWhereItIsExact) {
  Make({.memory_bytes = 64 << 20, .stripes = 4});  // one for each of the slots
  const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
  InterruptingLog interrupting(log.get());
  keyspace_->AttachLog(&interrupting);
  const auto set = [&](uint32_t slot, std::string_view key, std::string_view value) {
    ASSERT_TRUE(keyspace_->Set({slot, key}, value, {}, now_).ok());
  };
  set(0, "a", "old");
  set(1, "b", "old");
  set(3, "d", std::string(2000, 'd'));
  const uint64_t begin = log->position();
  int slots = 0;
  // By another thread: this one holds a stripe's lock.
  interrupting.on_read = [&] {
    std::thread([&, slot = slots++] {
      if (slot == 0) {
        set(1, "b", "new");
        set(2, "c", "new");
      }
      if (slot == 1) set(0, "a", "new");
    }).join();
  };
  std::string bytes;
  // As far as slot 2: what is in slot 3 does not fit.
  const ExportedPart part = keyspace_->ExportChunk({0, 0}, {.bytes_max = 1000}, &bytes);
  interrupting.on_read = {};
  EXPECT_EQ(part.next, (ScanPosition{3, 0}));
  EXPECT_EQ(part.log_position, begin);
  EXPECT_EQ(part.exact_from, begin + 3) << "where slot 2 was read, the last that is in it";
  EXPECT_EQ(log->position(), part.exact_from);

  // A copy is what the log says, and stands at the chunk's position, or a record further...
  const auto copy_until = [&](uint64_t until) {
    replica_ = MakeReplica();
    EXPECT_TRUE(replica_->ApplyChunk(*CopyChunk::Parse(bytes, UINT64_MAX), now_).ok());
    KeyspaceCopier copier(keyspace_.get(), log.get(), begin, replica_.get());
    copier.Follow();
    copier.ReadUntil(until, now_);
    std::string contents;
    for (const auto& [key, entry] : ExportAll(*replica_)) contents += key + entry.value + " ";
    return contents;
  };
  EXPECT_EQ(copy_until(begin), "aold bnew cnew ") << "ahead of the log, which has a and b as old";
  EXPECT_EQ(copy_until(begin + 1), "aold bnew cnew ");
  // ...and is what there was then where it is exact.
  EXPECT_EQ(copy_until(part.exact_from), "anew bnew cnew ");
  EXPECT_EQ(keyspace_->ExportSlot({3, 0}, {}, *std::make_unique<ExportCollector>()).exact_from,
            part.exact_from);
  keyspace_->DetachLog();
}

// What a log has from there on, with where each record is.
std::vector<std::pair<uint64_t, std::string>> RecordsFrom(MutationLog* log, uint64_t from) {
  const auto reader = LogReader::Create(log, from, LogReader::Pace::kMayFallBehind).value();
  std::vector<std::pair<uint64_t, std::string>> records;
  LogReader::Result result;
  do {
    result = reader->Read(1 << 20, [&](const LogReader::Record& record) {
      records.emplace_back(record.sequence, BytesOf(record));
    });
  } while (result == LogReader::Result::kRead);
  EXPECT_EQ(result, LogReader::Result::kNothingNew);
  EXPECT_EQ(reader->position(), log->position());
  return records;
}

TEST_F(KeyspaceCopyTest, AReplicasLogIsThePrimarysAndGoesOnAfterAPromotion) {
  const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
  Mutate(5000);
  const uint64_t from = keyspace_->AttachLog(log.get());
  KeyspaceCopier copier(keyspace_.get(), log.get(), from, replica_.get());
  const auto sibling = MakeReplica();
  KeyspaceCopier sibling_copier(keyspace_.get(), log.get(), from, sibling.get());
  CopyAll(copier);
  CopyAll(sibling_copier);
  const uint64_t end = log->position();
  copier.ReadUntil(end, now_);
  sibling_copier.ReadUntil(end, now_);
  replica_authority_.holds = false;
  const auto own = MutationLog::Create({.bytes = kLogBytes, .first = end}).value();
  EXPECT_EQ(replica_->AttachLog(own.get()), end);

  mix_.value_bytes_max = 70000;
  for (int i = 0; i < 10; ++i) {
    Mutate(30);
    copier.ReadUntil(log->position(), now_, /*bytes_max=*/100000);
    replica_->Expire(now_, 100);  // the primary's, not its own
    if (i == 4) sibling_copier.ReadUntil(log->position(), now_);
  }
  EXPECT_EQ(RecordsFrom(own.get(), end), RecordsFrom(log.get(), end));
  EXPECT_GT(own->position(), end + 1000);
  ExpectReplicaIsSame();

  // The primary is gone.
  replica_authority_.holds = true;
  for (int i = 0; i < 200; ++i) MutateOnce(*replica_, mix_, random_, now_);
  KeyspaceCopier follower(replica_.get(), own.get(), sibling_copier.position(), sibling.get());
  follower.Follow();
  follower.ReadUntil(own->position(), now_);
  ExpectSame(ExportAll(*replica_), ExportAll(*sibling));
}

TEST_F(KeyspaceCopyTest, WhatChangesNothingIsToldAllTheSame) {
  const auto own = MutationLog::Create({.bytes = kLogBytes, .first = 100}).value();
  replica_->AttachLog(own.get());
  for (const MutationKind kind : {MutationKind::kSetFields, MutationKind::kDelete,
                                  MutationKind::kEvict, MutationKind::kExpire}) {
    EXPECT_FALSE(*replica_->Apply({.kind = kind, .slot = 3, .key = "absent", .version = 5}, now_));
  }
  const Mutation flush{.kind = MutationKind::kFlushSlot, .slot = 3, .version = 5};
  EXPECT_TRUE(*replica_->Apply(flush, now_));
  const auto records = RecordsFrom(own.get(), 100);
  ASSERT_EQ(records.size(), 5u);
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].first, 100 + i);
    EXPECT_EQ(static_cast<size_t>(ReadMutationRecord(records[i].second)->kind), i + 1);
  }
}

TEST_F(KeyspaceCopyTest, ABatchThatDoesNotContinueIsRefused) {
  const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
  keyspace_->AttachLog(log.get());
  for (int i = 0; i < 4; ++i) Put("k" + std::to_string(i), "v");
  const auto batch_from = [&](uint64_t from, std::string* bytes, const BatchOptions& options) {
    const auto reader = LogReader::Create(log.get(), from, LogReader::Pace::kMayFallBehind).value();
    EXPECT_EQ(ReadBatch(*reader, options, bytes), LogReader::Result::kRead);
    return RecordBatch::Parse(*bytes, UINT64_MAX).value();
  };
  std::string bytes;
  const RecordBatch batch = batch_from(2, &bytes, {});
  uint64_t position = 1;
  EXPECT_EQ(replica_->ApplyBatch(batch, now_, &position).code(), absl::StatusCode::kOutOfRange);
  position = 6;
  EXPECT_EQ(replica_->ApplyBatch(batch, now_, &position).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(replica_->Stats().entries, 0u);
  position = 3;
  EXPECT_TRUE(replica_->ApplyBatch(batch, now_, &position).ok());
  EXPECT_EQ(position, 5u);
  EXPECT_EQ(replica_->Stats().entries, 2u) << "what it had already is passed over";
  EXPECT_TRUE(replica_->ApplyBatch(batch, now_, &position).ok()) << "and so is all of it";

  // From versions that are not to be believed nothing is taken.
  const TimePoint long_ago = now_ - Millis(2 * HybridClock::kAheadMax.count());
  position = 2;
  HybridClock clock{4};
  const auto unbelieving = Keyspace::Create({}, &clock).value();
  EXPECT_EQ(unbelieving->ApplyBatch(batch, long_ago, &position).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(unbelieving->Stats().entries, 0u);
  EXPECT_EQ(position, 2u);

  // With a log of its own: without gaps, and where that stands.
  const auto own = MutationLog::Create({.bytes = kLogBytes, .first = 3}).value();
  replica_->AttachLog(own.get());
  position = 2;
  EXPECT_EQ(replica_->ApplyBatch(batch, now_, &position).code(), absl::StatusCode::kOutOfRange);
  std::string gaps;
  EXPECT_EQ(replica_->ApplyBatch(batch_from(2, &gaps, {.copied = {1, 0}}), now_, &position).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(own->position(), 3u);
  std::string chunk;
  keyspace_->ExportChunk({0, 0}, {}, &chunk);
  EXPECT_EQ(replica_->ApplyChunk(*CopyChunk::Parse(chunk, UINT64_MAX), now_).code(),
            absl::StatusCode::kFailedPrecondition);
  position = 3;
  EXPECT_TRUE(replica_->ApplyBatch(batch, now_, &position).ok());
  EXPECT_EQ(own->position(), 5u);
  replica_->DetachLog();
}

TEST_F(KeyspaceCopyTest, ACopyThatDoesNotFitIsRefusedAndMayGoOn) {
  const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
  keyspace_->AttachLog(log.get());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(
        keyspace_->Set({1, "k" + std::to_string(i)}, std::string(1 << 20, 'v'), {}, now_).ok());
  }
  HybridClock clock{4};
  const auto small = Keyspace::Create({.memory_bytes = 4 << 20, .stripes = 1}, &clock).value();
  std::string bytes;
  const auto reader = LogReader::Create(log.get(), 1, LogReader::Pace::kMayFallBehind).value();
  ASSERT_EQ(ReadBatch(*reader, {.bytes_max = 1 << 30}, &bytes), LogReader::Result::kRead);
  const RecordBatch batch = RecordBatch::Parse(bytes, UINT64_MAX).value();
  uint64_t position = 1;
  EXPECT_EQ(small->ApplyBatch(batch, now_, &position).code(), absl::StatusCode::kResourceExhausted);
  const uint64_t applied = small->Stats().entries;
  EXPECT_GT(applied, 0u);
  EXPECT_EQ(position, 1 + applied * ((1 << 20) / 64 + 1));
  ASSERT_TRUE(small->SetMemoryLimit(8 << 20).ok());
  EXPECT_TRUE(small->ApplyBatch(batch, now_, &position).ok());
  EXPECT_EQ(small->Stats().entries, 4u);
  std::string chunk;
  keyspace_->ExportChunk({1, 0}, {.bytes_max = 8 << 20}, &chunk);
  ASSERT_TRUE(small->SetMemoryLimit(4 << 20).ok());
  EXPECT_EQ(small->ApplyChunk(*CopyChunk::Parse(chunk, UINT64_MAX), now_).code(),
            absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(small->SetMemoryLimit(8 << 20).ok());
  EXPECT_TRUE(small->ApplyChunk(*CopyChunk::Parse(chunk, UINT64_MAX), now_).ok());
  EXPECT_EQ(small->Stats().entries, 4u);
}

// Layouts differ, and a copy evicts nothing by itself.
TEST_F(KeyspaceCopyTest, OneWithAsMuchMemoryFollowsOneThatEvicts) {
  constexpr uint64_t kBytes = 8 << 20;
  for (const EvictionKind eviction : {EvictionKind::kS3Fifo, EvictionKind::kRandom}) {
    Make({.memory_bytes = kBytes, .stripes = 16, .eviction = eviction});
    const auto copy = Keyspace::Create({.memory_bytes = kBytes,
                                        .stripes = 16,
                                        .eviction = eviction,
                                        .authority = &replica_authority_},
                                       &replica_clock_)
                          .value();
    replica_authority_.holds = false;
    const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
    keyspace_->AttachLog(log.get());
    const auto reader = LogReader::Create(log.get(), 1, LogReader::Pace::kMayFallBehind).value();
    uint64_t position = 1;
    for (int i = 0; i < 60'000; ++i) {
      const std::string key = "k" + std::to_string(random_.Below(40'000));
      const std::string value(random_.Below(1000), 'v');
      ASSERT_TRUE(keyspace_->Set(Ref(key), value, {}, now_).ok());
      if (i % 100 != 99) continue;
      std::string bytes;
      ASSERT_EQ(ReadBatch(*reader, {.bytes_max = kLogBytes}, &bytes), LogReader::Result::kRead);
      const absl::Status status =
          copy->ApplyBatch(RecordBatch::Parse(bytes, UINT64_MAX).value(), now_, &position);
      ASSERT_TRUE(status.ok()) << i << status;
    }
    EXPECT_GT(keyspace_->Stats().evictions, 1000u);
    EXPECT_EQ(copy->Stats().entries, keyspace_->Stats().entries);
    EXPECT_LE(copy->Memory().total(), kBytes + kBytes / 16);
    // Once it leads it comes back to what it may have.
    replica_authority_.holds = true;
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(copy->Set(Ref("k" + std::to_string(i)), "v", {}, now_).ok());
    }
    EXPECT_LE(copy->Memory().total(), kBytes);
    keyspace_->DetachLog();
  }
}

TEST_F(KeyspaceCopyTest, AChunkStopsBeforeASlotThatItIsToLeave) {
  std::string chunk;
  const ExportOptions options{.slots_end = kSlots - 1};
  ScanPosition at;
  while (at.slot < kSlots - 1) at = keyspace_->ExportChunk(at, options, &chunk).next;
  EXPECT_EQ(at, (ScanPosition{kSlots - 1, 0}));
  EXPECT_TRUE(keyspace_->ExportChunk(at, {}, &chunk).next.at_end());
}

TEST_F(KeyspaceCopyTest, AChangeSaysWhereTheLogGoesOn) {
  const KeyRef key{7, "key"};
  EXPECT_EQ(keyspace_->Set(key, "1", {}, now_)->log_end, 0u) << "nobody keeps a log";
  const auto log = MutationLog::Create({.bytes = kLogBytes}).value();
  keyspace_->AttachLog(log.get());
  uint64_t before = log->position();
  const auto expect_end = [&](uint64_t log_end) {
    EXPECT_EQ(log_end, log->position());
    EXPECT_GT(log_end, before);
    before = log_end;
  };
  expect_end(keyspace_->Set(key, "1", {}, now_)->log_end);
  expect_end(keyspace_->Touch(key, now_ + Millis(1000), now_)->log_end);
  expect_end(keyspace_->Increment(key, {.delta = 1}, now_)->log_end);
  expect_end(keyspace_->Append(key, "0", {}, now_)->log_end);
  expect_end(keyspace_->Delete(key, {.stale_until = now_ + Millis(1000)}, now_)->log_end);
  expect_end(keyspace_->Delete(key, {}, now_)->log_end);
  EXPECT_EQ(keyspace_->Delete(key, {}, now_)->log_end, 0u) << "there was nothing";
  EXPECT_EQ(keyspace_->Touch(key, now_ + Millis(1000), now_)->log_end, 0u);
  keyspace_->DetachLog();
}

// Sixteen thousand slots are asked one after the other, most of them with little in them.
TEST_F(KeyspaceCopyTest, ADigestAllocatesForWhatIsThereHoweverMuchItMayTake) {
  ASSERT_TRUE(keyspace_->Set({7, "key"}, "value", {}, now_).ok());
  ContentDigest some;
  keyspace_->DigestSlot({7, 0}, {}, &some);
  ContentDigest any;
  const ExportOptions unbounded{.entries_max = 10, .bytes_max = SIZE_MAX};
  EXPECT_EQ(keyspace_->DigestSlot({7, 0}, unbounded, &any).next, (ScanPosition{8, 0}));
  EXPECT_EQ(keyspace_->DigestSlot({8, 0}, unbounded, &any).next, (ScanPosition{9, 0}));
  EXPECT_EQ(any, some);
  EXPECT_EQ(any.entries(), 1u);
}

TEST_F(KeyspaceCopyTest, AWriteThatTheLogCanNeverHoldIsNotWrittenPastItsEnd) {
  const auto log = MutationLog::Create({.bytes = 1 << 20}).value();
  keyspace_->AttachLog(log.get());
  const uint64_t begin = log->position();
  // There would be room, but a record may have a quarter of it.
  const absl::Status status =
      keyspace_->Set({7, "key"}, std::string(300 << 10, 'v'), {}, now_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(IsLasting(status));
  EXPECT_EQ(log->position(), begin);
  EXPECT_TRUE(keyspace_->Set({7, "key"}, std::string(200 << 10, 'v'), {}, now_).ok());
  keyspace_->DetachLog();
}

}  // namespace
}  // namespace larder::storage
