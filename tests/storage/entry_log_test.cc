#include "storage/entry_log.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

using Queue = EntryLog::Queue;
constexpr TimePoint kNow{Millis(1'000'000)};
constexpr uint64_t kSegmentBytes = EntryPools::kSegmentBytesMin;

// A log beside a plain map of what is alive. A record is found again by its key.
class LogModel {
 public:
  LogModel(size_t policy_bytes, bool keeps_order)
      : policy_bytes_(policy_bytes),
        log_(&pools_, {.policy_bytes = policy_bytes, .keeps_order = keeps_order}) {}

  void Append(Queue queue, const std::string& key, const std::string& value,
              EntryFields fields = {}) {
    const EntryShape shape = EntryShape::Of(key.size(), value.size(), fields);
    const uint64_t before = log_.charged_bytes();
    const uint64_t cost = log_.AppendCost(shape, false, nullptr);
    const EntryRef ref = log_.Append(queue, key, 7, shape, kNow);
    // Without an order the second queue is one more than a policy has.
    EXPECT_LE(log_.charged_bytes(), before + cost + kSegmentBytes + 16);
    ref->WriteValue(0, value);
    ref->set_version(++versions_);
    ref->SetFields(fields);
    if (fields.expires_at != kNever) log_.NoteExpiry(ref.at, fields.expires_at);
    live_[key] = {value, versions_, fields.expires_at, ref.at};
    order_[static_cast<size_t>(queue)].push_back(key);
  }

  void Free(const std::string& key) {
    log_.Free(log_.At(live_.at(key).at));
    live_.erase(key);
  }

  // Returns how many records were moved.
  size_t Compact(size_t bytes_max) {
    size_t moved = 0;
    const auto progress = log_.Compact(bytes_max, [&](EntryRef original, EntryLog::SegmentId to) {
      const EntryRef copy = log_.CopyInto(to, original);
      live_.at(std::string(copy->key())).at = copy.at;
      log_.FreeMoved(original);
      ++moved;
    });
    EXPECT_TRUE(progress == CompactProgress::kSome || moved == 0);
    return moved;
  }

  std::string AnyKey(Random& random) const {
    auto it = live_.lower_bound(std::to_string(random.Below(1000000)));
    return it == live_.end() ? live_.begin()->first : it->first;
  }

  void Check() {
    uint64_t bytes = 0;
    for (const auto& [key, expected] : live_) {
      const EntryRef ref = log_.At(expected.at);
      ASSERT_FALSE(ref->dead());
      ASSERT_EQ(ref->key(), key);
      ASSERT_EQ(ref->version(), expected.version);
      ASSERT_EQ(ref->expires_at(), expected.expires_at);
      ASSERT_EQ(ref->slot(), 7u);
      std::string value(ref->value_bytes(), '\0');
      ref->CopyValue(value.size(), value.data());
      ASSERT_EQ(value, expected.value);
      bytes += log_.BytesOf(*ref);
    }
    ASSERT_EQ(log_.live_bytes(), bytes);
    ASSERT_EQ(log_.queue_bytes(Queue::kFirst) + log_.queue_bytes(Queue::kSecond) +
                  log_.queue_bytes(Queue::kPinned),
              bytes);
    CheckSegments(bytes);
  }

  // The queue's keys, oldest first, as Oldest gives them. Empties the queue.
  std::vector<std::string> Drain(Queue queue) {
    std::vector<std::string> keys;
    while (const EntryRef ref = log_.Oldest(queue)) {
      keys.emplace_back(ref->key());
      Free(keys.back());
    }
    return keys;
  }
  // The queue's live keys in the order in which they were appended.
  std::vector<std::string> Appended(Queue queue) const {
    std::vector<std::string> keys;
    for (const std::string& key : order_[static_cast<size_t>(queue)]) {
      if (live_.contains(key)) keys.push_back(key);
    }
    return keys;
  }

  struct Record {
    std::string value;
    uint64_t version;
    TimePoint expires_at;
    Location at;
  };
  EntryPools pools_;
  const size_t policy_bytes_;
  EntryLog log_;
  std::map<std::string, Record> live_;

