#include "storage/copy_chunk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/mutation_record.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBytesMax = 1 << 20;

std::string Record(uint32_t slot, std::string_view key, MutationKind kind = MutationKind::kSet,
                   uint64_t version = 1) {
  std::string record(MutationRecordBytes(key.size(), 0), '\0');
  WriteMutationRecord({.kind = kind, .slot = slot, .key = key, .version = version}, record.data());
  return record;
}

void ExpectMalformed(const std::string& bytes, const std::string& why,
                     uint64_t bytes_max = kBytesMax) {
  const absl::Status status = CopyChunk::Parse(bytes, bytes_max).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find(why), absl::string_view::npos) << status;
}

TEST(CopyChunkTest, HoldsTheEntriesOfSomeSlotsInOrder) {
  const std::string bytes = CopyChunk::Header({3, 70}, {7, 5}, 1234, 3) + Record(3, "a") +
                            Record(5, "b", MutationKind::kSet, 9) + Record(7, "c");
  const auto chunk = CopyChunk::Parse(bytes, bytes.size());
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  EXPECT_EQ(chunk->begin(), (ScanPosition{3, 70}));
  EXPECT_EQ(chunk->end(), (ScanPosition{7, 5}));
  EXPECT_EQ(chunk->log_position(), 1234u);
  EXPECT_EQ(chunk->entries(), 3u);
  EXPECT_EQ(chunk->version_max(), 9u);
  EXPECT_EQ(chunk->first_slot(), 4u) << "it goes on with slot 3";
  EXPECT_EQ(chunk->end_slot(), 8u) << "it has the first entries of slot 7";
  std::string seen;
  chunk->Visit([&](const Mutation& entry) {
    absl::StrAppend(&seen, entry.slot, std::string(entry.key), " ");
    return entry.slot < 5;
  });
  EXPECT_EQ(seen, "3a 5b ");
}

TEST(CopyChunkTest, MayHaveNoEntries) {
  const auto chunk = CopyChunk::Parse(CopyChunk::Header({0, 0}, {kSlots, 0}, 1, 0), kBytesMax);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  EXPECT_EQ(chunk->end_slot() - chunk->first_slot(), kSlots);
}

TEST(CopyChunkTest, RefusesWhatIsCutOffTooLongOutOfOrderOrOfAnotherFormat) {
  const std::string header = CopyChunk::Header({3, 0}, {7, 0}, 1234, 2);
  const std::string bytes = header + Record(3, "a") + Record(5, "b");
  ASSERT_TRUE(CopyChunk::Parse(bytes, kBytesMax).ok());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(CopyChunk::Parse(bytes.substr(0, length), kBytesMax).ok()) << length;
  }
  ExpectMalformed("", "is shorter than its header");
  ExpectMalformed(bytes, absl::StrCat("is too long; the limit is ", bytes.size() - 1),
                  bytes.size() - 1);
  ExpectMalformed(bytes + "x", absl::StrCat("has no whole entry at byte ", bytes.size()));
  ExpectMalformed(bytes.substr(0, bytes.size() - 41), "has 1 of 2 entries");
  ExpectMalformed("\1" + bytes.substr(1), "is not of format 2");
  ExpectMalformed(header + Record(2, "a"), "has an entry of slot 2 out of its place at byte 56");
  ExpectMalformed(header + Record(7, "a"), "has an entry of slot 7 out of its place");
  ExpectMalformed(header + Record(5, "a") + Record(4, "b"), "has an entry of slot 4 out of its");
  ExpectMalformed(header + Record(5, "a", MutationKind::kDelete), "has no whole entry at byte 56");
  ExpectMalformed(header + Record(5, "a", MutationKind::kSet, 0), "has no whole entry at byte 56");
  ExpectMalformed(CopyChunk::Header({3, 5}, {3, 5}, 1, 0), "ends where it begins");
  ExpectMalformed(CopyChunk::Header({3, 0}, {kSlots, 1}, 1, 0), "behind the last slot");
  ExpectMalformed(CopyChunk::Header({kSlots, 0}, {kSlots, 0}, 1, 0), "there are 16384");
  ExpectMalformed(CopyChunk::Header({1, 0}, {kSlots + 1, 0}, 1, 0), "of slots 1 to 16385");
  EXPECT_TRUE(CopyChunk::Parse(CopyChunk::Header({1, 0}, {2, 0}, kLogSequenceMax, 0), 100).ok());
  ExpectMalformed(CopyChunk::Header({1, 0}, {2, 0}, kLogSequenceMax + 1, 0),
                  "is of sequence 4611686018427387905; the greatest is 4611686018427387904");
}

TEST(CopyChunkTest, AnyBytesAreReadOrRefused) {
  const std::string whole =
      CopyChunk::Header({3, 0}, {7, 0}, 1234, 2) + Record(3, "abcdefgh") + Record(5, "b");
  Random random(testing::UnitTest::GetInstance()->random_seed());
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = whole;
    for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    const auto chunk = CopyChunk::Parse(bytes, kBytesMax);
    if (!chunk.ok()) {
      ++refused;
      continue;
    }
    uint64_t entries = 0;
    chunk->Visit([&](const Mutation& entry) {
      EXPECT_LT(entry.slot, chunk->end_slot());
      return ++entries > 0;
    });
    EXPECT_EQ(entries, chunk->entries());
  }
  EXPECT_GT(refused, 2000);
}

}  // namespace
}  // namespace larder::storage
