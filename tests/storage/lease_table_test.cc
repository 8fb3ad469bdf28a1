#include "storage/lease_table.h"

#include "gtest/gtest.h"
#include "tests/storage/test_hash.h"

namespace larder::storage {
namespace {

constexpr TimePoint kNow{Millis(1000)};

// All that is due at this time, at most so many.
size_t RemoveDue(LeaseTable& leases, int64_t ms, size_t removals_max) {
  bool more = false;
  return leases.RemoveDue(TimePoint(Millis(ms)), removals_max, &more);
}

storage::Lease Until(int64_t ms, uint32_t slot = 0) {
  return {LeaseToken{static_cast<uint64_t>(ms)}, kNow, TimePoint(Millis(ms)), slot};
}

TEST(LeaseTableTest, FindsUntilTheDeadline) {
  LeaseTable leases(&TestHasher());
  leases.Grant("k", Until(1010));
  ASSERT_NE(leases.FindValid("k", TimePoint(Millis(1009))), nullptr);
  EXPECT_EQ(leases.FindValid("k", TimePoint(Millis(1010))), nullptr);
  EXPECT_EQ(leases.FindValid("other", kNow), nullptr);
}

TEST(LeaseTableTest, AGrantReplacesTheOneBefore) {
  LeaseTable leases(&TestHasher());
  leases.Grant("k", Until(1010));
  leases.Grant("k", Until(1020));
  EXPECT_EQ(leases.size(), 1u);
  EXPECT_EQ(leases.FindValid("k", kNow)->token.number, 1020u);
  EXPECT_EQ(RemoveDue(leases, 1015, 10), 0u);
}

TEST(LeaseTableTest, RemovesDueOnesBoundedAndInOrder) {
  LeaseTable leases(&TestHasher());
  for (int i = 0; i < 100; ++i) leases.Grant("k" + std::to_string(i), Until(2000 - i));
  EXPECT_EQ(RemoveDue(leases, 1950, 10), 10u);
  EXPECT_EQ(leases.FindValid("k99", kNow), nullptr);
  EXPECT_NE(leases.FindValid("k89", kNow), nullptr);
  EXPECT_EQ(RemoveDue(leases, 1950, 1000), 40u);
  EXPECT_EQ(leases.size(), 50u);
}

TEST(LeaseTableTest, CountsItsMemoryDownToNothing) {
  LeaseTable leases(&TestHasher());
  EXPECT_EQ(leases.memory_bytes(), 0u);
  leases.Grant("a", Until(1010));
  EXPECT_EQ(leases.memory_bytes(), LeaseTable::BytesOf(1));
  leases.Grant(std::string(1000, 'b'), Until(1010, 7));
  leases.Void("a");
  leases.Void("never there");
  EXPECT_EQ(leases.memory_bytes(), LeaseTable::BytesOf(1000));
  leases.VoidSlot(8, 2000);
  EXPECT_EQ(RemoveDue(leases, 1000, 10), 0u);
  leases.VoidSlot(7, 2000);
  EXPECT_EQ(RemoveDue(leases, 1000, 10), 1u);
  EXPECT_EQ(leases.memory_bytes(), 0u);
}

TEST(LeaseTableTest, VoidsASlotAtOnceAndForgetsItsLeasesBySteps) {
  LeaseTable leases(&TestHasher());
  const auto number = [](int i) { return static_cast<int64_t>(2000 + i); };
  for (int i = 0; i < 2000; ++i) leases.Grant("k" + std::to_string(i), Until(number(i), i % 2));
  leases.VoidSlot(1, number(1000));
  EXPECT_EQ(leases.FindValid("k1", kNow), nullptr);
  EXPECT_EQ(leases.FindValid("k999", kNow), nullptr);
  EXPECT_NE(leases.FindValid("k1001", kNow), nullptr) << "granted later";
  EXPECT_NE(leases.FindValid("k998", kNow), nullptr) << "of another slot";
  size_t removed = 0;
  bool more = true;
  int steps = 0;
  for (; more && steps < 1000; ++steps) {
    const size_t now_removed = leases.RemoveDue(kNow, 100, &more);
    EXPECT_LE(now_removed, 100u);
    removed += now_removed;
    if (steps == 2) leases.VoidSlot(0, number(10));  // behind the walk: the next one finds them
  }
  EXPECT_FALSE(more);
  EXPECT_GT(steps, 5);
  EXPECT_EQ(removed, 505u);
  EXPECT_EQ(leases.size(), 1495u);
  EXPECT_EQ(leases.FindValid("k0", kNow), nullptr);
  EXPECT_NE(leases.FindValid("k10", kNow), nullptr);
  EXPECT_NE(leases.FindValid("k1001", kNow), nullptr);
}

}  // namespace
}  // namespace larder::storage
