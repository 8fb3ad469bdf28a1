#include "client/flags/units.h"

#include <gtest/gtest.h>

namespace larder::cli {
namespace {

TEST(ParseDurationTest, ReadsUnitsAndTheirSums) {
  EXPECT_EQ(*ParseDuration("500ms"), absl::Milliseconds(500));
  EXPECT_EQ(*ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDuration("2d"), absl::Hours(48));
  EXPECT_EQ(*ParseDuration("1w"), absl::Hours(168));
  EXPECT_EQ(*ParseDuration("1.5s"), absl::Milliseconds(1500));
  EXPECT_EQ(*ParseDuration("250us"), absl::Microseconds(250));
  EXPECT_EQ(*ParseDuration("0"), absl::ZeroDuration());
}

TEST(ParseDurationTest, RefusesWhatIsNone) {
  for (const char* text : {"", "5", "-5s", "s", "5x", "5 s", "1h-30m", "1..5s", ".s", "1e3s", "inf",
                           "99999999999999999999w", "5s ", " 5s", "nan", "1e400s"}) {
    EXPECT_EQ(ParseDuration(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseBytesTest, ReadsUnits) {
  EXPECT_EQ(*ParseBytes("100"), 100u);
  EXPECT_EQ(*ParseBytes("64KiB"), 65536u);
  EXPECT_EQ(*ParseBytes("64K"), 65536u);
  EXPECT_EQ(*ParseBytes("64KB"), 64000u);
  EXPECT_EQ(*ParseBytes("1.5MiB"), 1572864u);
  EXPECT_EQ(*ParseBytes("2gib"), uint64_t{2} << 30);
  EXPECT_EQ(*ParseBytes("0"), 0u);
  EXPECT_EQ(*ParseBytes("18446744073709551615"), UINT64_MAX);
}

TEST(ParseBytesTest, RefusesWhatIsNone) {
  for (const char* text : {"", "-1", "+1", "1.5", "KiB", "1XiB", "1 KiB", "18446744073709551616",
                           "99999999TiB", "0x10", " 1", "1 ", "nan", "1e400"}) {
    EXPECT_EQ(ParseBytes(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseCountTest, UnitsArePowersOfThousand) {
  EXPECT_EQ(*ParseCount("50k"), 50000u);
  EXPECT_EQ(*ParseCount("1.5M"), 1500000u);
  EXPECT_FALSE(ParseCount("1KiB").ok());
}

TEST(ParseByteRangeTest, ReadsOneSizeOrTwo) {
  EXPECT_EQ(*ParseByteRange("100"), (std::pair<uint64_t, uint64_t>(100, 100)));
  EXPECT_EQ(*ParseByteRange("10..4KiB"), (std::pair<uint64_t, uint64_t>(10, 4096)));
  EXPECT_FALSE(ParseByteRange("10..5").ok());
  EXPECT_FALSE(ParseByteRange("10..").ok());
  EXPECT_FALSE(ParseByteRange("..10").ok());
}

TEST(ParseAckTest, ReadsLevels) {
  EXPECT_EQ(ParseAck("memory")->level, Ack::Level::kMemory);
  EXPECT_EQ(ParseAck("disk")->level, Ack::Level::kDisk);
  EXPECT_EQ(ParseAck("replicas:2")->level, Ack::Level::kReplicas);
  EXPECT_EQ(ParseAck("replicas:2")->replicas, 2u);
  for (const char* text : {"", "none", "replicas", "replicas:", "replicas:0", "replicas:-1",
                           "replicas: 2", "replicas:+2", "replicas:2 ", "replicas:4294967296"}) {
    EXPECT_FALSE(ParseAck(text).ok()) << text;
  }
}

TEST(ParseHexTest, IsTheInverseOfFormatHex) {
  EXPECT_EQ(*ParseHex(FormatHex(std::string("\x00\xff\x10", 3))), std::string("\x00\xff\x10", 3));
  for (const char* text : {"", "0", "abc", "0g", "0x10"}) EXPECT_FALSE(ParseHex(text).ok()) << text;
}

TEST(ParseVersionTest, IsAPositiveNumber) {
  EXPECT_EQ(*ParseVersion("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "0", "-1", "x"}) EXPECT_FALSE(ParseVersion(text).ok()) << text;
}

TEST(ParseRealTest, IsFiniteAndDecimal) {
  EXPECT_EQ(*ParseReal("0.25"), 0.25);
  EXPECT_EQ(*ParseReal("-3"), -3);
  EXPECT_EQ(*ParseReal("1e6"), 1e6);
  for (const char* text : {"", "nan", "-nan", "inf", "-inf", "infinity", "1e400", "0x10", " 1",
                           "1 ", "+1", "1,5", "1.5.", "."}) {
    EXPECT_EQ(ParseReal(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseWholeTest, IsDecimalDigitsThatFit) {
  EXPECT_EQ(ParseWhole<int>("-42"), -42);
  EXPECT_EQ(ParseWhole<int>("+42"), 42);
  EXPECT_EQ(ParseWhole<int>("010"), 10);
  EXPECT_EQ(ParseWhole<uint64_t>("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "256", " 1", "1 ", "1.0", "0x10", "1e2", "nan", "+-1"}) {
    EXPECT_EQ(ParseWhole<uint8_t>(text), std::nullopt) << text;
  }
  for (const char* text : {"+-1", "-", "+", "--1", "+ 1"}) {
    EXPECT_EQ(ParseWhole<int>(text), std::nullopt) << text;
  }
}

TEST(FormatTest, IsForPeople) {
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(uint64_t{3} << 30), "3.0 GiB");
  EXPECT_EQ(FormatLatency(absl::Nanoseconds(1234)), "1.23us");
  EXPECT_EQ(FormatLatency(absl::Microseconds(45.6)), "45.6us");
  EXPECT_EQ(FormatLatency(absl::Microseconds(999.9)), "1.00ms");
  EXPECT_EQ(FormatLatency(absl::Milliseconds(123)), "123ms");
  EXPECT_EQ(FormatLatency(absl::Seconds(61)), "61.0s");
  EXPECT_EQ(FormatTimestamp(absl::InfiniteFuture()), "never");
  EXPECT_EQ(FormatTimestamp(absl::FromUnixMillis(1234)), "1970-01-01T00:00:01.234Z");
}

}  // namespace
}  // namespace larder::cli