 private:
  void CheckSegments(uint64_t live_bytes) {
    uint64_t physical = 0;
    uint64_t records = 0;
    uint64_t in_segments = 0;
    for (EntryLog::SegmentId id = 1; id <= log_.segment_ids(); ++id) {
      const EntryLog::Segment& segment = log_.segment(id);
      if (!log_.is_in_use(id)) continue;
      physical += kSegmentBytes;
      uint64_t bytes = 0;
      TimePoint earliest = kNever;
      log_.VisitLive(id, [&](EntryRef ref) {
        bytes += ref->RecordBytes(policy_bytes_);
        earliest = std::min(earliest, ref->expires_at());
        ++records;
        return true;
      });
      ASSERT_EQ(segment.live_bytes, bytes);
      ASSERT_LE(segment.earliest_expiry, earliest);
      in_segments += bytes;
    }
    ASSERT_EQ(records, live_.size());
    ASSERT_EQ(log_.wasted_bytes(), physical - in_segments);
    const uint64_t uncharged = in_segments / 64;
    ASSERT_GE(log_.charged_bytes() + uncharged, physical + live_bytes - in_segments);
  }

  uint64_t versions_ = 0;
  std::deque<std::string> order_[3];
};

std::string ValueFor(uint64_t number, size_t bytes) {
  std::string value(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) value[i] = static_cast<char>(Random::Mix(number) >> i % 8 * 8);
  return value;
}

size_t SomeValueBytes(Random& random) {
  switch (random.Below(16)) {
    case 0:
      return random.Below(40000);
    case 1:
      return random.Below(4) == 0 ? EntryPools::kBlockBytes - 2 + random.Below(5) : 4096;
    case 2:
    case 3:
      return random.Below(5000);
    default:
      return random.Below(200);
  }
}

// Expects the same keys, and most of them about where they should be: in a random order the mean
// distance would be a third.
void ExpectNearly(const std::vector<std::string>& actual, const std::vector<std::string>& ordered) {
  ASSERT_EQ(actual.size(), ordered.size());
  std::map<std::string, size_t> place;
  for (size_t i = 0; i < ordered.size(); ++i) place[ordered[i]] = i;
  double distance = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_TRUE(place.contains(actual[i]));
    distance += std::abs(static_cast<double>(place[actual[i]]) - static_cast<double>(i));
  }
  EXPECT_LT(distance / static_cast<double>(actual.size()), static_cast<double>(actual.size()) / 16);
}

// Grows and declines, by random frees and by the oldest of a queue, with compaction in between.
void RunAgainstModel(size_t policy_bytes, bool keeps_order, uint64_t seed) {
  std::cout << "LARDER_SEED=" << seed << std::endl;
  SCOPED_TRACE("LARDER_SEED=" + std::to_string(seed));
  LogModel model(policy_bytes, keeps_order);
  Random random(seed);
  uint64_t next = 100000;
  for (int step = 0; step < 13500 && !testing::Test::HasFailure(); ++step) {
    const bool grows = step / 2000 % 2 == 0;
    const Queue queue = random.Below(3) == 0 ? Queue::kSecond : Queue::kFirst;
    if (model.live_.empty() || random.Below(10) < (grows ? 7u : 3u)) {
      ++next;
      const std::string key = std::to_string(Random::Mix(next) % 1000000 * 1000000 + next);
      EntryFields fields;
      if (random.Below(4) == 0) fields.expires_at = kNow + Millis(random.Below(1000));
      model.Append(queue, key, ValueFor(next, SomeValueBytes(random)), fields);
    } else if (random.Below(4) == 0) {
      if (const EntryRef ref = model.log_.Oldest(queue)) model.Free(std::string(ref->key()));
    } else {
      model.Free(model.AnyKey(random));
    }
    if (random.Below(3) == 0) model.Compact(random.Below(20000));
    if (step % 401 == 0) model.Check();
  }
  model.Check();
  while (!model.live_.empty()) model.Free(model.AnyKey(random));
  EXPECT_EQ(model.log_.live_bytes(), 0u);
  EXPECT_EQ(model.log_.wasted_bytes(), 0u) << "no segment is held";
}

