#include "client/channel/deadline_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>

namespace larder {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct TestCall final : ChannelCall {
  void OnDone() override {}
};

class DeadlineWheelTest : public ::testing::Test {
 protected:
  std::vector<ChannelCall*> Expired(LoopTime now) {
    std::vector<ChannelCall*> expired;
    wheel_.TakeExpired(now, expired);
    return expired;
  }

  const LoopTime begin_{};
  DeadlineWheel wheel_{begin_};
  TestCall one_, two_;
};

TEST_F(DeadlineWheelTest, ExpiresNothingEarlyAndAllWithinAMillisecond) {
  one_.deadline = begin_ + microseconds(5200);
  wheel_.Add(one_);
  EXPECT_THAT(Expired(begin_ + microseconds(5199)), IsEmpty());
  EXPECT_LE(wheel_.NextLook(), begin_ + milliseconds(6));
  EXPECT_GT(wheel_.NextLook(), begin_ + milliseconds(5));
  EXPECT_THAT(Expired(wheel_.NextLook()), ElementsAre(&one_));
  EXPECT_EQ(wheel_.NextLook(), kNoTime);
}

TEST_F(DeadlineWheelTest, OneThatHasPassedExpiresWithTheNextLook) {
  EXPECT_THAT(Expired(begin_ + milliseconds(100)), IsEmpty());
  one_.deadline = begin_ + milliseconds(3);
  wheel_.Add(one_);
  EXPECT_THAT(Expired(wheel_.NextLook()), ElementsAre(&one_));
}

TEST_F(DeadlineWheelTest, RemovedCallsDoNotExpire) {
  one_.deadline = two_.deadline = begin_ + milliseconds(1);
  wheel_.Add(one_);
  wheel_.Add(two_);
  wheel_.Remove(one_);
  wheel_.Remove(one_);
  EXPECT_THAT(Expired(begin_ + milliseconds(5)), ElementsAre(&two_));
  wheel_.Remove(two_);
}

TEST_F(DeadlineWheelTest, CallsWithoutADeadlineNeverExpire) {
  wheel_.Add(one_);
  EXPECT_EQ(wheel_.NextLook(), kNoTime);
  wheel_.Remove(one_);
}

TEST_F(DeadlineWheelTest, DeadlinesBeyondATurnWaitForTheirs) {
  one_.deadline = begin_ + milliseconds(2500);
  wheel_.Add(one_);
  for (int ms = 0; ms < 2500; ms += 7) ASSERT_THAT(Expired(begin_ + milliseconds(ms)), IsEmpty());
  EXPECT_THAT(Expired(begin_ + milliseconds(2500)), ElementsAre(&one_));
}

TEST_F(DeadlineWheelTest, ALongSleepMissesNothing) {
  one_.deadline = begin_ + milliseconds(10);
  two_.deadline = begin_ + milliseconds(900);
  wheel_.Add(one_);
  wheel_.Add(two_);
  EXPECT_EQ(Expired(begin_ + std::chrono::hours(5)).size(), 2u);
}

// Against a sorted set.
TEST_F(DeadlineWheelTest, ExpiresWhatAModelExpires) {
  std::mt19937 random(7);
  std::vector<std::unique_ptr<TestCall>> calls(500);
  for (auto& call : calls) call = std::make_unique<TestCall>();
  std::set<ChannelCall*> in_wheel;
  LoopTime now = begin_;
  for (int step = 0; step < 20000; ++step) {
    ChannelCall& call = *calls[random() % calls.size()];
    if (in_wheel.erase(&call) == 1) {
      wheel_.Remove(call);
    } else {
      call.deadline = now + microseconds(random() % 3'000'000);
      wheel_.Add(call);
      in_wheel.insert(&call);
    }
    now += microseconds(random() % (step % 100 == 0 ? 1'500'000 : 3000));
    for (ChannelCall* const expired : Expired(now)) {
      ASSERT_LE(expired->deadline, now);
      ASSERT_EQ(in_wheel.erase(expired), 1u);
    }
    LoopTime earliest = kNoTime;
    for (const ChannelCall* const left : in_wheel) {
      ASSERT_GT(left->deadline + milliseconds(1), now);
      earliest = std::min(earliest, left->deadline);
    }
    if (!in_wheel.empty()) {
      ASSERT_LE(wheel_.NextLook(), earliest + milliseconds(1));
    }
  }
}

}  // namespace
}  // namespace larder
