#include "storage/record_batch.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/batch_reader.h"
#include "storage/mutation_log.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBytesMax = 1 << 20;

class RecordBatchTest : public testing::Test {
 protected:
  void Append(uint32_t slot, const std::string& key, const std::string& value = "",
              MutationKind kind = MutationKind::kSet) {
    ASSERT_TRUE(log_->TryReserve(log_->RoomFor(key.size(), value.size())));
    log_->Append(
        {.kind = kind, .slot = slot, .key = key, .version = ++version_, .value = ValueView(value)});
  }
  std::unique_ptr<LogReader> Reader(uint64_t from = kFirst) {
    return LogReader::Create(log_.get(), from, LogReader::Pace::kMayFallBehind).value();
  }
  static std::string Read(LogReader& reader, const BatchOptions& options = {}) {
    std::string batch;
    EXPECT_EQ(ReadBatch(reader, options, &batch), LogReader::Result::kRead);
    return batch;
  }
  // Each record as "sequence+lines slot key=value".
  static std::vector<std::string> Records(const std::string& bytes) {
    const auto batch = RecordBatch::Parse(bytes, kBytesMax);
    EXPECT_TRUE(batch.ok()) << batch.status();
    std::vector<std::string> records;
    if (!batch.ok()) return records;
    batch->Visit([&](const RecordBatch::Record& record) {
      records.push_back(absl::StrCat(record.sequence, "+", record.next - record.sequence, " ",
                                     record.mutation.slot, " ", std::string(record.mutation.key),
                                     "=", std::string(record.mutation.value.whole())));
      return true;
    });
    EXPECT_EQ(records.size(), batch->records());
    return records;
  }
  static void ExpectMalformed(const std::string& bytes, const std::string& why,
                              uint64_t bytes_max = kBytesMax) {
    const absl::Status status = RecordBatch::Parse(bytes, bytes_max).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find(why), absl::string_view::npos) << status;
  }

  static constexpr uint64_t kFirst = 1000;
  std::unique_ptr<MutationLog> log_ =
      MutationLog::Create({.bytes = 1 << 20, .stripes = 4, .first = kFirst}).value();
  uint64_t version_ = 0;
};

using Strings = std::vector<std::string>;

TEST_F(RecordBatchTest, HoldsARunOfTheLogWithItsSequences) {
  const auto reader = Reader();
  Append(1, "a", "1");
  Append(2, "b", std::string(100, 'b'));
  Append(3, "", "", MutationKind::kFlushSlot);
  const std::string bytes = Read(*reader);
  EXPECT_EQ(Records(bytes),
            (Strings{"1000+1 1 a=1", "1001+3 2 b=" + std::string(100, 'b'), "1004+1 3 ="}));
  const auto batch = RecordBatch::Parse(bytes, kBytesMax);
  EXPECT_EQ(batch->from(), 1000u);
  EXPECT_EQ(batch->to(), 1005u);
  EXPECT_FALSE(batch->has_gaps());
  EXPECT_EQ(batch->version_max(), 3u);
  std::string none = "x";
  EXPECT_EQ(ReadBatch(*reader, {}, &none), LogReader::Result::kNothingNew);
  EXPECT_TRUE(none.empty());
  int visited = 0;
  batch->Visit([&](const RecordBatch::Record&) { return ++visited < 2; });
  EXPECT_EQ(visited, 2);
}

TEST_F(RecordBatchTest, LeavesOutSlotsThatACopyHasNotBegunAndMovesOn) {
  Append(7, "a");
  Append(5, "b");
  Append(9, "c", std::string(200, 'c'));
  Append(6, "d");
  Append(8, "e");
  EXPECT_EQ(Records(Read(*Reader(), {.copied = {6, 0}})), (Strings{"1001+1 5 b="}));
  EXPECT_EQ(Records(Read(*Reader(), {.copied = {6, 1}})), (Strings{"1001+1 5 b=", "1006+1 6 d="}))
      << "a slot that is half copied has begun";
  const auto reader = Reader();
  const std::string bytes = Read(*reader, {.copied = {0, 0}});
  EXPECT_EQ(Records(bytes), Strings());
  EXPECT_TRUE(RecordBatch::Parse(bytes, kBytesMax)->has_gaps());
  EXPECT_EQ(reader->position(), log_->position());
  EXPECT_EQ(RecordBatch::Parse(bytes, kBytesMax)->to(), log_->position());
}

