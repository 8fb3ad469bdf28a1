#include "storage/mutation_record.h"

#include <gtest/gtest.h>

#include <string>

namespace larder::storage {
namespace {

std::string Written(const Mutation& mutation) {
  std::string record(MutationRecordBytes(mutation.key.size(), mutation.value.size()), '?');
  WriteMutationRecord(mutation, record.data());
  return record;
}

Mutation SomeSet() {
  return {.kind = MutationKind::kSet,
          .slot = 16383,
          .key = std::string_view("k\0y", 3),
          .version = UINT64_MAX,
          .expires_at = TimePoint(Millis(1'790'000'000'123)),
          .flags = 0xfedcba98,
          .recompute_ms = 77,
          .stale = true,
          .value = ValueView("value")};
}

TEST(MutationRecordTest, EveryKindComesBackWithAllFields) {
  Mutation set_fields = SomeSet();
  set_fields.kind = MutationKind::kSetFields;
  set_fields.value = {};
  set_fields.expires_at = kNever;
  set_fields.stale = false;
  Mutation empty = SomeSet();
  empty.value = {};
  const Mutation mutations[] = {
      SomeSet(),
      empty,
      set_fields,
      {.kind = MutationKind::kDelete, .slot = 0, .key = "d", .version = 1},
      {.kind = MutationKind::kEvict, .slot = 1, .key = "e", .version = 2},
      {.kind = MutationKind::kExpire, .slot = 2, .key = "x", .version = 3},
      {.kind = MutationKind::kFlushSlot, .slot = 3, .version = 4},
  };
  for (const Mutation& mutation : mutations) {
    const std::string record = Written(mutation);
    EXPECT_EQ(MutationRecordBytesAt(record.data()), record.size());
    const auto read = ReadMutationRecord(record);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->kind, mutation.kind);
    EXPECT_EQ(read->slot, mutation.slot);
    EXPECT_EQ(read->key, mutation.key);
    EXPECT_EQ(read->version, mutation.version);
    EXPECT_EQ(read->expires_at, mutation.expires_at);
    EXPECT_EQ(read->flags, mutation.flags);
    EXPECT_EQ(read->recompute_ms, mutation.recompute_ms);
    EXPECT_EQ(read->stale, mutation.stale);
    EXPECT_EQ(read->value.whole(), mutation.value.whole());
  }
}

TEST(MutationRecordTest, ARecordThatIsCutOrTooLongIsNone) {
  const std::string record = Written(SomeSet());
  for (size_t bytes = 0; bytes < record.size(); ++bytes) {
    EXPECT_FALSE(ReadMutationRecord(std::string_view(record).substr(0, bytes)).has_value());
  }
  EXPECT_FALSE(ReadMutationRecord(record + "x").has_value());
}

TEST(MutationRecordTest, WhatNoWriterWritesIsNone) {
  const std::string record = Written(SomeSet());
  const auto with = [&](size_t at, char byte) {
    std::string changed = record;
    changed[at] = byte;
    return ReadMutationRecord(changed).has_value();
  };
  EXPECT_TRUE(with(0, 1));
  EXPECT_FALSE(with(0, 2)) << "another format";
  EXPECT_FALSE(with(1, 6)) << "no kind";
  EXPECT_FALSE(with(1, static_cast<char>(MutationKind::kDelete))) << "it has no value";
  EXPECT_FALSE(with(1, static_cast<char>(MutationKind::kFlushSlot))) << "it has no key";
  EXPECT_FALSE(with(2, 2)) << "no bit";
  EXPECT_FALSE(with(3, 1));
  EXPECT_FALSE(with(33, 0x40)) << "no slot";
  EXPECT_FALSE(with(36, 1));
  const Mutation nameless = {.kind = MutationKind::kDelete, .slot = 1, .key = "", .version = 1};
  EXPECT_FALSE(ReadMutationRecord(Written(nameless)).has_value());
}

}  // namespace
}  // namespace larder::storage
