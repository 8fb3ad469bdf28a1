#include "server/config/flag_text.h"

#include <gtest/gtest.h>

namespace larder::server {
namespace {

TEST(FlagTextTest, SizesHaveUnitsOf1024) {
  EXPECT_EQ(ParseBytes("0"), 0u);
  EXPECT_EQ(ParseBytes("1048576"), 1048576u);
  for (const char* text : {"64KiB", "64kib", "64k", "64K", "64kb", "64KB"}) {
    EXPECT_EQ(ParseBytes(text), 65536u) << text;
  }
  EXPECT_EQ(ParseBytes("3b"), 3u);
  EXPECT_EQ(ParseBytes("3MiB"), 3u << 20);
  EXPECT_EQ(ParseBytes("3g"), uint64_t{3} << 30);
  EXPECT_EQ(ParseBytes("2TiB"), uint64_t{2} << 40);
}

TEST(FlagTextTest, OtherTextIsNoSize) {
  for (const char* text :
       {"", "k", "KiB", "-1", "+1", "1.5GiB", " 1", "1 ", "1 KiB", "1x", "1kk", "0x10", "1ib",
        "18446744073709551616", "17179869184GiB", "16777216TiB"}) {
    EXPECT_FALSE(ParseBytes(text).has_value()) << text;
  }
  EXPECT_EQ(ParseBytes("18446744073709551615"), ~uint64_t{0});
}

TEST(FlagTextTest, FormatBytesWritesWhatParseBytesReads) {
  EXPECT_EQ(FormatBytes(0), "0");
  EXPECT_EQ(FormatBytes(1000), "1000");
  EXPECT_EQ(FormatBytes(1024), "1KiB");
  EXPECT_EQ(FormatBytes(4128768), "4032KiB");
  EXPECT_EQ(FormatBytes(uint64_t{1} << 40), "1TiB");
  for (const uint64_t bytes : {uint64_t{1}, uint64_t{65536}, uint64_t{1} << 33, ~uint64_t{0}}) {
    EXPECT_EQ(ParseBytes(FormatBytes(bytes)), bytes);
  }
}

TEST(FlagTextTest, DurationsHaveUnitsAndNoSign) {
  EXPECT_EQ(ParseFlagDuration("500ms"), absl::Milliseconds(500));
  EXPECT_EQ(ParseFlagDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ParseFlagDuration("0"), absl::ZeroDuration());
  for (const char* text : {"", "10", "soon", "-1s", "inf", "1 s", "1d"}) {
    EXPECT_FALSE(ParseFlagDuration(text).has_value()) << text;
  }
}

TEST(FlagTextTest, NumbersAreDigits) {
  EXPECT_EQ(ParseNumber("42"), 42u);
  for (const char* text : {"", "-1", "+1", "1k", "4 2", "1e3", "18446744073709551616"}) {
    EXPECT_FALSE(ParseNumber(text).has_value()) << text;
  }
}

TEST(FlagTextTest, DecimalsAreFiniteAndNotNegative) {
  EXPECT_EQ(ParseDecimal("1.5"), 1.5);
  for (const char* text :
       {"", "x", "-0.5", "nan", "inf", "1e999", " 1", "1 ", "+1", "0x1", "1,5"}) {
    EXPECT_FALSE(ParseDecimal(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace larder::server
