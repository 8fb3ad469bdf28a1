#include "storage/entry.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/entry_log.h"
#include "storage/random.h"

namespace larder::storage {
namespace {

constexpr TimePoint kNow{Millis(1'000'000)};
// An expiry takes less room from 2020 on, for 34 years.
constexpr TimePoint kNear{Millis(1'700'000'000'123)};
constexpr TimePoint kFar{Millis(int64_t{1} << 47)};
constexpr size_t kPage = EntryPools::kPageBytes;
constexpr size_t kBlock = EntryPools::kBlockBytes;
const std::vector<size_t> kValueSizes = {0,          1,        4095,     4096,       4097,
                                         8191,       65535,    65536,    kBlock - 1, kBlock,
                                         kBlock + 1, 4u << 20, 5'000'003};
const std::vector<size_t> kKeySizes = {1, 255, 256, 1000, kKeyBytesMax};

std::vector<EntryFields> AllFields() {
  std::vector<EntryFields> all;
  for (const TimePoint expires_at : {kNever, kNear, kFar}) {
    for (int bits = 0; bits < 4; ++bits) {
      EntryFields fields;
      fields.expires_at = expires_at;
      if ((bits & 1) != 0) fields.flags = 0xfedcba98;
      if ((bits & 2) != 0) fields.recompute_ms = 0x89abcdef;
      all.push_back(fields);
    }
  }
  return all;
}

std::string ValueOf(size_t bytes, uint64_t seed = 1) {
  std::string value(bytes, '\0');
  Random random(seed);
  for (char& byte : value) byte = static_cast<char>(random.Next());
  return value;
}

std::string Read(const Entry& entry, size_t bytes) {
  std::string value(bytes, '\0');
  entry.CopyValue(bytes, value.data());
  return value;
}
std::string Read(const Entry& entry) { return Read(entry, entry.value_bytes()); }

void ExpectFields(const Entry& entry, const EntryFields& fields) {
  EXPECT_EQ(entry.expires_at(), fields.expires_at);
  EXPECT_EQ(entry.flags(), fields.flags);
  EXPECT_EQ(entry.recompute_ms(), fields.recompute_ms);
}

// Entries get their memory, and the parts of their values, from a log.
class EntryTest : public testing::Test {
 protected:
  EntryRef Make(const std::string& key, size_t value_bytes, const EntryFields& fields = {},
                uint32_t slot = 0) {
    const EntryRef ref = log_.Append(EntryLog::Queue::kFirst, key, slot,
                                     EntryShape::Of(key.size(), value_bytes, fields), kNow);
    ref->SetFields(fields);
    return ref;
  }

