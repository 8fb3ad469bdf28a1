#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
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

class ScanCursorCodecTest : public testing::Test {
 protected:
  static std::string Encoded(const ScanCursorCodec& codec, storage::ScanPosition position) {
    const auto bytes = codec.Encode(position);
    return {bytes.data(), bytes.size()};
  }
  std::string Encoded(storage::ScanPosition position) const { return Encoded(codec_, position); }

  const ScanCursorCodec codec_{storage::KeyHasher(storage::HashSecret{{1, 2, 3, 4}})};
};

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

TEST_F(ScanCursorCodecTest, DecodesWhatItEncoded) {
  for (const storage::ScanPosition position :
       {storage::ScanPosition{0, 0}, storage::ScanPosition{16383, ~uint64_t{0}},
        storage::ScanPosition{258, 0x0102030405060708}}) {
    EXPECT_EQ(codec_.Decode(Encoded(position)).value(), position);
  }
}

TEST_F(ScanCursorCodecTest, RefusesEveryDamagedByteAndLength) {
  const std::string cursor = Encoded({777, 0x1234567890abcdef});
  for (size_t i = 0; i < cursor.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = cursor;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      EXPECT_FALSE(codec_.Decode(damaged).ok()) << i << " " << bit;
    }
  }
  EXPECT_FALSE(codec_.Decode(cursor.substr(0, 18)).ok());
  EXPECT_FALSE(codec_.Decode(cursor + "x").ok());
  EXPECT_FALSE(codec_.Decode("").ok());
}

TEST_F(ScanCursorCodecTest, RefusesASlotThatDoesNotExist) {
  EXPECT_FALSE(codec_.Decode(Encoded({16384, 0})).ok());
}

TEST_F(ScanCursorCodecTest, RefusesACursorOfAnotherSecretAndSaysWhatToDo) {
  for (int word = 0; word < 4; ++word) {
    storage::HashSecret other{{1, 2, 3, 4}};
    other.words[word] ^= 1;
    const auto position =
        codec_.Decode(Encoded(ScanCursorCodec(storage::KeyHasher(other)), {777, 5}));
    EXPECT_EQ(position.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(position.status().message()),
                testing::HasSubstr("begin the scan anew"));
  }
  const ScanCursorCodec same{storage::KeyHasher(storage::HashSecret{{1, 2, 3, 4}})};
  EXPECT_EQ(codec_.Decode(Encoded(same, {777, 5})).value(), (storage::ScanPosition{777, 5}));
}

TEST_F(ScanCursorCodecTest, ShowsNothingOfTheHash) {
  // Half of the bits differ when one bit of the hash does, whichever it is.
  const std::string plain = Encoded({777, 0});
  for (int bit = 0; bit < 64; ++bit) {
    const std::string other = Encoded({777, uint64_t{1} << bit});
    int differing = 0;
    for (size_t i = 7; i < 15; ++i) {
      differing += std::popcount(static_cast<unsigned char>(plain[i] ^ other[i]));
    }
    EXPECT_GE(differing, 14) << bit;
    EXPECT_LE(differing, 50) << bit;
  }
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
