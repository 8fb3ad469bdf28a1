#include "storage/segment_list.h"

#include <vector>

#include "gtest/gtest.h"

namespace larder::storage {
namespace {

constexpr TimePoint kNow{Millis(1'000'000)};
using Filler = SegmentList::Filler;

class SegmentListTest : public testing::Test {
 protected:
  SegmentId Add(LogQueue queue, SegmentId newer = 0) {
    const SegmentId id = list_.Allocate(queue, kNow);
    list_.Link(id, newer);
    return id;
  }
  std::vector<SegmentId> Chain(LogQueue queue) const {
    std::vector<SegmentId> ids;
    for (SegmentId id = list_.oldest(queue); id != 0; id = list_[id].newer) ids.push_back(id);
    return ids;
  }

  EntryPools pools_;
  SegmentList list_{&pools_.segments, 0, 1000};
};

TEST_F(SegmentListTest, StandsSegmentsInTheChainOfTheirQueue) {
  const SegmentId a = Add(LogQueue::kFirst);
  const SegmentId b = Add(LogQueue::kFirst);
  const SegmentId other = Add(LogQueue::kSecond);
  const SegmentId between = Add(LogQueue::kFirst, b);
  EXPECT_EQ(Chain(LogQueue::kFirst), (std::vector{a, between, b}));
  EXPECT_EQ(Chain(LogQueue::kSecond), std::vector{other});
  list_.Release(a);
  list_.Release(b);
  EXPECT_EQ(Chain(LogQueue::kFirst), std::vector{between});
  EXPECT_EQ(Chain(LogQueue::kPinned), std::vector<SegmentId>{});
}

TEST_F(SegmentListTest, GivesTheNumberOfAReleasedSegmentToTheNext) {
  const SegmentId a = Add(LogQueue::kFirst);
  const SegmentId b = Add(LogQueue::kFirst);
  list_.Release(a);
  EXPECT_FALSE(list_.is_in_use(a));
  EXPECT_EQ(list_.growth_bytes(), 0u) << "a number is there";
  EXPECT_EQ(Add(LogQueue::kPinned), a);
  EXPECT_EQ(list_.ids(), b);
  EXPECT_EQ(list_.usage().segments, 2u);
}

TEST_F(SegmentListTest, CountsWhatComesAndDies) {
  const SegmentId id = Add(LogQueue::kFirst);
  const EntryRef first = list_.Extend(id, 96);
  const EntryRef second = list_.Extend(id, 32);
  EXPECT_EQ(list_.IdOf(second.at), id);
  EXPECT_EQ(list_.OffsetOf(second.at), 96u);
  EXPECT_EQ(list_.At(second.at).entry, second.entry);
  EXPECT_NE(first.entry, second.entry);
  list_.CountDeath(id, 96);
  EXPECT_EQ(list_.usage().live_bytes, 32u);
  EXPECT_EQ(list_.usage().dead_bytes(), 96u);
  EXPECT_EQ(list_.RoomIn(id), list_.segment_bytes() - 128);
  list_.CountDeath(id, 32);
  list_.Restart(id);
  EXPECT_EQ(list_.RoomIn(id), list_.segment_bytes());
  EXPECT_EQ(list_.usage().appended_bytes, 0u);
}

TEST_F(SegmentListTest, KeepsTheOneWithMoreRoomOpenBesideTheNewest) {
  SegmentList::Open& open = list_.open(Filler::kWriter, LogQueue::kFirst);
  const SegmentId full = Add(LogQueue::kFirst);
  const SegmentId roomy = Add(LogQueue::kFirst);
  const SegmentId newest = Add(LogQueue::kFirst);
  EXPECT_EQ(list_.Advance(open, full), 0u);
  list_.Extend(full, list_.segment_bytes() - 10);
  EXPECT_EQ(list_.Advance(open, roomy), 0u) << "both stay open";
  list_.Extend(roomy, 1000);
  EXPECT_EQ(list_.RoomFor(10, open), full) << "smaller ones fill what is left";
  EXPECT_EQ(list_.Advance(open, newest), full);
  EXPECT_TRUE(list_.IsOpen(roomy));
  EXPECT_FALSE(list_.IsOpen(full));
  EXPECT_TRUE(list_.IsNewestOpen(newest));
  EXPECT_FALSE(list_.IsNewestOpen(roomy));
  EXPECT_EQ(list_.open(Filler::kCompactor, LogQueue::kFirst).newest, 0u) << "apart";
}

TEST_F(SegmentListTest, ReleasesAnEmptySegmentWhenItIsClosed) {
  SegmentList::Open& open = list_.open(Filler::kCompactor, LogQueue::kSecond);
  EXPECT_EQ(list_.Advance(open, Add(LogQueue::kSecond)), 0u);
  EXPECT_EQ(list_.Close(open.newest), 0u);
  EXPECT_EQ(list_.usage().segments, 0u);
  EXPECT_EQ(list_.Close(open.newest), 0u) << "none is open";
}

TEST_F(SegmentListTest, SaysHowManyMoreThereMayBe) {
  SegmentList list(&pools_.segments, 0, 3);
  EXPECT_EQ(list.free_ids(), 3u);
  const SegmentId id = list.Allocate(LogQueue::kFirst, kNow);
  list.Link(id, 0);
  EXPECT_EQ(list.free_ids(), 2u);
  list.Release(id);
  EXPECT_EQ(list.free_ids(), 3u);
  const SegmentList unbounded(&pools_.segments, 0, ~SegmentId{0});
  EXPECT_EQ(unbounded.free_ids(), (uint64_t{1} << Location::kBits) / (64 << 10) - 1)
      << "as many as a location can tell apart";
}

TEST_F(SegmentListTest, FindsNeighboursInTheQueueNearestFirst) {
  std::vector<SegmentId> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(Add(LogQueue::kFirst));
  std::vector<SegmentId> asked;
  const SegmentId found = list_.FindNear(ids[20], [&](SegmentId id) {
    asked.push_back(id);
    return id == ids[22];
  });
  EXPECT_EQ(found, ids[22]);
  EXPECT_EQ(asked, (std::vector{ids[19], ids[21], ids[18], ids[22]}));
  EXPECT_EQ(list_.FindNear(ids[20], [&](SegmentId id) { return id == ids[0]; }), 0u) << "too far";
  EXPECT_EQ(list_.FindNear(ids[39], [&](SegmentId id) { return id == ids[38]; }), ids[38]);
}

}  // namespace
}  // namespace larder::storage