TEST_F(RecordBatchTest, EndsWhereItIsToldTo) {
  for (int i = 0; i < 10; ++i) Append(1, absl::StrCat(i));
  const auto reader = Reader();
  EXPECT_EQ(Records(Read(*reader, {.until = 1003})).size(), 3u);
  EXPECT_EQ(reader->position(), 1003u);
  std::string none;
  EXPECT_EQ(ReadBatch(*reader, {.until = 1003}, &none), LogReader::Result::kNothingNew);
  EXPECT_EQ(Records(Read(*reader, {.bytes_max = 1})), (Strings{"1003+1 1 3="}));
  EXPECT_EQ(Records(Read(*reader, {.bytes_max = 42})).size(), 2u);
}

TEST_F(RecordBatchTest, RefusesWhatIsCutOffTooLongOrOfAnotherFormat) {
  Append(1, "a", "1");
  Append(2, "b", std::string(100, 'b'));
  Append(3, "c", "2");
  const std::string bytes = Read(*Reader(), {.copied = {3, 0}});
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(RecordBatch::Parse(bytes.substr(0, length), kBytesMax).ok()) << length;
  }
  ExpectMalformed("", "is shorter than its header");
  ExpectMalformed(bytes.substr(0, 60), "has no whole record at byte 24");
  ExpectMalformed(bytes + "x", "has 1 bytes behind its last record");
  ExpectMalformed(bytes, absl::StrCat("is too long; the limit is ", bytes.size() - 1),
                  bytes.size() - 1);
  EXPECT_TRUE(RecordBatch::Parse(bytes, bytes.size()).ok());
  std::string other = bytes;
  other[0] = 9;
  ExpectMalformed(other, "is not of format 1");
  other = bytes;
  other[16] = other[8];  // to = from
  ExpectMalformed(other, "ends where it begins");
  other = bytes;
  --other[16];
  ExpectMalformed(other, "has 16 bytes behind its last record");
  --other[16];
  ExpectMalformed(other, "goes on behind its end, sequence 1003");
  other = bytes;
  ++other[16];
  ExpectMalformed(other, "has no whole record at byte");
  other = bytes;
  other[24 + 8] = other[24 + 9] = 0;  // the version of the first
  ExpectMalformed(other, "has no whole record at byte 24");
}

// A batch of one gap.
std::string GapFrom(uint64_t from, uint64_t to) {
  std::string bytes(1, RecordBatch::kFormat);
  bytes.append(7, '\0');
  for (const uint64_t number : {from, to, uint64_t{0}, to - from}) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  return bytes;
}

TEST_F(RecordBatchTest, RefusesSequencesThatNoLogComesTo) {
  constexpr uint64_t kMax = kLogSequenceMax;
  EXPECT_TRUE(RecordBatch::Parse(GapFrom(kMax - 5, kMax), kBytesMax).ok());
  ExpectMalformed(GapFrom(kMax - 5, kMax + 1),
                  "ends at sequence 4611686018427387905; the greatest is 4611686018427387904");
  ExpectMalformed(GapFrom(UINT64_MAX - 1, UINT64_MAX), "ends at sequence 18446744073709551615");
  ExpectMalformed(GapFrom(UINT64_MAX - 1, 2), "ends where it begins, or before");
  EXPECT_TRUE(RecordBatch::Parse(GapFrom(7, 7 + kLogLinesMax), kBytesMax).ok());
  ExpectMalformed(GapFrom(7, 8 + kLogLinesMax),
                  "is of 17179869185 lines of a log, which has 17179869184 at most");
  // What it says of lines that are left out counts from where it begins.
  std::string bytes = GapFrom(7, 9);
  bytes[bytes.size() - 8] = static_cast<char>(3);
  ExpectMalformed(bytes, "goes on behind its end, sequence 9");
  bytes.replace(bytes.size() - 8, 8, 8, '\xff');
  ExpectMalformed(bytes, "goes on behind its end, sequence 9");
}

TEST_F(RecordBatchTest, AnyBytesAreReadOrRefused) {
  Append(1, "a", "1");
  Append(2, "b", std::string(100, 'b'));
  Append(3, "c", "2");
  Append(2, "b", "", MutationKind::kDelete);
  const std::string whole = Read(*Reader(), {.copied = {3, 0}});
  Random random(testing::UnitTest::GetInstance()->random_seed());
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = whole;
    for (uint64_t flips = 1 + random.Below(3); flips > 0; --flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
    }
    const auto batch = RecordBatch::Parse(bytes, kBytesMax);
    if (!batch.ok()) {
      ++refused;
      continue;
    }
    uint64_t at = batch->from();
    batch->Visit([&](const RecordBatch::Record& record) {
      EXPECT_GE(record.sequence, at);
      at = record.next;
      EXPECT_LE(at, batch->to());
      return true;
    });
  }
  EXPECT_GT(refused, 2000);
}

}  // namespace
}  // namespace larder::storage
