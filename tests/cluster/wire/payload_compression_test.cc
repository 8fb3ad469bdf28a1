#include <gmock/gmock.h>
#include <zstd.h>

#include <optional>
#include <random>
#include <string>

#include "cluster/wire/payload_compressor.h"
#include "cluster/wire/payload_inflater.h"

namespace larder::cluster {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMany = size_t{1} << 30;

std::string Noise(size_t bytes) {
  std::mt19937_64 random(14);
  std::string noise(bytes, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}
std::string Zeros(size_t bytes) { return std::string(bytes, '\0'); }

std::string Packed(const std::string& payload) {
  PayloadCompressor compressor({.bytes_min = 1});
  return compressor.Compress(payload).value();
}

std::string WhyRefused(const std::string& compressed, uint64_t claimed, size_t bytes_max = kMany) {
  PayloadInflater inflater;
  const auto inflated = inflater.Inflate(compressed, claimed, bytes_max);
  if (inflated.ok()) return "it was not refused";
  EXPECT_EQ(inflated.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(inflated.status().message());
}

TEST(PayloadCompressorTest, CompressesWhatIsLongEnoughAndPays) {
  PayloadCompressor compressor({});
  EXPECT_FALSE(compressor.Compress(Zeros(512)).has_value());
  EXPECT_EQ(compressor.tries(), 0u);
  const std::optional<std::string> compressed = compressor.Compress(Zeros(513));
  ASSERT_TRUE(compressed.has_value());
  EXPECT_EQ(compressor.saved_bytes(), 513 - compressed->size());
  PayloadInflater inflater;
  EXPECT_EQ(inflater.Inflate(*compressed, 513, kMany).value(), Zeros(513));
}

TEST(PayloadCompressorTest, PaysByHalfAtLeast) {
  // Half can not be compressed, and a frame has a header.
  const std::string just_not = Noise(4000) + Zeros(4000);
  const std::string just = Noise(3800) + Zeros(4200);
  EXPECT_FALSE(PayloadCompressor({}).Compress(just_not).has_value());
  const std::optional<std::string> compressed = PayloadCompressor({}).Compress(just);
  ASSERT_TRUE(compressed.has_value());
  EXPECT_LE(compressed->size(), 4000u);
}

TEST(PayloadCompressorTest, TwoThatDoNotPayLetTheNextSixteenGoAsTheyAre) {
  PayloadCompressor compressor({});
  EXPECT_FALSE(compressor.Compress(Noise(2000)).has_value());
  EXPECT_TRUE(compressor.Compress(Zeros(2000)).has_value());  // one alone lets none
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(compressor.Compress(Noise(2000)).has_value());
  for (int i = 0; i < 16; ++i) EXPECT_FALSE(compressor.Compress(Zeros(2000)).has_value()) << i;
  EXPECT_EQ(compressor.tries(), 4u);
  EXPECT_TRUE(compressor.Compress(Zeros(2000)).has_value());
  // What is too short to be tried is not counted as one of them.
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(compressor.Compress(Noise(2000)).has_value());
  for (int i = 0; i < 16; ++i) EXPECT_FALSE(compressor.Compress(Zeros(512)).has_value()) << i;
  EXPECT_FALSE(compressor.Compress(Zeros(2000)).has_value());
}

TEST(PayloadCompressorTest, WhatCannotBeCompressedIsHardlyEverTried) {
  PayloadCompressor compressor({});
  const std::string noise = Noise(2000);
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(compressor.Compress(noise).has_value());
  // The first two, after 16, 32, 64 and 128 (246 in all), and then every 257th.
  EXPECT_EQ(compressor.tries(), 43u);
  EXPECT_EQ(compressor.saved_bytes(), 0u);
}

TEST(PayloadCompressorTest, IsOffWhenItIsOff) {
  PayloadCompressor compressor({.is_on = false});
  EXPECT_FALSE(compressor.Compress(Zeros(100000)).has_value());
}

TEST(PayloadCompressorTest, TriesLessOftenWhereItDoesNotPay) {
  PayloadCompressor compressor({.failures_max = 4, .pass_by_first = 8, .pass_by_max = 32});
  const std::string noise = Noise(2000);
  const auto payloads_until_next_try = [&] {
    const uint64_t tries = compressor.tries();
    int payloads = 0;
    while (compressor.tries() == tries) {
      EXPECT_FALSE(compressor.Compress(noise).has_value());
      ++payloads;
    }
    return payloads;
  };
  for (const int expected : {1, 1, 1, 1, 9, 17, 33, 33}) {
    EXPECT_EQ(payloads_until_next_try(), expected);
  }
  // One that pays, when it is tried, begins anew.
  for (int i = 0; i < 32; ++i) EXPECT_FALSE(compressor.Compress(Zeros(2000)).has_value());
  EXPECT_TRUE(compressor.Compress(Zeros(2000)).has_value());
  for (const int expected : {1, 1, 1, 1, 9}) EXPECT_EQ(payloads_until_next_try(), expected);
}

TEST(PayloadInflaterTest, RefusesWhatIsTooLargeBeforeItIsInflated) {
  const std::string bomb = Packed(Zeros(size_t{64} << 20));
  EXPECT_LT(bomb.size(), size_t{10} << 10);
  EXPECT_EQ(WhyRefused(bomb, uint64_t{64} << 20, size_t{32} << 20),
            "a compressed payload that claims 67108864 bytes; at most 33554432");
}

TEST(PayloadInflaterTest, RefusesAClaimThatIsNotTrue) {
  const std::string packed = Packed(Zeros(100000));
  for (const uint64_t claimed : {1, 99999, 100001, 200000}) {
    EXPECT_THAT(WhyRefused(packed, claimed), HasSubstr("not of the size that it claims"));
  }
  EXPECT_THAT(WhyRefused(packed, 0), HasSubstr("claims no bytes"));
  // Nothing is allocated for what so few bytes can not be.
  EXPECT_THAT(WhyRefused("1234", kMany), HasSubstr("claims what it can not be"));
}

TEST(PayloadInflaterTest, RefusesAFrameThatDoesNotSayItsSize) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  const std::string payload = Zeros(1000);
  std::string packed(ZSTD_compressBound(payload.size()), '\0');
  packed.resize(
      ZSTD_compress2(context, packed.data(), packed.size(), payload.data(), payload.size()));
  ZSTD_freeCCtx(context);
  EXPECT_THAT(WhyRefused(packed, 1000), HasSubstr("not of the size that it claims"));
}

TEST(PayloadInflaterTest, RefusesEveryCutFrameAndWhatComesBehindOne) {
  const std::string packed = Packed(Noise(700) + Zeros(3000));
  for (size_t bytes = 0; bytes < packed.size(); ++bytes) {
    EXPECT_NE(WhyRefused(packed.substr(0, bytes), 3700), "it was not refused") << bytes;
  }
  EXPECT_THAT(WhyRefused(packed + "x", 3700), HasSubstr("bytes behind"));
  EXPECT_THAT(WhyRefused(packed + packed, 7400), HasSubstr("bytes behind"));
  EXPECT_THAT(WhyRefused(Noise(3000), 3700), HasSubstr("not a zstd frame"));
}

TEST(PayloadInflaterTest, ABrokenFrameIsRefusedOrHasTheSizeThatItClaims) {
  const std::string packed = Packed(Noise(700) + Zeros(3000));
  PayloadInflater inflater;
  for (size_t at = 0; at < packed.size(); ++at) {
    std::string broken = packed;
    broken[at] = static_cast<char>(broken[at] ^ 0x41);
    const auto inflated = inflater.Inflate(broken, 3700, kMany);
    EXPECT_EQ(inflated.ok() ? inflated->size() : 3700, 3700u);
  }
  // It is of use after what was broken.
  EXPECT_TRUE(inflater.Inflate(packed, 3700, kMany).ok());
}

}  // namespace
}  // namespace larder::cluster
