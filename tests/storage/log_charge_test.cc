#include "storage/log_charge.h"

#include "gtest/gtest.h"

namespace larder::storage {
namespace {

constexpr uint64_t kSegment = uint64_t{64} << 10;
constexpr uint64_t kLive = 960 * kSegment;  // 32 segments of waste, 15 of grace

class LogChargeTest : public testing::Test {
 protected:
  // `wasted` segments beside the live bytes; what is not dead of them was never appended to.
  static LogUsage Usage(uint64_t dead_bytes, uint64_t wasted) {
    return {.live_bytes = kLive,
            .appended_bytes = kLive + dead_bytes,
            .segments = kLive / kSegment + wasted};
  }

  const LogCharge charge_{kSegment};
};

TEST_F(LogChargeTest, AnEmptyLogCostsNothing) { EXPECT_EQ(charge_.Bytes({}), 0u); }

TEST_F(LogChargeTest, ChargesAThirtiethAndThreeSegmentsOverWhatLives) {
  constexpr uint64_t kCharged = kLive + kLive / 30 + 3 * kSegment;
  EXPECT_EQ(charge_.Bytes(kLive, 960), kCharged);
  EXPECT_EQ(charge_.Bytes(kLive, 960 + 35), kCharged) << "waste that was paid for";
  EXPECT_EQ(charge_.Bytes(kLive, 960 + 50), kCharged) << "a little more, for a while";
}

TEST_F(LogChargeTest, ChargesForTheSegmentsWhenTheyWasteMoreThanALittleBeyond) {
  EXPECT_EQ(charge_.Bytes(kLive, 960 + 60), (960 + 60 - 15) * kSegment);
  EXPECT_EQ(charge_.Bytes(0, 7), 7 * kSegment) << "no grace where nothing lives";
}

TEST_F(LogChargeTest, ADeathFreesItsBytesBeforeItsSegment) {
  EXPECT_GE(charge_.Bytes(kLive, 980) - charge_.Bytes(kLive - 1000, 980), 1000u);
}

TEST_F(LogChargeTest, WasteIsWhatNoLiveRecordUses) {
  EXPECT_EQ(charge_.WastedBytes(Usage(5 * kSegment, 9)), 9 * kSegment);
  EXPECT_EQ(Usage(5 * kSegment, 9).dead_bytes(), 5 * kSegment);
}

TEST_F(LogChargeTest, OnlyTheDeadAreWorthCompacting) {
  constexpr uint64_t kDead = kLive / 28 + kSegment;
  EXPECT_EQ(charge_.WasteOf(Usage(kDead, 100)), Waste::kTolerable) << "open segments, all of it";
  EXPECT_EQ(charge_.WasteOf(Usage(kDead + 1, 35)), Waste::kWorthCompacting);
  EXPECT_EQ(charge_.WasteOf(Usage(kDead + 1, 36)), Waste::kBehind);
  EXPECT_EQ(charge_.WasteOf(Usage(kDead + 1, 50)), Waste::kBehind);
  EXPECT_EQ(charge_.WasteOf(Usage(kDead + 1, 51)), Waste::kOverdrawn);
}

TEST_F(LogChargeTest, IsOverdrawnExactlyWhenTheSegmentsAreChargedFor) {
  for (uint64_t wasted = 30; wasted < 70; ++wasted) {
    const LogUsage usage = Usage(wasted * kSegment, wasted);
    const bool is_charged = charge_.Bytes(usage) > charge_.Bytes(kLive, 960);
    EXPECT_EQ(charge_.WasteOf(usage) == Waste::kOverdrawn, is_charged) << wasted;
  }
}

}  // namespace
}  // namespace larder::storage