  EntryPools pools_;
  EntryLog log_{&pools_, {.policy_bytes = 4}};
};

TEST_F(EntryTest, EveryShapeGivesBackWhatWasPutIn) {
  for (const size_t key_bytes : kKeySizes) {
    for (const size_t value_bytes : kValueSizes) {
      for (const EntryFields& fields : AllFields()) {
        SCOPED_TRACE(testing::Message() << key_bytes << " " << value_bytes);
        const std::string key = ValueOf(key_bytes, 5);
        const std::string value = ValueOf(value_bytes);
        const EntryRef ref = Make(key, value_bytes, fields, kSlots - 1);
        ref->WriteValue(0, value);
        ref->set_version(0x0123456789abcdef);
        ref->set_policy_bits(2);
        ref->set_stale(true);
        ASSERT_EQ(ref->key(), key);
        ASSERT_EQ(ref->value_bytes(), value_bytes);
        ASSERT_TRUE(Read(*ref) == value);
        ExpectFields(*ref, fields);
        ASSERT_EQ(ref->slot(), kSlots - 1);
        ASSERT_EQ(ref->version(), 0x0123456789abcdefu);
        ASSERT_EQ(ref->policy_bits(), 2);
        ASSERT_TRUE(ref->stale());
        ASSERT_FALSE(ref->dead());
        ASSERT_EQ(ref->RecordBytes(4),
                  EntryShape::Of(key_bytes, value_bytes, fields).RecordBytes(4));
        if (ref->is_whole()) {
          ASSERT_EQ(ref->whole_value(), value);
        }
        log_.Free(ref);
      }
    }
  }
}

TEST_F(EntryTest, RecordsAreAsSmallAsTheLayoutSays) {
  EXPECT_EQ(EntryShape::Of(2, 0, {}).RecordBytes(0), 16u);
  EXPECT_EQ(EntryShape::Of(3, 0, {}).RecordBytes(0), 17u);
  EXPECT_EQ(EntryShape::Of(2, 0, {}).RecordBytes(16), 32u);
  EXPECT_EQ(EntryShape::Of(2, 4096, {}).RecordBytes(0), 24u) << "a page lies apart";
  EXPECT_EQ(EntryShape::Of(2, 4095, {}).RecordBytes(0), 4111u);
  EXPECT_EQ(EntryShape::Of(3, kBlock + kPage + 3, {}).RecordBytes(0), 14u + 3 + 3 + 16 + 3);
  EXPECT_EQ(EntryShape::Of(2, 0, {.expires_at = kNear}).RecordBytes(0), 21u);
  EXPECT_EQ(EntryShape::Of(2, 0, {.expires_at = kFar}).RecordBytes(0), 22u);
  EXPECT_EQ(EntryShape::Of(2, 0, {.flags = 1, .recompute_ms = 1}).RecordBytes(0), 24u);
  EXPECT_LE(EntryShape::Of(kKeyBytesMax, kValueBytesMax - 1, AllFields().back()).RecordBytes(20),
            EntryPools::kSegmentBytesMin)
      << "the largest record fits into a segment";
}

TEST_F(EntryTest, WholePagesAndBlocksLieApart) {
  const ValueParts parts = ValueParts::Of(2 * kBlock + 3 * kPage + 5);
  EXPECT_EQ(parts.blocks, 2u);
  EXPECT_EQ(parts.pages, 3u);
  EXPECT_EQ(parts.tail_bytes, 5u);
  EXPECT_EQ(parts.count(), 5u);
  EXPECT_EQ(parts.apart_bytes(), 2 * kBlock + 3 * kPage);
  EXPECT_EQ(ValueParts::Of(kBlock - 1).pages, 63u);
  EXPECT_EQ(ValueParts::Of(kPage - 1).count(), 0u);
}

TEST_F(EntryTest, PolicyBitsAndSlotDoNotDisturbEachOther) {
  const EntryRef ref = Make("key", 3, {}, 12345);
  for (uint8_t bits = 0; bits < 4; ++bits) {
    ref->set_policy_bits(bits);
    EXPECT_EQ(ref->policy_bits(), bits);
    EXPECT_EQ(ref->slot(), 12345u);
  }
}

TEST_F(EntryTest, FieldsChangeInPlaceWhereThereIsRoom) {
  for (const EntryFields& had : AllFields()) {
    for (const EntryFields& wanted : AllFields()) {
      const EntryRef ref = Make("key", 10, had);
      ref->WriteValue(0, "0123456789");
      // None, near, far: each has room for the one before.
      const bool room = (wanted.expires_at == kNever || had.expires_at == kFar ||
                         wanted.expires_at == had.expires_at) &&
                        (wanted.flags == 0 || had.flags != 0) &&
                        (wanted.recompute_ms == 0 || had.recompute_ms != 0);
      ASSERT_EQ(ref->HasRoomFor(wanted), room);
      ASSERT_EQ(ref->FitsInPlace(10, wanted), room);
      if (room) {
        const size_t record_bytes = ref->RecordBytes(4);
        ref->SetFields(wanted);
        ExpectFields(*ref, wanted);
        EXPECT_EQ(ref->RecordBytes(4), record_bytes) << "the record stays as long as it is";
        EXPECT_EQ(Read(*ref), "0123456789");
        EXPECT_EQ(ref->ExpiredAt(kFar), wanted.expires_at != kNever);
        EXPECT_FALSE(ref->ExpiredAt(kNear - Millis(1)));
      }
      log_.Free(ref);
    }
  }
}

TEST_F(EntryTest, ExpiryHoldsEveryMillisecondOfTheFuture) {
  const int64_t near_first = 1'577'836'800'000;  // 2020-01-01
  const int64_t near_last = near_first + (int64_t{1} << 40) - 2;
  const auto header_bytes = [](int64_t ms) {
    return EntryShape::Of(1, 0, {.expires_at = TimePoint(Millis(ms))}).HeaderBytes();
  };
  EXPECT_EQ(header_bytes(near_first - 1), 20u);
  EXPECT_EQ(header_bytes(near_first), 19u);
  EXPECT_EQ(header_bytes(near_last), 19u) << "2054";
  EXPECT_EQ(header_bytes(near_last + 1), 20u);
  for (const int64_t ms : {int64_t{0}, int64_t{1}, int64_t{1} << 32, near_first - 1, near_first,
                           near_last, near_last + 1, (int64_t{1} << 48) - 2}) {
    SCOPED_TRACE(ms);
    const TimePoint at{Millis(ms)};
    for (const TimePoint first : {at, kFar}) {
      const EntryRef ref = Make("key", 0, {.expires_at = first});
      ref->SetFields({.expires_at = at});
      EXPECT_EQ(ref->expires_at(), at);
      EXPECT_TRUE(ref->ExpiredAt(at));
      EXPECT_FALSE(ref->ExpiredAt(at - Millis(1)));
      EXPECT_EQ(ref->key(), "key");
      ref->SetFields({.expires_at = kNever});
      EXPECT_EQ(ref->expires_at(), kNever);
      log_.Free(ref);
    }
  }
  const EntryRef ref = Make("key", 0, {.expires_at = TimePoint(Millis(int64_t{1} << 50))});
  EXPECT_EQ(ref->expires_at(), TimePoint(Millis((int64_t{1} << 48) - 2))) << "8921 years";
}

TEST_F(EntryTest, FitsInPlaceOnlyWhereRecordAndPartsStayAsTheyAre) {
  const auto fits = [&](size_t key_bytes, size_t from, size_t to) {
    const EntryRef ref = Make(std::string(key_bytes, 'k'), from);
    const bool result = ref->FitsInPlace(to, {});
    log_.Free(ref);
    return result;
  };
  EXPECT_TRUE(fits(2, 100, 100));
  EXPECT_FALSE(fits(2, 100, 99));
  EXPECT_FALSE(fits(2, 100, 101));
  EXPECT_FALSE(fits(2, 100, 96));
  EXPECT_FALSE(fits(2, 4095, 4096));
  EXPECT_TRUE(fits(2, 4096, 4096));
  EXPECT_FALSE(fits(2, 4096, 8192));
  EXPECT_FALSE(fits(2, 4096, kBlock)) << "one address, but of another part";
  EXPECT_FALSE(fits(2, 65535, 65536)) << "the lengths become wide";
  EXPECT_TRUE(fits(300, 100, 100));
}

TEST_F(EntryTest, WriteValueReachesAcrossPieces) {
  const size_t bytes = kBlock + 2 * kPage + 1000;
  const EntryRef ref = Make("key", bytes);
  std::string expected(bytes, '.');
  ref->WriteValue(0, expected);
  Random random(9);
  for (int i = 0; i < 300; ++i) {
    // Around an edge of two pieces, or anywhere.
    const size_t edges[] = {kBlock, kBlock + kPage, kBlock + 2 * kPage, random.Below(bytes)};
    const size_t edge = edges[random.Below(4)];
    const size_t offset = edge - std::min<size_t>(edge, random.Below(5000));
    const std::string text = ValueOf(random.Below(std::min<size_t>(bytes - offset, 9000) + 1), i);
    ref->WriteValue(offset, text);
    expected.replace(offset, text.size(), text);
    ASSERT_TRUE(Read(*ref) == expected) << offset << " " << text.size();
  }
  for (const size_t head : {size_t{0}, size_t{1}, kBlock, kBlock + 1, bytes - 1}) {
    EXPECT_TRUE(Read(*ref, head) == expected.substr(0, head));
  }
  EXPECT_EQ(ref->key(), "key");
}

TEST_F(EntryTest, CopyValueFromGoesBetweenAnyTwoShapes) {
  for (const size_t from_bytes : kValueSizes) {
    const std::string value = ValueOf(from_bytes, 77);
    const EntryRef from = Make("from", from_bytes, {.flags = 3});
    from->WriteValue(0, value);
    for (const size_t to_bytes : kValueSizes) {
      const size_t bytes = std::min(from_bytes, to_bytes);
      const EntryRef to = Make(std::string(300, 't'), to_bytes, {.expires_at = kNow});
      to->WriteValue(0, std::string(to_bytes, 'x'));
      to->CopyValueFrom(*from, 0, bytes);
      ASSERT_TRUE(Read(*to) == value.substr(0, bytes) + std::string(to_bytes - bytes, 'x'))
          << from_bytes << " to " << to_bytes;
      ASSERT_EQ(to->key(), std::string(300, 't'));
      log_.Free(to);
    }
    ASSERT_TRUE(Read(*from) == value);
    log_.Free(from);
  }
}

TEST_F(EntryTest, ADeadRecordKeepsItsLength) {
  const EntryRef ref = Make("key", kBlock + 17, {.expires_at = kNow});
  const size_t record_bytes = ref->RecordBytes(4);
  ref->set_dead();
  EXPECT_TRUE(ref->dead());
  EXPECT_EQ(ref->RecordBytes(4), record_bytes);
}

}  // namespace
}  // namespace larder::storage
