#include "storage/lease_table.h"

#include "gtest/gtest.h"
#include "tests/storage/test_hash.h"

namespace larder::storage {
namespace {

constexpr TimePoint kNow{Millis(1000)};

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
  EXPECT_EQ(leases.RemoveDue(TimePoint(Millis(1015)), 10), 0u);
}

TEST(LeaseTableTest, RemovesDueOnesBoundedAndInOrder) {
  LeaseTable leases(&TestHasher());
  for (int i = 0; i < 100; ++i) leases.Grant("k" + std::to_string(i), Until(2000 - i));
  EXPECT_EQ(leases.RemoveDue(TimePoint(Millis(1950)), 10), 10u);
  EXPECT_EQ(leases.FindValid("k99", kNow), nullptr);
  EXPECT_NE(leases.FindValid("k89", kNow), nullptr);
  EXPECT_EQ(leases.RemoveDue(TimePoint(Millis(1950)), 1000), 40u);
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
  leases.RemoveSlot(8);
  EXPECT_EQ(leases.size(), 1u);
  leases.RemoveSlot(7);
  EXPECT_EQ(leases.memory_bytes(), 0u);
}

}  // namespace
}  // namespace larder::storage