uint64_t Seed() {
  const char* text = std::getenv("LARDER_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
}

TEST(EntryLogTest, KeepsContentsWhereverRecordsMove) { RunAgainstModel(0, false, Seed()); }

TEST(EntryLogTest, KeepsAboutTheOrderOfEachQueueWhileItCompacts) {
  RunAgainstModel(0, true, Seed());
}

TEST(EntryLogTest, KeepsTheBytesOfThePolicyToo) { RunAgainstModel(16, false, Seed()); }

TEST(EntryLogTest, MovesWhatThePolicyKeepsInFrontOfAnEntry) {
  LogModel model(8, false);
  for (int i = 0; i < 3000; ++i) {
    const std::string key = std::to_string(i);
    model.Append(Queue::kFirst, key, std::string(500, 'v'));
    char* const bytes = reinterpret_cast<char*>(model.log_.At(model.live_.at(key).at).entry) - 8;
    EXPECT_EQ(std::string(bytes, 8), std::string(8, '\0'));
    std::memcpy(bytes, &i, sizeof(i));
  }
  for (int i = 0; i < 3000; ++i) {
    if (i % 3 != 0) model.Free(std::to_string(i));
  }
  ASSERT_GT(model.Compact(1 << 30), 200u);
  for (int i = 0; i < 3000; i += 3) {
    const EntryRef ref = model.log_.At(model.live_.at(std::to_string(i)).at);
    int kept = 0;
    std::memcpy(&kept, reinterpret_cast<const char*>(ref.entry) - 8, sizeof(kept));
    ASSERT_EQ(kept, i);
  }
}

TEST(EntryLogTest, HoldsNothingWhenTheLastRecordDiesInAnOlderSegment) {
  LogModel model(0, false);
  for (int i = 0; i < 100; ++i) model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, 1000));
  ASSERT_GE(model.log_.segment_ids(), 2u);
  const uint64_t table_bytes = EntryLog(&model.pools_, {}).charged_bytes();
  for (int i = 99; i >= 0; --i) model.Free(std::to_string(i));
  EXPECT_EQ(model.log_.wasted_bytes(), 0u);
  EXPECT_LT(model.log_.charged_bytes(), table_bytes + 1000) << "what lists the segments stays";
}

TEST(EntryLogTest, AFreeGivesBackItsBytesBeforeTheSegmentIsReclaimed) {
  LogModel model(0, false);
  for (int i = 0; i < 8000; ++i) model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, 1000));
  const uint64_t before = model.log_.charged_bytes();
  const EntryRef ref = model.log_.At(model.live_.at("4000").at);
  const uint64_t bytes = model.log_.BytesOf(*ref);
  model.Free("4000");
  EXPECT_GE(before - model.log_.charged_bytes(), bytes);
}

TEST(EntryLogTest, CompactionBoundsWhatIsWasted) {
  for (const bool keeps_order : {false, true}) {
    LogModel model(0, keeps_order);
    Random random(11);
    uint64_t next = 0;
    for (; next < 30000; ++next) {
      const std::string key = std::to_string(Random::Mix(next) % 1000000000);
      if (!model.live_.contains(key)) {
        model.Append(Queue::kFirst, key, ValueFor(next, random.Below(1500)));
      }
    }
    for (int i = 0; i < 15000; ++i) model.Free(model.AnyKey(random));
    ASSERT_TRUE(model.log_.wants_compaction());
    ASSERT_EQ(model.log_.waste(), Waste::kOverdrawn);
    size_t calls = 0;
    while (model.log_.wants_compaction() && ++calls < 2000) model.Compact(kSegmentBytes);
    EXPECT_FALSE(model.log_.wants_compaction()) << "keeps_order " << keeps_order;
    EXPECT_NE(model.log_.waste(), Waste::kOverdrawn);
    EXPECT_LE(model.log_.dead_bytes(), model.log_.live_bytes() / 20 + 2 * kSegmentBytes);
    EXPECT_LE(model.log_.wasted_bytes(), model.log_.live_bytes() / 12 + 5 * kSegmentBytes);
    model.Check();
  }
}

