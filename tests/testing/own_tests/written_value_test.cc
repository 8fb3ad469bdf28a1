#include "tests/testing/history/written_value.h"

#include <gtest/gtest.h>

#include <string>

namespace larder::history {
namespace {

TEST(WrittenValueTest, APieceSaysWhoWroteIt) {
  for (const size_t bytes : {0, 7, 8, 9, 10, 11, 12, 99, 100, 101, 5000}) {
    const std::string piece = MakePiece({3, 17}, bytes);
    EXPECT_EQ(DescribeValue(piece), "3.17") << bytes;
    EXPECT_GE(piece.size(), bytes);
    EXPECT_LE(piece.size(), bytes + 12);
  }
}

TEST(WrittenValueTest, AValueIsItsPieces) {
  const std::string value = MakePiece({1, 1}, 40) + MakePiece({2, 9}, 10) + MakePiece({1, 2}, 33);
  EXPECT_EQ(DescribeValue(value), "1.1,2.9,1.2");
  const auto state = ParseState("1.1,2.9,1.2");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->writers.size(), 3u);
  EXPECT_EQ(state->writers[1], (OperationId{2, 9}));
}

TEST(WrittenValueTest, EveryDamageIsTold) {
  const std::string one = MakePiece({1, 1}, 60);
  const std::string other = MakePiece({1, 2}, 60);
  for (size_t at = 0; at < one.size(); ++at) {
    EXPECT_EQ(DescribeValue(one.substr(0, at)).front(), '!') << at;
    std::string mixed = one.substr(0, at) + other.substr(at);
    if (mixed != one && mixed != other) {
      EXPECT_EQ(DescribeValue(mixed).front(), '!') << at;
    }
    mixed = one;
    mixed[at] = static_cast<char>(mixed[at] ^ 1);
    EXPECT_EQ(DescribeValue(mixed).front(), '!') << at;
  }
  EXPECT_EQ(DescribeValue(one + one.substr(0, 5)).front(), '!');
  EXPECT_FALSE(ParseState(DescribeValue("")).has_value());
}

TEST(WrittenValueTest, ACounterSaysWhoCreatedIt) {
  const OperationId last{kCounterClientMax, kCounterNumberMax};
  EXPECT_EQ(DescribeCounter(CounterStart({5, 77}) + 3), "#5.77+3");
  EXPECT_EQ(DescribeValue(std::to_string(CounterStart(last) + kCounterSumMax)),
            "#2047.268435455+16777215");
  EXPECT_EQ(DescribeCounter(-1).front(), '!');
  const auto state = ParseState("#5.77+3");
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->is_counter);
  EXPECT_EQ(state->sum, 3);
}

TEST(WrittenValueTest, WhatIsNoStateIsRefused) {
  for (const char* text : {"", "1", "1.", "1.1,", "1.1x", "#1.1", "#1.1+", "#1.1,1.2+3", "-1.1"}) {
    EXPECT_FALSE(ParseState(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace larder::history
