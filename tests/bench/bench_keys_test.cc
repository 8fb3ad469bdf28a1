#include "tests/bench/bench_keys.h"

#include "cluster/hash_slot.h"
#include "gtest/gtest.h"
#include "tests/bench/log_uniform.h"

namespace larder::bench {
namespace {

TEST(BenchKeysTest, AKeyIsItsNumberInDigits) {
  ScratchKey key(6);
  EXPECT_EQ(key(0).key, "000000");
  EXPECT_EQ(key(1234).key, "001234");
  EXPECT_EQ(key(1234).slot, cluster::HashSlot("001234"));
}

TEST(BenchKeysTest, ASequenceKeepsOrderAndSlots) {
  KeySequence sequence(4, 2);
  for (const uint64_t number : {17, 4, 17}) sequence.Add(number);
  ASSERT_EQ(sequence.size(), 3u);
  EXPECT_EQ(sequence[0].key, "0017");
  EXPECT_EQ(sequence[1].key, "0004");
  EXPECT_EQ(sequence[2].key, "0017");
  EXPECT_EQ(sequence[1].slot, cluster::HashSlot("0004"));
  sequence.Clear();
  EXPECT_EQ(sequence.size(), 0u);
}

TEST(BenchKeysTest, RefusesSizesThatCannotTellKeysApart) {
  EXPECT_TRUE(CheckKeyBytes(3, 1000).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckKeyBytes(3, 1001)));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckKeyBytes(0, 1)));
  EXPECT_TRUE(CheckKeyBytes(storage::kKeyBytesMax, 1).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(CheckKeyBytes(storage::kKeyBytesMax + 1, 1)));
}

TEST(LogUniformTest, StaysInTheRangeAndHasTheMeanThatItSays) {
  load::Random random(3);
  double sum = 0;
  constexpr int kSamples = 100000;
  for (int i = 0; i < kSamples; ++i) {
    const size_t size = LogUniform(10, 4096, random);
    ASSERT_GE(size, 10u);
    ASSERT_LE(size, 4096u);
    sum += static_cast<double>(size);
  }
  EXPECT_NEAR(sum / kSamples, LogUniformMean(10, 4096), 15);
  EXPECT_EQ(LogUniform(7, 7, random), 7u);
}

}  // namespace
}  // namespace larder::bench
