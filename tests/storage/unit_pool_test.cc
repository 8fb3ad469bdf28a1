#include "storage/unit_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace larder::storage {
namespace {

constexpr size_t kKeptBytesMax = size_t{4} << 20;

std::vector<char*> AllocateMany(UnitPool& pool, size_t count) {
  std::vector<char*> units(count);
  pool.Allocate(count, units.data());
  return units;
}

// Bytes of the unit that have pages of memory behind them.
size_t ResidentBytes(char* unit, size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages(bytes / page);
  EXPECT_EQ(mincore(unit, bytes, pages.data()), 0);
  size_t resident = 0;
  for (const unsigned char state : pages) resident += (state & 1) != 0 ? page : 0;
  return resident;
}

TEST(UnitPoolTest, UnitsAreDistinctAndAligned) {
  for (const size_t unit_bytes : {EntryPools::kPageBytes, EntryPools::kSegmentBytesMin,
                                  EntryPools::kBlockBytes, size_t{4} << 20}) {
    UnitPool pool(unit_bytes, kKeptBytesMax);
    EXPECT_EQ(pool.unit_bytes(), unit_bytes);
    std::set<uintptr_t> places;
    for (char* unit : AllocateMany(pool, 70)) places.insert(reinterpret_cast<uintptr_t>(unit));
    ASSERT_EQ(places.size(), 70u);
    uintptr_t last_end = 0;
    for (const uintptr_t place : places) {
      EXPECT_EQ(place % EntryPools::kPageBytes, 0u);
      EXPECT_GE(place, last_end) << "units overlap";
      last_end = place + unit_bytes;
    }
    for (const uintptr_t place : places) pool.Free(reinterpret_cast<char*>(place));
  }
}

TEST(UnitPoolTest, AUnitHoldsItsContentsWhileOthersComeAndGo) {
  UnitPool pool(EntryPools::kPageBytes, kKeptBytesMax);
  std::vector<char*> units = AllocateMany(pool, 3000);
  for (size_t i = 0; i < units.size(); ++i) {
    std::memset(units[i], static_cast<int>(i % 251), pool.unit_bytes());
  }
  for (size_t i = 0; i < units.size(); i += 2) pool.Free(units[i]);
  for (size_t i = 0; i < units.size(); i += 2) {
    units[i] = pool.Allocate();
    std::memset(units[i], static_cast<int>(i % 251), pool.unit_bytes());
  }
  for (size_t i = 0; i < units.size(); ++i) {
    const auto expected = static_cast<char>(i % 251);
    for (size_t at = 0; at < pool.unit_bytes(); at += 97) ASSERT_EQ(units[i][at], expected) << i;
  }
  pool.Free(units.size(), units.data());
}

TEST(UnitPoolTest, AFreedUnitIsUsedAgain) {
  UnitPool pool(EntryPools::kSegmentBytesMin, kKeptBytesMax);
  char* const unit = pool.Allocate();
  pool.Free(unit);
  EXPECT_EQ(pool.Allocate(), unit);
  pool.Free(unit);
}

TEST(UnitPoolTest, UnitsThatWereGivenBackToTheSystemAreUsedAgain) {
  UnitPool pool(EntryPools::kBlockBytes, kKeptBytesMax);
  const size_t count = 8 * kKeptBytesMax / pool.unit_bytes();
  std::vector<char*> units = AllocateMany(pool, count);
  const std::set<char*> places(units.begin(), units.end());
  pool.Free(count, units.data());
  units = AllocateMany(pool, count);
  EXPECT_EQ(std::set<char*>(units.begin(), units.end()), places) << "no new memory is mapped";
  for (char* unit : units) std::memset(unit, 1, pool.unit_bytes());
  pool.Free(count, units.data());
}

TEST(UnitPoolTest, KeepsAFewFreeUnitsAndGivesTheMemoryOfTheOthersBack) {
  for (const size_t unit_bytes : {EntryPools::kPageBytes, EntryPools::kBlockBytes}) {
    UnitPool pool(unit_bytes, kKeptBytesMax);
    EXPECT_EQ(pool.kept_bytes(), 0u);
    const size_t count = 8 * kKeptBytesMax / unit_bytes;
    std::vector<char*> units = AllocateMany(pool, count);
    size_t resident = 0;
    for (char* unit : units) {
      std::memset(unit, 1, unit_bytes);
      resident += ResidentBytes(unit, unit_bytes);
    }
    EXPECT_EQ(resident, count * unit_bytes);
    pool.Free(count, units.data());
    EXPECT_EQ(pool.kept_bytes(), kKeptBytesMax);
    resident = 0;
    for (char* unit : units) resident += ResidentBytes(unit, unit_bytes);
    EXPECT_EQ(resident, pool.kept_bytes());
    // What is kept is taken first.
    units = AllocateMany(pool, kKeptBytesMax / unit_bytes);
    EXPECT_EQ(pool.kept_bytes(), 0u);
    for (char* unit : units) ASSERT_EQ(ResidentBytes(unit, unit_bytes), unit_bytes);
    pool.Free(units.size(), units.data());
  }
}

TEST(UnitPoolTest, PreparesTheMemoryOfTheUnitsThatAreNext) {
  constexpr size_t kHugePage = size_t{2} << 20;
  UnitPool pool(EntryPools::kSegmentBytesMin, kKeptBytesMax);
  pool.Prepare(16 * kHugePage);
  const std::vector<char*> first = AllocateMany(pool, 3 * kHugePage / pool.unit_bytes());
  for (char* unit : first) EXPECT_EQ(ResidentBytes(unit, pool.unit_bytes()), 0u) << "nothing used";
  const auto prepared_units = [&] {
    size_t units = 0;
    for (char* unit : AllocateMany(pool, 32 * kHugePage / pool.unit_bytes())) {
      units += ResidentBytes(unit, pool.unit_bytes()) == pool.unit_bytes();
    }
    return units * pool.unit_bytes();
  };
  pool.Prepare(16 * kHugePage);
  EXPECT_EQ(prepared_units(), 6 * kHugePage) << "twice what was taken since the call before";
  pool.Prepare(16 * kHugePage);
  EXPECT_EQ(prepared_units(), 16 * kHugePage) << "at most what it may";
  pool.Prepare(kHugePage - 1);
  EXPECT_EQ(prepared_units(), 0u);
  EXPECT_EQ(pool.Prepare(16 * kHugePage), 16 * kHugePage);
  EXPECT_EQ(pool.Prepare(3 * kHugePage), 3 * kHugePage) << "gives back";
  EXPECT_EQ(prepared_units(), 3 * kHugePage);
}

TEST(UnitPoolTest, PreparesLittleWhenLittleIsTaken) {
  constexpr size_t kHugePage = size_t{2} << 20;
  UnitPool pool(EntryPools::kPageBytes, kKeptBytesMax);
  char* unit = pool.Allocate();
  for (int i = 0; i < 10; ++i) pool.Prepare(16 * kHugePage);
  size_t resident = 0;
  const std::vector<char*> units = AllocateMany(pool, 8 * kHugePage / pool.unit_bytes());
  for (char* next : units) resident += ResidentBytes(next, pool.unit_bytes());
  EXPECT_EQ(resident, kHugePage) << "not more with each call";
  pool.Free(unit);
  pool.Free(units.size(), units.data());
}

TEST(UnitPoolTest, ThreadsNeverShareAUnit) {
  UnitPool pool(EntryPools::kPageBytes, kKeptBytesMax);
  constexpr int kThreads = 4;
  std::vector<int> mixed_up(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&pool, &mixed_up, t] {
      for (int round = 0; round < 200; ++round) {
        const size_t count = 1 + static_cast<size_t>(round * 7 + t) % 63;
        std::vector<char*> units = AllocateMany(pool, count);
        for (char* unit : units) std::memset(unit, t, pool.unit_bytes());
        for (char* unit : units) {
          if (unit[0] != t || unit[pool.unit_bytes() - 1] != t) ++mixed_up[static_cast<size_t>(t)];
        }
        pool.Free(count, units.data());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(mixed_up, std::vector<int>(kThreads));
}

}  // namespace
}  // namespace larder::storage
