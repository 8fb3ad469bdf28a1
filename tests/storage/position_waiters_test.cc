#include "storage/position_waiters.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "storage/random.h"

namespace larder::storage {
namespace {

using Result = PositionWaiters::Result;

TimePoint At(int64_t ms) { return TimePoint(Millis(ms)); }

class PositionWaitersTest : public testing::Test {
 protected:
  PositionWaiters::Ticket Wait(uint64_t position, int64_t deadline_ms, char name) {
    return waiters_.Wait(position, At(deadline_ms), [this, name](Result result) {
      seen_ += name;
      seen_ += result == Result::kReached ? '+' : result == Result::kTimedOut ? '-' : '!';
    });
  }
  std::string Seen() { return std::exchange(seen_, ""); }

  std::string seen_;
  PositionWaiters waiters_;
};

TEST_F(PositionWaitersTest, EndsWaitsInTheOrderOfPositions) {
  Wait(30, 9, 'c');
  Wait(10, 9, 'a');
  Wait(20, 9, 'b');
  Wait(20, 9, 'B');
  waiters_.Reach(9);
  EXPECT_EQ(Seen(), "");
  waiters_.Reach(10);
  EXPECT_EQ(Seen(), "a+");
  waiters_.Reach(25);
  EXPECT_EQ(Seen(), "b+B+");
  waiters_.Reach(24);
  EXPECT_EQ(waiters_.reached(), 25u) << "what was reached stays so";
  EXPECT_EQ(waiters_.waiting(), 1u);
  EXPECT_EQ(Wait(25, 9, 'd').number, 0u) << "reached already";
  EXPECT_EQ(Seen(), "d+");
  waiters_.Reach(1000);
  EXPECT_EQ(Seen(), "c+");
}

TEST_F(PositionWaitersTest, EndsWaitsAtTheirDeadlines) {
  EXPECT_FALSE(waiters_.TimeOut(At(1)).has_value());
  Wait(10, 300, 'a');
  Wait(20, 100, 'b');
  Wait(30, 200, 'c');
  EXPECT_EQ(waiters_.TimeOut(At(99)), At(100));
  EXPECT_EQ(Seen(), "");
  EXPECT_EQ(waiters_.TimeOut(At(200)), At(300));
  EXPECT_EQ(Seen(), "b-c-");
  waiters_.Reach(30);
  EXPECT_EQ(Seen(), "a+");
  EXPECT_FALSE(waiters_.TimeOut(At(400)).has_value());
  EXPECT_EQ(Seen(), "");
}

TEST_F(PositionWaitersTest, AWaitThatIsCancelledEndsSilently) {
  const auto ticket = Wait(10, 100, 'a');
  Wait(10, 100, 'b');
  EXPECT_TRUE(waiters_.Cancel(ticket));
  EXPECT_FALSE(waiters_.Cancel(ticket));
  EXPECT_FALSE(waiters_.Cancel({}));
  waiters_.Reach(10);
  EXPECT_FALSE(waiters_.TimeOut(At(100)).has_value());
  EXPECT_EQ(Seen(), "b+");
}

TEST_F(PositionWaitersTest, ClosedItFailsAllUntilItIsOpenedForAnotherLog) {
  waiters_.Reach(500);
  Wait(600, 100, 'a');
  waiters_.Close();
  EXPECT_EQ(Seen(), "a!");
  Wait(400, 100, 'b');
  EXPECT_EQ(Seen(), "b!") << "of a log that has ended, whatever was reached in it";
  waiters_.Open(300);
  Wait(400, 100, 'c');
  EXPECT_EQ(Seen(), "") << "the new log has not come so far";
  waiters_.Reach(400);
  EXPECT_EQ(Seen(), "c+");
  Wait(900, 100, 'd');
  waiters_.Open(300);
  EXPECT_EQ(Seen(), "d!");
}

TEST_F(PositionWaitersTest, ACallbackMayWaitAgain) {
  waiters_.Wait(10, At(1), [this](Result) { Wait(20, 1, 'a'); });
  waiters_.Reach(10);
  EXPECT_EQ(waiters_.waiting(), 1u);
  waiters_.Reach(20);
  EXPECT_EQ(Seen(), "a+");
}

TEST_F(PositionWaitersTest, EndsWhatAModelEnds) {
  struct Waiting {
    uint64_t position;
    int64_t deadline;
    PositionWaiters::Ticket ticket;
  };
  Random random(testing::UnitTest::GetInstance()->random_seed());
  std::map<int, Waiting> model;
  std::map<int, Result> ended;
  uint64_t reached = 0;
  int64_t now = 0;
  for (int i = 0; i < 20000; ++i) {
    ended.clear();
    std::map<int, Result> expected;
    const auto end = [&](auto&& ends, Result result) {
      std::erase_if(model, [&](const auto& item) {
        if (!ends(item.second)) return false;
        expected.emplace(item.first, result);
        return true;
      });
    };
    switch (random.Below(8)) {
      case 0:
        reached += random.Below(20);
        waiters_.Reach(reached);
        end([&](const Waiting& waiting) { return waiting.position <= reached; }, Result::kReached);
        break;
      case 1:
        now += static_cast<int64_t>(random.Below(20));
        waiters_.TimeOut(At(now));
        end([&](const Waiting& waiting) { return waiting.deadline <= now; }, Result::kTimedOut);
        break;
      case 2:
        if (!model.empty()) {
          const auto it = model.begin();
          ASSERT_TRUE(waiters_.Cancel(it->second.ticket));
          model.erase(it);
        }
        break;
      default: {
        const Waiting waiting{reached + random.Below(60), now + 1 + int64_t(random.Below(60)), {}};
        const auto ticket = waiters_.Wait(waiting.position, At(waiting.deadline),
                                          [&ended, i](Result result) { ended[i] = result; });
        if (waiting.position <= reached) {
          expected[i] = Result::kReached;
        } else {
          model[i] = waiting;
          model[i].ticket = ticket;
        }
      }
    }
    ASSERT_EQ(ended, expected) << i;
    ASSERT_EQ(waiters_.waiting(), model.size());
  }
  ended.clear();
  waiters_.Close();
  EXPECT_EQ(ended.size(), model.size());
  for (const auto& [number, result] : ended) EXPECT_EQ(result, Result::kClosed) << number;
}

}  // namespace
}  // namespace larder::storage
