#include "storage/expiry_index.h"

#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

TEST(ExpiryIndexTest, SoonestIsTheLeastThroughAnyChanges) {
  Random random(11);
  ExpiryIndex index;
  std::vector<Entry*> entries;
  for (int i = 0; i < 200; ++i) entries.push_back(Entry::Create("k", 0, 0));
  for (int step = 0; step < 20000; ++step) {
    Entry*& entry = entries[random.Below(entries.size())];
    switch (random.Below(4)) {
      case 0:
        index.Remove(*entry);
        entry->expires_at = kNever;
        break;
      case 1: {
        Entry* moved = Entry::CopyResized(*entry, 1);
        index.Moved(*moved);
        Entry::Destroy(entry);
        entry = moved;
        break;
      }
      default:
        entry->expires_at = random.Below(10) == 0 ? kNever : TimePoint(Millis(random.Below(500)));
        index.Update(*entry);
    }
    TimePoint least = kNever;
    for (const Entry* e : entries) least = std::min(least, e->expires_at);
    const Entry* soonest = index.Soonest();
    ASSERT_EQ(soonest == nullptr ? kNever : soonest->expires_at, least) << "step " << step;
  }
  for (Entry* entry : entries) Entry::Destroy(entry);
}

TEST(ExpiryIndexTest, SaysBeforehandHowItGrows) {
  ExpiryIndex index;
  std::vector<Entry*> entries;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t expected = index.memory_bytes() + index.growth_bytes();
    Entry* entry = entries.emplace_back(Entry::Create("k", 0, 0));
    entry->expires_at = TimePoint(Millis(i));
    index.Update(*entry);
    ASSERT_EQ(index.memory_bytes(), expected) << i;
  }
  for (Entry* entry : entries) {
    index.Remove(*entry);
    Entry::Destroy(entry);
  }
  EXPECT_LT(index.memory_bytes(), 500u) << "it shrinks as it empties";
}

}  // namespace
}  // namespace larder::storage
