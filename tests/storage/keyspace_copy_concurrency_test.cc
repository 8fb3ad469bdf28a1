// Copies made while threads write: chunks of many slots, of which each is as it was at another
// time.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/copy_chunk.h"
#include "storage/mutation_log.h"
#include "tests/storage/keyspace_copier.h"
#include "tests/storage/random_mutations.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {
namespace {

constexpr int kWriters = 3;

TEST_F(KeyspaceTest, ACopyMadeWhileThreadsWriteIsTheKeyspace) {
  Make({.memory_bytes = 5 << 20, .stripes = 8});
  const MutationMix mix{.keys = 20000, .value_bytes_max = 1500, .slots = 600};
  HybridClock replica_clock{9};
  const auto replica = Keyspace::Create({.memory_bytes = 64 << 20,
                                         .stripes = 2,
                                         .eviction = EvictionKind::kNone,
                                         .hash_secret = {{1, 2, 3, 4}}},
                                        &replica_clock)
                           .value();
  std::atomic<uint64_t> steps{0};
  const auto now = [&] { return now_ + Millis(steps / 16); };
  std::atomic<bool> is_over{false};
  const auto log = MutationLog::Create({.bytes = 4 << 20, .stripes = 8}).value();
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      Random random(static_cast<uint64_t>(i));
      while (!is_over) {
        ++steps;
        if (MutateOnce(*keyspace_, mix, random, now())) std::this_thread::yield();
      }
    });
  }
  while (steps < 60000) std::this_thread::yield();
  const uint64_t from = keyspace_->AttachLog(log.get());
  Random random(7);
  std::unique_ptr<KeyspaceCopier> copier;
  // Until the threads have had some of the time.
  for (int copies = 0; copies < 3 || log->position() - from < 40000; ++copies) {
    copier = std::make_unique<KeyspaceCopier>(keyspace_.get(), log.get(), log->position(),
                                              replica.get());
    for (int i = 0; !copier->has_copied_all() && !HasFailure(); ++i) {
      // Some of some hundred slots, so that much happens between the first and the last.
      const uint64_t entries_max = i % 3 == 0 ? 5000 : 1 + random.Below(100);
      copier->CopyNext({.entries_max = entries_max, .bytes_max = 4 << 20}, now(), {},
                       /*is_cut=*/i % 5 == 4);
    }
    if (HasFailure()) break;
  }
  is_over = true;
  for (std::thread& writer : writers) writer.join();
  copier->ReadUntil(log->position(), now());
  EXPECT_GT(keyspace_->Stats().evictions, 0u);
  ExpectSame(ExportAll(*keyspace_), ExportAll(*replica));
}

// While logs come and go, too.
TEST_F(KeyspaceTest, WhatIsSaidToBeUnchangedWhileThreadsWriteIsSo) {
  Make({.memory_bytes = 5 << 20, .stripes = 8});
  const MutationMix mix{.keys = 20000, .value_bytes_max = 1500, .slots = 600};
  const auto log = MutationLog::Create({.bytes = 4 << 20, .stripes = 8}).value();
  keyspace_->AttachLog(log.get());
  std::atomic<bool> is_over{false};
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      Random random(static_cast<uint64_t>(i));
      while (!is_over) {
        if (MutateOnce(*keyspace_, mix, random, now_)) std::this_thread::yield();
      }
    });
  }
  const auto read = [&](uint32_t slot, std::string* text) {
    const ExportOptions options{.entries_max = 5000, .bytes_max = 1 << 20, .slots_end = slot + 1};
    const ExportedPart part = keyspace_->ExportChunk({slot, 0}, options, text);
    EXPECT_EQ(part.next, (ScanPosition{slot + 1, 0}));
    text->erase(0, CopyChunk::kHeaderBytes);
    return part.log_position;
  };
  int unchanged = 0;
  int changed = 0;
  std::string before;
  std::string after;
  Random random(7);
  for (int i = 0; (unchanged < 3000 || changed < 20) && !HasFailure(); ++i) {
    if (i % 1000 == 999) {
      keyspace_->DetachLog();
      keyspace_->AttachLog(log.get());
    }
    const auto slot = 2 + static_cast<uint32_t>(random.Below(mix.slots - 2));
    const uint64_t then = read(slot, &before);
    for (int j = 0; j < i % 3; ++j) std::this_thread::yield();
    read(slot, &after);
    const SlotRun run = keyspace_->RunOfSlots(slot, slot + 1, then);
    ++(run.is_unchanged ? unchanged : changed);
    if (run.is_unchanged) {
      EXPECT_GE(run.log_position, then);
      EXPECT_EQ(before, after) << "slot " << slot;
    }
  }
  is_over = true;
  for (std::thread& writer : writers) writer.join();
  keyspace_->DetachLog();
}

}  // namespace
}  // namespace larder::storage
