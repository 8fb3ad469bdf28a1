#include "storage/mutation_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/log_reader.h"
#include "storage/mutation_record.h"
#include "tests/storage/log_records.h"

namespace larder::storage {
namespace {

using Pace = LogReader::Pace;
using Result = LogReader::Result;

constexpr uint64_t kBytes = uint64_t{64} << 10;  // so that it is soon full
constexpr uint64_t kLines = kBytes / MutationLog::kLineBytes;

class MutationLogTest : public testing::Test {
 protected:
  MutationLogTest() { Restart({.bytes = kBytes, .stripes = 4}); }
  void Restart(MutationLogOptions options) {
    options.bytes_min = kBytes;
    options.wake = [this] { ++wakes_; };
    options.room = [this] { ++rooms_; };
    auto log = MutationLog::Create(options);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  std::unique_ptr<LogReader> Reader(uint64_t from, Pace pace = Pace::kMayFallBehind) {
    auto reader = LogReader::Create(log_.get(), from, pace);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }
  // False: there is no room.
  bool Append(const std::string& key, const std::string& value = "") {
    const uint64_t room = log_->RoomFor(key.size(), value.size());
    if (!log_->TryReserve(room)) return false;
    log_->Append({.slot = ++slot_ % 16384, .key = key, .version = 1, .value = ValueView(value)});
    log_->OnUnlocked();
    return true;
  }
  // The keys that it reads, with their values behind "=".
  static std::string ReadAll(LogReader& reader, Result* result = nullptr) {
    std::string all;
    Result last;
    uint64_t at = reader.position();
    while ((last = reader.Read(1000, [&](const LogReader::Record& record) {
             EXPECT_EQ(record.sequence, at) << "no holes";
             at = record.next;
             const std::string bytes = BytesOf(record);
             const auto mutation = ReadMutationRecord(bytes);
             ASSERT_TRUE(mutation.has_value());
             absl::StrAppend(&all, std::string(mutation->key), "=",
                             std::string(mutation->value.whole()), " ");
           })) == Result::kRead) {
      EXPECT_EQ(reader.position(), at);
    }
    if (result != nullptr) *result = last;
    return all;
  }

  std::unique_ptr<MutationLog> log_;
  uint32_t slot_ = 0;
  int wakes_ = 0;
  int rooms_ = 0;
};

TEST_F(MutationLogTest, ReadersSeeWhatWasAppendedEachAtItsOwnPace) {
  const auto first = Reader(1);
  EXPECT_EQ(ReadAll(*first), "");
  ASSERT_TRUE(Append("a", "1"));
  ASSERT_TRUE(Append("b", std::string(100, 'b')));
  EXPECT_EQ(ReadAll(*first), absl::StrCat("a=1 b=", std::string(100, 'b'), " "));
  // 41 and 141 bytes.
  EXPECT_EQ(log_->position(), 1u + 1 + 3);
  ASSERT_TRUE(Append("c"));
  EXPECT_EQ(ReadAll(*first), "c= ");
  EXPECT_EQ(ReadAll(*Reader(2)), absl::StrCat("b=", std::string(100, 'b'), " c= "));
}

TEST_F(MutationLogTest, ASequenceMayBeginAnywhere) {
  Restart({.bytes = kBytes, .stripes = 1, .first = 1'000'000'007});
  ASSERT_TRUE(Append("a"));
  EXPECT_EQ(log_->oldest(), 1'000'000'007u);
  EXPECT_EQ(ReadAll(*Reader(1'000'000'007)), "a= ");
}

TEST_F(MutationLogTest, RecordsGoOnBehindTheEndOfTheRing) {
  const auto reader = Reader(1);
  for (int i = 0; i < 5000; ++i) {
    const std::string value(static_cast<size_t>(i % 700), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(Append("k", value)) << i;
    ASSERT_EQ(ReadAll(*reader), absl::StrCat("k=", value, " "));
  }
  EXPECT_GT(log_->position(), 10 * kLines);
}

TEST_F(MutationLogTest, AReaderThatIsTooSlowIsToldSo) {
  const auto reader = Reader(1);
  for (uint64_t i = 0; i < 2 * kLines; ++i) ASSERT_TRUE(Append("k"));
  Result result;
  EXPECT_EQ(ReadAll(*reader, &result), "");
  EXPECT_EQ(result, Result::kFellBehind);
  EXPECT_EQ(LogReader::Create(log_.get(), 1, Pace::kMayFallBehind).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(
      LogReader::Create(log_.get(), log_->position() + 1, Pace::kMayFallBehind).status().code(),
      absl::StatusCode::kOutOfRange);
  // But nearly all of the ring is there to be read.
  EXPECT_GE(log_->position() - log_->oldest(), kLines - kLines / 8);
  EXPECT_NE(ReadAll(*Reader(log_->oldest())), "");
}

TEST_F(MutationLogTest, AReaderThatHoldsWritersIsWaitedFor) {
  const auto reader = Reader(1, Pace::kHoldsWriters);
  int appended = 0;
  while (Append(absl::StrCat(appended))) ++appended;
  EXPECT_GE(appended, static_cast<int>(kLines - kLines / 8));
  EXPECT_FALSE(log_->TryReserve(MutationLog::kLineBytes));
  std::string expected;
  for (int i = 0; i < appended; ++i) absl::StrAppend(&expected, i, "= ");
  EXPECT_EQ(ReadAll(*reader), expected);
  EXPECT_TRUE(Append("more"));
  EXPECT_EQ(ReadAll(*reader), "more= ");
}

TEST_F(MutationLogTest, AReaderBoundsHowFarWritersAreAhead) {
  const auto reader = Reader(1);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Append("k"));
  ReadAll(*reader);
  constexpr uint64_t kAhead = 8 << 10;
  ASSERT_TRUE(reader->HoldWriters(kAhead));
  for (int round = 0; round < 5; ++round) {
    uint64_t bytes = 0;
    while (Append("k", std::string(200, 'v'))) bytes += 256;
    EXPECT_GE(bytes, kAhead);
    EXPECT_LE(bytes, kAhead + 256) << "round " << round;
    EXPECT_EQ((log_->position() - reader->position()) * MutationLog::kLineBytes, bytes);
    // One that is longer than the bound comes through once it has read.
    EXPECT_FALSE(Append("large", std::string(12 << 10, 'v')));
    ReadAll(*reader);
    EXPECT_TRUE(Append("large", std::string(12 << 10, 'v')));
    EXPECT_FALSE(Append("k", std::string(200, 'v')));
    ReadAll(*reader);
  }
  // Another bound, and none.
  ASSERT_TRUE(reader->HoldWriters(2 * kAhead));
  uint64_t bytes = 0;
  while (Append("k", std::string(200, 'v'))) bytes += 256;
  EXPECT_GE(bytes, 2 * kAhead);
  EXPECT_LE(bytes, 2 * kAhead + 256);
  reader->LetWritersGo();
  for (uint64_t i = 0; i < 2 * kLines; ++i) ASSERT_TRUE(Append("k"));
  EXPECT_FALSE(reader->HoldWriters(kAhead)) << "it has fallen behind";
  ASSERT_TRUE(Append("k"));
}

TEST_F(MutationLogTest, ABoundBelowWhatWasGivenInAdvanceHoldsNobodyForGood) {
  Restart({.bytes = 64 << 20, .stripes = 4});
  const auto reader = Reader(1);
  ASSERT_TRUE(Append("k"));  // with 1024 lines more for this thread
  ReadAll(*reader);
  ASSERT_TRUE(reader->HoldWriters(32 << 10));
  EXPECT_TRUE(Append("large", std::string(70 << 10, 'v'))) << "all is read";
}

TEST_F(MutationLogTest, RoomThatIsAwaitedIsToldOnceThereIsEnough) {
  EXPECT_FALSE(log_->AwaitRoom(1000)) << "there is";
  const auto reader = Reader(1, Pace::kHoldsWriters);
  const auto other = Reader(1, Pace::kHoldsWriters);
  while (Append("k")) {
  }
  constexpr uint64_t kWanted = 8 << 10;
  EXPECT_TRUE(log_->AwaitRoom(64));
  EXPECT_TRUE(log_->AwaitRoom(kWanted));
  rooms_ = 0;
  ReadAll(*reader);
  EXPECT_EQ(rooms_, 0) << "the other one still holds all of it";
  EXPECT_EQ(other->Read(1000, [](const LogReader::Record&) {}), Result::kRead);
  EXPECT_EQ(rooms_, 0) << "not enough for who wants most";
  ReadAll(*other);
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(log_->TryReserve(kWanted));
  log_->Release(kWanted);
  EXPECT_EQ(rooms_, 1) << "nobody awaits any";
  // Also when somebody gives back what he has not used, or a reader goes.
  for (int i = 0; i < 4; ++i) static_cast<void>(log_->TryReserve(log_->RoomMax()));
  while (log_->TryReserve(64)) {
  }
  EXPECT_TRUE(log_->AwaitRoom(64));
  log_->Release(log_->RoomMax());
  EXPECT_EQ(rooms_, 2);
}

TEST_F(MutationLogTest, WhoGivesUpKeepsNobodyBehindHim) {
  const auto reader = Reader(1, Pace::kHoldsWriters);
  while (Append("k")) {
  }
  constexpr uint64_t kMuch = 8 << 10;
  EXPECT_TRUE(log_->AwaitRoom(kMuch));
  EXPECT_TRUE(log_->AwaitRoom(kMuch));
  EXPECT_TRUE(log_->AwaitRoom(64));
  rooms_ = 0;
  EXPECT_EQ(reader->Read(1000, [](const LogReader::Record&) {}), Result::kRead);
  log_->StopAwaitingRoom(kMuch);
  EXPECT_EQ(rooms_, 0) << "another one needs as much";
  log_->StopAwaitingRoom(kMuch);
  EXPECT_EQ(rooms_, 1) << "who needs less looks again";
  EXPECT_TRUE(log_->TryReserve(64));
  log_->StopAwaitingRoom(kMuch);
  EXPECT_EQ(rooms_, 1) << "nobody awaits any";

  // Who gives up and needs less than another keeps him from nothing.
  EXPECT_TRUE(log_->AwaitRoom(kMuch));
  EXPECT_TRUE(log_->AwaitRoom(kMuch / 2));
  log_->StopAwaitingRoom(kMuch / 2);
  EXPECT_EQ(rooms_, 1);
  ReadAll(*reader);
  EXPECT_EQ(rooms_, 2);
  log_->Release(64);
}

TEST_F(MutationLogTest, RoomIsAwaitedOfReadersOnly) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(log_->TryReserve(log_->RoomMax()));
  EXPECT_FALSE(log_->TryReserve(64));
  EXPECT_FALSE(log_->AwaitRoom(64)) << "others are about to use or to give back what they have";
  const auto reader = Reader(1, Pace::kHoldsWriters);
  EXPECT_TRUE(log_->AwaitRoom(64)) << "what they use it must have read first";
  rooms_ = 0;
  log_->Release(log_->RoomMax());
  EXPECT_EQ(rooms_, 1);
  for (int i = 0; i < 3; ++i) log_->Release(log_->RoomMax());
}

TEST_F(MutationLogTest, AReaderThatGoesMakesRoomForThoseWhoAwaitIt) {
  auto reader = Reader(1, Pace::kHoldsWriters);
  while (Append("k")) {
  }
  EXPECT_TRUE(log_->AwaitRoom(64));
  reader.reset();
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(Append("k"));
}

TEST_F(MutationLogTest, RoomIsBoundedAndComesBack) {
  const auto reader = Reader(1, Pace::kHoldsWriters);
  EXPECT_EQ(log_->RoomMax(), kBytes / 4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(log_->TryReserve(log_->RoomMax())) << i;
  EXPECT_FALSE(log_->TryReserve(MutationLog::kLineBytes));
  log_->Release(log_->RoomMax());
  // Whoever gave it back: what others have got in advance is taken back.
  EXPECT_TRUE(log_->TryReserve(log_->RoomMax()));
  for (int i = 0; i < 4; ++i) log_->Release(log_->RoomMax());
  EXPECT_EQ(log_->oldest(), 1u);
  // Room that is not used keeps nothing from being read.
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(log_->TryReserve(log_->RoomMax()));
    log_->Release(log_->RoomMax());
  }
  ASSERT_TRUE(Append("k"));
  EXPECT_EQ(ReadAll(*reader), "k= ");
}

TEST_F(MutationLogTest, RoomIsWhatARecordTakes) {
  for (const size_t value_bytes : {0, 22, 23, 24, 86, 87, 88, 1000}) {
    const uint64_t before = log_->position();
    ASSERT_TRUE(Append("k", std::string(value_bytes, 'v')));
    EXPECT_EQ((log_->position() - before) * MutationLog::kLineBytes, log_->RoomFor(1, value_bytes));
  }
}

TEST_F(MutationLogTest, AReaderThatSleepsIsWokenOnce) {
  const auto reader = Reader(1);
  ASSERT_TRUE(Append("a"));
  EXPECT_EQ(wakes_, 0) << "nobody sleeps";
  EXPECT_FALSE(reader->Sleep()) << "there is more to read";
  EXPECT_EQ(ReadAll(*reader), "a= ");
  ASSERT_TRUE(reader->Sleep());
  EXPECT_EQ(wakes_, 0);
  ASSERT_TRUE(Append("b"));
  ASSERT_TRUE(Append("c"));
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(ReadAll(*reader), "b= c= ");
}

TEST_F(MutationLogTest, ThereAreNoMoreReadersThanItSays) {
  std::vector<std::unique_ptr<LogReader>> readers;
  for (size_t i = 0; i < MutationLog::kReadersMax; ++i) {
    readers.push_back(Reader(1, Pace::kHoldsWriters));
  }
  EXPECT_EQ(LogReader::Create(log_.get(), 1, Pace::kMayFallBehind).status().code(),
            absl::StatusCode::kResourceExhausted);
  readers.clear();
  // Those that are gone hold nobody.
  for (uint64_t i = 0; i < 2 * kLines; ++i) ASSERT_TRUE(Append("k"));
  EXPECT_NE(ReadAll(*Reader(log_->oldest())), "");
}

TEST_F(MutationLogTest, LimitsAreChecked) {
  const auto why_not = [](const MutationLogOptions& options) {
    const absl::Status status = MutationLog::Create(options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  constexpr uint64_t kMi = uint64_t{1} << 20;
  EXPECT_TRUE(MutationLog::Create({.bytes = kMi}).ok());
  EXPECT_EQ(why_not({.bytes = kMi - kBytes}),
            "a log of 983040 bytes (--log_bytes); it must be a multiple of 65536, from 1048576 to "
            "1099511627776");
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1000}, kMi + 4096, uint64_t{1} << 41}) {
    EXPECT_NE(why_not({.bytes = bytes}).find("must be a multiple of"), std::string::npos) << bytes;
  }
  EXPECT_EQ(why_not({.stripes = 3}), "a log for 3 stripes, which must be a power of two");
  EXPECT_TRUE(MutationLog::Create({.bytes = kMi, .first = kLogSequenceMax}).ok());
  EXPECT_EQ(why_not({.first = 0}),
            "a log whose first sequence is 0; it must be 1 to 4611686018427387904");
  EXPECT_NE(why_not({.first = UINT64_MAX}).find("is 18446744073709551615"), std::string::npos);
}

}  // namespace
}  // namespace larder::storage
