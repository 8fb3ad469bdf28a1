#include "tests/bench/timing_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/bench/median.h"

namespace larder::bench {
namespace {

using testing::HasSubstr;

Timing Get(double nanos) { return {"get_hit", "zipf", 1, nanos}; }
Timing Delete(double nanos) { return {"delete", "each once", 2, nanos}; }

TEST(MedianTest, IsTheMiddleOrTheMeanOfTheTwoThere) {
  EXPECT_EQ(Median({5}), 5);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  EXPECT_EQ(Median({100, 2, 4, 1}), 3);
}

TEST(TimingTableTest, HasTheMedianOfEachLine) {
  TimingTable table;
  table.AddRound({Get(100), Delete(10)});
  table.AddRound({Get(300), Delete(30)});
  table.AddRound({Get(200), Delete(20)});
  ASSERT_EQ(table.lines().size(), 2u);
  EXPECT_EQ(table.lines()[0].median(), 200);
  EXPECT_EQ(table.lines()[1].median(), 20);
}

TEST(TimingTableTest, WhatOneProgramPrintsAnotherReads) {
  TimingTable table;
  table.AddRound({Get(123.5), Delete(10)});
  const nlohmann::ordered_json json = {{"keys", 5}, {"timings", table.ToJson()}};
  const auto timings = ParseTimings(json.dump());
  ASSERT_TRUE(timings.ok()) << timings.status();
  ASSERT_EQ(timings->size(), 2u);
  EXPECT_EQ((*timings)[0].operation, "get_hit");
  EXPECT_EQ((*timings)[0].cpu_nanos, 123.5);
  EXPECT_EQ((*timings)[1].distribution, "each once");
  EXPECT_EQ((*timings)[1].threads, 2);
}

TEST(TimingTableTest, OtherTextIsNoTimings) {
  for (const char* text : {"", "no JSON", "[]", "{}", R"({"timings": 5})", R"({"timings": [5]})"}) {
    EXPECT_TRUE(absl::IsInternal(ParseTimings(text).status())) << text;
  }
}

TEST(TimingTableTest, ComparesLineByLine) {
  TimingTable ours;
  ours.AddRound({Get(50), Delete(30)});
  TimingTable theirs;
  theirs.AddRound({Get(100), Delete(20)});
  const auto json = ours.CompareToJson(theirs);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)[0]["ratio"], 0.5);
  EXPECT_EQ((*json)[1]["ratio"], 1.5);
  const auto text = ours.CompareToText(theirs);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(*text, HasSubstr("0.50"));
}

TEST(TimingTableTest, TablesOfOtherLinesCannotBeCompared) {
  TimingTable ours;
  ours.AddRound({Get(50), Delete(30)});
  TimingTable shorter;
  shorter.AddRound({Get(50)});
  TimingTable other;
  other.AddRound({Delete(30), Get(50)});
  EXPECT_TRUE(absl::IsInternal(ours.CompareToJson(shorter).status()));
  EXPECT_TRUE(absl::IsInternal(ours.CompareToJson(other).status()));
}

}  // namespace
}  // namespace larder::bench
