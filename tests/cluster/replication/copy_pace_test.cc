#include "cluster/replication/copy_pace.h"

#include <gtest/gtest.h>

#include <optional>
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
  EXPECT_TRUE(pace.IsDue(At(101)));
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
  PacedCopyTest() : ReplicationSourceTest(PacedOptions()) {
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

TEST_F(PacedCopyTest, ItIsThePaceOfAllCopiesTogether) {
  Greet(HelloOf(kReplica));
  Greet(HelloOf(kOther), LinkId(2));
  int chunks = 0;
  int64_t now = 0;
  for (; now < 1000; ++now) {
    condition_.now = At(now);
    for (const LinkId link : {kLink, LinkId(2)}) chunks += SendAll(link).chunks;
    EXPECT_TRUE(source_.CopiesWaitForPace());
  }
  EXPECT_GT(chunks, 3);
  EXPECT_LE(source_.counts().chunk_bytes, 1000u + 400u);
}

}  // namespace
}  // namespace larder::cluster