TEST(EntryLogTest, CompactionStopsWhenNothingCanBeGained) {
  // Three records fill a segment but for a twelfth, which no order of them could use.
  for (const bool keeps_order : {false, true}) {
    LogModel model(0, keeps_order);
    for (int i = 0; i < 600; ++i) {
      model.Append(Queue::kFirst, std::to_string(100000 + i) + std::string(20000, 'k'), "value");
    }
    EXPECT_FALSE(model.log_.wants_compaction()) << "nothing is dead";
    for (int i = 0; i < 600; i += 4) {
      model.Free(std::to_string(100000 + i) + std::string(20000, 'k'));
    }
    ASSERT_TRUE(model.log_.wants_compaction());
    size_t moved = 0;
    for (int i = 0; i < 2000; ++i) moved += model.Compact(kSegmentBytes);
    EXPECT_LT(moved, 1200u) << "keeps_order " << keeps_order;
  }
}

TEST(EntryLogTest, CompactionFindsTheDeadAlsoInALargeStripe) {
  // So many segments that one search does not look at all; the dead are in the last.
  constexpr int kSegments = 2400;
  constexpr int kRecordsPerSegment = 16;
  for (const bool keeps_order : {false, true}) {
    EntryPools pools;
    EntryLog log(&pools, {.keeps_order = keeps_order});
    std::vector<Location> records;
    for (int i = 0; i < kSegments * kRecordsPerSegment; ++i) {
      const std::string key = std::to_string(i);
      const EntryShape shape = EntryShape::Of(key.size(), 4060, {});
      records.push_back(log.Append(Queue::kFirst, key, 7, shape, kNow).at);
    }
    for (size_t i = 2100 * kRecordsPerSegment; i < records.size(); ++i) {
      if (i % 4 != 0) log.Free(log.At(records[i]));
    }
    ASSERT_TRUE(log.wants_compaction());
    const uint64_t live_bytes = log.live_bytes();
    int calls = 0;
    while (log.wants_compaction() && ++calls < 1000) {
      const auto move = [&](EntryRef original, EntryLog::SegmentId to) {
        log.CopyInto(to, original);
        log.FreeMoved(original);
      };
      ASSERT_EQ(log.Compact(kSegmentBytes, move), CompactProgress::kSome);
    }
    EXPECT_LE(log.dead_bytes(), live_bytes / 20 + kSegmentBytes) << "keeps_order " << keeps_order;
    EXPECT_EQ(log.live_bytes(), live_bytes);
  }
}

TEST(EntryLogTest, WhatOnlyOpenSegmentsWasteIsNotForCompaction) {
  LogModel model(0, false);
  for (const Queue queue : {Queue::kFirst, Queue::kSecond, Queue::kPinned}) {
    for (int i = 0; i < 110; ++i) {
      const std::string key = std::to_string(static_cast<int>(queue) * 1000 + i);
      model.Append(queue, key, ValueFor(i, 1000));
    }
    for (int i = 0; i < 110; ++i) {
      if (i != 0 && i != 109) model.Free(std::to_string(static_cast<int>(queue) * 1000 + i));
    }
  }
  ASSERT_EQ(model.log_.waste(), Waste::kOverdrawn) << "else this test tests nothing";
  EXPECT_EQ(model.Compact(1 << 30), 0u);
  EXPECT_NE(model.log_.waste(), Waste::kOverdrawn) << "nobody need try again";
  for (int i = 0; i < 110; ++i)
    model.Append(Queue::kFirst, "new" + std::to_string(i), ValueFor(i, 1000));
  EXPECT_EQ(model.log_.waste(), Waste::kOverdrawn) << "a segment was closed meanwhile";
  EXPECT_GT(model.Compact(1 << 30), 0u);
}

TEST(EntryLogTest, CompactLooksAtNoMoreThanItMay) {
  LogModel model(0, false);
  for (int i = 0; i < 4000; ++i) model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, 1000));
  for (int i = 0; i < 4000; i += 2) model.Free(std::to_string(i));
  EXPECT_EQ(model.Compact(0), 0u);
  const size_t moved = model.Compact(20000);
  EXPECT_GT(moved, 5u);
  EXPECT_LT(moved, 20u);
}

