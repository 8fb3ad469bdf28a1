#include <gtest/gtest.h>

#include <string>

#include "server/handlers/lease_token_codec.h"
#include "server/handlers/retry_hint.h"
#include "server/handlers/scan_cursor_codec.h"

namespace larder::server {
namespace {

std::string Encoded(const LeaseTokenCodec& codec, uint64_t number) {
  const auto bytes = codec.Encode({number});
  return {bytes.data(), bytes.size()};
}

std::string Encoded(storage::ScanPosition position) {
  const auto bytes = EncodeScanCursor(position);
  return {bytes.data(), bytes.size()};
}

TEST(LeaseTokenCodecTest, DecodesWhatItEncoded) {
  const LeaseTokenCodec codec(1023, 0xfedcba9876543210);
  for (const uint64_t number : {uint64_t{1}, uint64_t{0x0102030405060708}, ~uint64_t{0}}) {
    const auto token = codec.Decode(Encoded(codec, number));
    ASSERT_TRUE(token.has_value());
    EXPECT_EQ(token->number, number);
  }
}

TEST(LeaseTokenCodecTest, TokensOfOthersAreVoid) {
  const LeaseTokenCodec codec(1, 100);
  EXPECT_EQ(codec.Decode(Encoded(LeaseTokenCodec(2, 100), 5)), storage::LeaseToken{0});
  EXPECT_EQ(codec.Decode(Encoded(LeaseTokenCodec(1, 101), 5)), storage::LeaseToken{0});
}

TEST(LeaseTokenCodecTest, RefusesAnyOtherLength) {
  const LeaseTokenCodec codec(1, 100);
  const std::string token = Encoded(codec, 5);
  EXPECT_FALSE(codec.Decode("").has_value());
  EXPECT_FALSE(codec.Decode(token.substr(1)).has_value());
  EXPECT_FALSE(codec.Decode(token + "x").has_value());
}

TEST(ScanCursorCodecTest, DecodesWhatItEncoded) {
  for (const storage::ScanPosition position :
       {storage::ScanPosition{0, 0}, storage::ScanPosition{16383, ~uint64_t{0}},
        storage::ScanPosition{258, 0x0102030405060708}}) {
    EXPECT_EQ(DecodeScanCursor(Encoded(position)), position);
  }
}

TEST(ScanCursorCodecTest, RefusesEveryDamagedByteAndLength) {
  const std::string cursor = Encoded({777, 0x1234567890abcdef});
  for (size_t i = 0; i < cursor.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = cursor;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_FALSE(DecodeScanCursor(damaged).has_value()) << i << " " << bit;
    }
  }
  EXPECT_FALSE(DecodeScanCursor(cursor.substr(0, 14)).has_value());
  EXPECT_FALSE(DecodeScanCursor(cursor + "x").has_value());
  EXPECT_FALSE(DecodeScanCursor("").has_value());
}

TEST(ScanCursorCodecTest, RefusesASlotThatDoesNotExist) {
  EXPECT_FALSE(DecodeScanCursor(Encoded({16384, 0})).has_value());
}

TEST(RetryHintTest, TravelsWithTheStatus) {
  const absl::Status status =
      WithRetryHint(absl::ResourceExhaustedError("full"), absl::Milliseconds(1500));
  EXPECT_EQ(RetryHintOf(status), absl::Milliseconds(1500));
  EXPECT_EQ(status.message(), "full");
  EXPECT_FALSE(RetryHintOf(absl::ResourceExhaustedError("full")).has_value());
  EXPECT_FALSE(RetryHintOf(absl::OkStatus()).has_value());
}

}  // namespace
}  // namespace larder::server
