#include "cluster/replication/copy_pace.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "tests/cluster/replication/replication_source_test.h"

namespace larder::cluster {
namespace {

TEST(CopyPaceTest, WithoutARateAllIsDue) {
  CopyPace pace(0);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(pace.IsDue(At(0)));
    pace.Take(uint64_t{1} << 40);
  }
}

TEST(CopyPaceTest, WhatWasTakenAboveWhatIsDueIsWaitedFor) {
  CopyPace pace(1000);
  EXPECT_TRUE(pace.IsDue(At(0)));
  pace.Take(105);  // five are due at the beginning
  EXPECT_FALSE(pace.IsDue(At(0)));
  EXPECT_FALSE(pace.IsDue(At(100)));
  EXPECT_EQ(pace.DueIn(), Millis(1));
  EXPECT_TRUE(pace.IsDue(At(101)));
  EXPECT_EQ(pace.DueIn(), Millis(0));
}

TEST(CopyPaceTest, ItIsDueWhenItSaysSo) {
  for (const uint64_t rate : {10, 999, 1000, 123'456'789}) {
    for (const uint64_t taken : {1, 6, 1000, 617'284, 10'000'000}) {
      CopyPace pace(rate);
      ASSERT_TRUE(pace.IsDue(At(0)));
      pace.Take(taken);
      const Millis in = pace.DueIn();
      EXPECT_EQ(in.count() == 0, pace.IsDue(At(0))) << rate << " " << taken;
      EXPECT_TRUE(pace.IsDue(At(0) + in)) << rate << " " << taken;
      CopyPace before(rate);
      ASSERT_TRUE(before.IsDue(At(0)));
      before.Take(taken);
      if (in.count() > 1) {
        EXPECT_FALSE(before.IsDue(At(0) + in - Millis(2))) << rate << " " << taken;
      }
    }
  }
}

TEST(CopyPaceTest, ARateBelowAByteInAMillisecondComesDueToo) {
  CopyPace pace(10);
  EXPECT_TRUE(pace.IsDue(At(0)));
  pace.Take(1);
  int64_t now = 0;
  while (!pace.IsDue(At(now))) ++now;
  EXPECT_NEAR(static_cast<double>(now), 95, 6);  // 100, less what was due at the beginning
}

TEST(CopyPaceTest, LittleOfTimeThatWasLostIsMadeUpFor) {
  CopyPace pace(1000);
  EXPECT_TRUE(pace.IsDue(At(0)));
  EXPECT_TRUE(pace.IsDue(At(60'000)));
  pace.Take(5);
  EXPECT_FALSE(pace.IsDue(At(60'000))) << "a minute is not made up for";
  EXPECT_TRUE(pace.IsDue(At(60'001)));
}

// A chunk of some hundred bytes is due every tenth of a second.
class PacedCopyTest : public ReplicationSourceTest {
 protected:
  explicit PacedCopyTest(SourceOptions options = PacedOptions())
      : ReplicationSourceTest(std::move(options)) {
    for (int i = 0; i < 40; ++i) Set(absl::StrCat("k", i), 50);
  }
  static SourceOptions PacedOptions() {
    SourceOptions options = SmallOptions();
    options.copy_bytes_per_second = 1000;
    return options;
  }
  // What comes until nothing does.
  struct Sent {
    int chunks = 0;
    int batches = 0;
    bool is_end = false;
  };
  Sent SendAll(LinkId link = kLink) {
    Sent sent;
    while (true) {
      const Outgoing outgoing = Next(link);
      if (!outgoing.message.has_value()) return sent;
      if (std::holds_alternative<CopyChunk>(*outgoing.message)) ++sent.chunks;
      if (std::holds_alternative<LogBatch>(*outgoing.message)) ++sent.batches;
      sent.is_end |= std::holds_alternative<CopyEnd>(*outgoing.message);
    }
  }
};

TEST_F(PacedCopyTest, ChunksComeAsTheyAreDueAndTheCopyEnds) {
  EXPECT_EQ(Kind(Greet(HelloOf(kReplica))), Welcome::Kind::kCopyAnew);
  bool is_end = false;
  int64_t now = 0;
  for (; !is_end && now < 60'000; ++now) {
    condition_.now = At(now);
    is_end = SendAll().is_end;
    EXPECT_EQ(source_.CopiesWaitForPace(), !is_end) << now;
  }
  ASSERT_TRUE(is_end);
  const auto bytes = static_cast<int64_t>(source_.counts().chunk_bytes);
  EXPECT_GT(bytes, 40 * 50);
  // All but the last chunk is waited for.
  EXPECT_GE(now, bytes - 400);
  EXPECT_LE(now, bytes + 1);
}

TEST_F(PacedCopyTest, WhileNoneIsDueTheStreamIsTheLogs) {
  Greet(HelloOf(kReplica));
  EXPECT_EQ(SendAll().chunks, 1);
  for (int i = 0; i < 20; ++i) {
    SetMany(5);
    EXPECT_FALSE(feed_.IsHeld());
    condition_.log_rests = true;
    EXPECT_FALSE(Next().message.has_value());
    condition_.log_rests = false;
    const Sent sent = SendAll();
    EXPECT_EQ(sent.chunks, 0);
    EXPECT_GE(sent.batches, 1);
  }
  SetMany(50);
  EXPECT_TRUE(feed_.IsHeld()) << "as when a copy is installed";
  EXPECT_TRUE(source_.CopiesWaitForPace());
  // None of that was taken from the room that the log has when one is due.
  condition_.now = At(1000);
  const Sent sent = SendAll();
  EXPECT_GE(sent.chunks, 1);
  EXPECT_FALSE(feed_.IsHeld());
}

// Chunks of one entry each, which leave the log less room than the 38 that are unsent when one
// falls due.
class SmallChunksTest : public PacedCopyTest {
 protected:
  SmallChunksTest() : PacedCopyTest(SmallChunks()) {
    for (int i = 0; i < 400; ++i) Set(absl::StrCat("more", i));
    Greet(HelloOf(kReplica));
    EXPECT_EQ(SendAll().chunks, 1);
  }
  static SourceOptions SmallChunks() {
    SourceOptions options = PacedOptions();
    options.chunk_bytes = 1;
    return options;
  }
  void NextChunkFallsDue() {
    condition_.now += Millis(1);
    SetMany(1);
    EXPECT_EQ(SendAll().batches, 1) << "reads on behind the last chunk";
    condition_.now += Millis(199);
    SetMany(19);
    EXPECT_FALSE(feed_.IsHeld()) << "chunk " << chunks_;
  }
  int chunks_ = 0;
};

TEST_F(SmallChunksTest, WhatWasWrittenMeanwhileIsNotTakenFromTheLogsRoom) {
  while (chunks_ < 100) {
    NextChunkFallsDue();
    const int before = chunks_;
    while (const std::optional<SourceMessage> message = Next().message) {
      EXPECT_FALSE(feed_.IsHeld()) << "chunk " << chunks_ << ": " << MessageText(*message);
      if (std::holds_alternative<CopyChunk>(*message)) ++chunks_;
    }
    ASSERT_EQ(chunks_, before + 1);
  }
}

// Else the pace would be lost to a log that is written faster than the stream takes it.
TEST_F(SmallChunksTest, ItIsWhereItTakesTooLong) {
  const auto next = [this] { return source_.Next(kLink, &feed_, 1, condition_); };
  for (; chunks_ < 400; ++chunks_) {  // so that little of the log is left out
    condition_.now += Millis(200);
    ASSERT_EQ(SendAll().chunks, 1);
  }
  NextChunkFallsDue();
  Of<Heartbeat>(next());
  Of<LogBatch>(next());
  condition_.now += CopyPace::kMadeUp;
  Of<LogBatch>(next());
  EXPECT_TRUE(source_.CopiesWaitForPace()) << "for the log";
  condition_.now += Millis(1);
  Of<LogBatch>(next());
  EXPECT_FALSE(source_.CopiesWaitForPace());
  EXPECT_EQ(SendAll().chunks, 1);
}

TEST_F(PacedCopyTest, ItIsThePaceOfAllCopiesTogetherAndTheyTakeTurns) {
  constexpr LinkId kLast{3};
  Greet(HelloOf(kReplica));
  Greet(HelloOf(kOther), kLast);
  std::map<LinkId, int> chunks;
  for (int64_t now = 0; now < 2000; ++now) {
    condition_.now = At(now);
    for (const LinkId link : source_.InTurn()) chunks[link] += SendAll(link).chunks;
    EXPECT_TRUE(source_.CopiesWaitForPace());
  }
  EXPECT_GT(chunks[kLink], 3);
  EXPECT_NEAR(chunks[kLink], chunks[kLast], 1);
  EXPECT_LE(source_.counts().chunk_bytes, 2000u + 400u);
}

// The other is looked at when its chunk is due, and not when something else happens.
TEST_F(PacedCopyTest, OneThatWaitsIsToBeLookedAtAlsoBesideOneThatDoesNot) {
  EXPECT_FALSE(source_.ChunkDueIn().has_value());
  Greet(HelloOf(kReplica));
  Greet(HelloOf(kOther), LinkId(2));
  EXPECT_FALSE(source_.ChunkDueIn().has_value());
  SendAll();
  EXPECT_FALSE(source_.CopiesWaitForPace()) << "the other was not asked for its first chunk yet";
  ASSERT_TRUE(source_.ChunkDueIn().has_value());
  EXPECT_GT(*source_.ChunkDueIn(), Millis(1));
}

}  // namespace
}  // namespace larder::cluster