TEST(EntryLogTest, OldestSkipsWhatIsDead) {
  LogModel model(0, true);
  for (int i = 0; i < 500; ++i) model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, 1000));
  for (int i = 0; i < 203; ++i) model.Free(std::to_string(i));
  EXPECT_EQ(model.log_.Oldest(Queue::kFirst)->key(), "203");
  EXPECT_FALSE(model.log_.Oldest(Queue::kSecond));
  for (int i = 204; i < 500; ++i) model.Free(std::to_string(i));
  EXPECT_EQ(model.log_.Oldest(Queue::kFirst)->key(), "203");
  model.Free("203");
  EXPECT_FALSE(model.log_.Oldest(Queue::kFirst));
}

TEST(EntryLogTest, OldestGoesOnIntoASegmentThatCompactHasMade) {
  // So many that some segments, out of which one is filled, are few of them.
  LogModel model(0, true);
  for (int i = 0; i < 10000; ++i) model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, 1000));
  for (int i = 500; i < 10000; ++i) {
    if (i % 3 != 0) model.Free(std::to_string(i));
  }
  // Between steps of the compaction the oldest go, so that it meets what was copied just now.
  std::vector<std::string> gone;
  const std::vector<std::string> expected = model.Appended(Queue::kFirst);
  while (const EntryRef ref = model.log_.Oldest(Queue::kFirst)) {
    model.Compact(2000);
    const EntryRef oldest = model.log_.Oldest(Queue::kFirst);
    gone.emplace_back(oldest->key());
    model.Free(gone.back());
  }
  ExpectNearly(gone, expected);
}

TEST(EntryLogTest, RandomLiveIsUniform) {
  LogModel model(0, false);
  Random random(3);
  // Segments with many and with few live records, of different sizes.
  for (int i = 0; i < 3000; ++i) {
    model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, i % 10 == 0 ? 2000 : 50));
  }
  for (int i = 0; i < 3000; ++i) {
    if (i < 1500 ? i % 30 != 0 : i % 2 != 0) model.Free(std::to_string(i));
  }
  std::map<std::string, int> counts;
  const int draws = 400 * static_cast<int>(model.live_.size());
  for (int i = 0; i < draws; ++i) ++counts[std::string(model.log_.RandomLive(random)->key())];
  double chi_square = 0;
  for (const auto& [key, record] : model.live_) {
    chi_square += (counts[key] - 400.0) * (counts[key] - 400.0) / 400.0;
  }
  const double freedom = static_cast<double>(model.live_.size()) - 1;
  EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom));
  EXPECT_EQ(counts.size(), model.live_.size());
}

TEST(EntryLogTest, NotesTheEarliestExpiryOfASegmentAlsoWhereRecordsMoveTo) {
  LogModel model(0, false);
  for (int i = 0; i < 2000; ++i) {
    model.Append(Queue::kFirst, std::to_string(i), ValueFor(i, 1000),
                 {.expires_at = i == 1000 ? kNow + Millis(5) : kNow + Millis(1000)});
  }
  for (int i = 0; i < 2000; ++i) {
    if (i % 100 != 0) model.Free(std::to_string(i));
  }
  ASSERT_GT(model.Compact(1 << 30), 10u);
  const auto earliest_at = [&](const std::string& key) {
    for (EntryLog::SegmentId id = 1; id <= model.log_.segment_ids(); ++id) {
      bool here = false;
      model.log_.VisitLive(id, [&](EntryRef ref) {
        here = here || ref->key() == key;
        return true;
      });
      if (here) return model.log_.segment(id).earliest_expiry;
    }
    return kNever;
  };
  EXPECT_EQ(earliest_at("1000"), kNow + Millis(5));
  model.Check();
  const std::string late = "late";
  model.Append(Queue::kSecond, late, "v");
  EXPECT_EQ(earliest_at(late), kNever);
  model.log_.NoteExpiry(model.live_.at(late).at, kNow);
  EXPECT_EQ(earliest_at(late), kNow);
}

}  // namespace
}  // namespace larder::storage
