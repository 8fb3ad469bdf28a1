#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "server/handlers/response_budget.h"
#include "server/messages/message_replies.h"
#include "server/rpc/services/cache_answers.h"
#include "storage/random.h"
#include "tests/server/rpc/wire_comparison.h"

namespace larder::server {
namespace {

using storage::Millis;
using storage::Random;
using storage::TimePoint;

std::string SomeBytes(Random& random, size_t bytes_max) {
  std::string bytes(random.Below(bytes_max + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next());
  return bytes;
}

void Fill(Random& random, google::protobuf::Duration* duration) {
  if (random.Below(4) != 0) duration->set_seconds(static_cast<int64_t>(random.Next()) >> 20);
  if (random.Below(4) != 0) duration->set_nanos(static_cast<int32_t>(random.Next()));
}

void Fill(Random& random, v1::GetRequest* request) {
  request->set_key(SomeBytes(random, 40));
  if (random.Below(3) == 0) Fill(random, request->mutable_max_staleness());
  if (random.Below(3) == 0) {
    v1::Position* const position = request->mutable_min_position();
    position->set_sequence(random.Next());
    if (random.Below(2) == 0) position->set_shard(static_cast<uint32_t>(random.Next()));
    if (random.Below(2) == 0) position->mutable_epoch()->set_term(random.Next());
    if (random.Below(2) == 0) position->mutable_epoch()->set_incarnation(random.Below(3));
    if (random.Below(2) == 0) position->mutable_epoch()->set_node(SomeBytes(random, 20));
  }
}

void Fill(Random& random, v1::SetRequest* request) {
  request->set_key(SomeBytes(random, 40));
  request->set_value(SomeBytes(random, 300));
  if (random.Below(3) == 0) Fill(random, request->mutable_ttl());
  if (random.Below(3) == 0) request->set_flags(static_cast<uint32_t>(random.Next()));
  request->set_keep_ttl(random.Below(3) == 0);
  switch (random.Below(6)) {
    case 0:
      request->set_if_absent(random.Below(2) == 0);
      break;
    case 1:
      request->set_if_present(random.Below(2) == 0);
      break;
    case 2:
      request->set_if_version(random.Next());
      break;
    case 3:
      request->set_lease_token(SomeBytes(random, 20));
      break;
    default:
      break;
  }
  if (random.Below(3) == 0) {
    request->mutable_ack()->set_level(static_cast<v1::AckLevel>(random.Below(6)));
    request->mutable_ack()->set_replicas(static_cast<uint32_t>(random.Below(3)));
  }
  request->set_return_previous(random.Below(3) == 0);
}

void Fill(Random& random, v1::DeleteRequest* request) {
  request->set_key(SomeBytes(random, 40));
  if (random.Below(3) == 0) request->set_if_version(random.Next());
  if (random.Below(3) == 0) Fill(random, request->mutable_serve_stale_for());
}

void Fill(Random& random, v1::TouchRequest* request) {
  request->set_key(SomeBytes(random, 40));
  if (random.Below(3) == 0) Fill(random, request->mutable_ttl());
}

template <typename Request>
std::string Some(Random& random) {
  Request request;
  Fill(random, &request);
  return request.SerializeAsString();
}

template <typename Request>
std::string SomeItems(Random& random) {
  Request request;
  for (uint64_t i = random.Below(6); i > 0; --i) Fill(random, request.add_items());
  return request.SerializeAsString();
}

std::string SomePipeline(Random& random) {
  v1::PipelineRequest request;
  request.set_id(random.Next() >> random.Below(64));
  switch (random.Below(6)) {
    case 0:
      Fill(random, request.mutable_get());
      break;
    case 1:
      Fill(random, request.mutable_set());
      break;
    case 2:
      Fill(random, request.mutable_delete_());
      break;
    case 3:
      Fill(random, request.mutable_touch());
      break;
    case 4:
      Fill(random, request.mutable_multi_set()->add_items());
      break;
    default:
      request.mutable_lease()->set_key(SomeBytes(random, 10));
  }
  return request.SerializeAsString();
}

// Repeats, cuts, and changes bytes.
std::string Damaged(Random& random, std::string bytes, const std::string& other) {
  switch (random.Below(4)) {
    case 0:
      return bytes.substr(0, random.Below(bytes.size() + 1));
    case 1:
      return bytes + other;
    case 2:
      bytes.insert(random.Below(bytes.size() + 1), SomeBytes(random, 4));
      return bytes;
    default:
      for (uint64_t i = random.Below(3) + 1; i > 0 && !bytes.empty(); --i) {
        bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
      }
      return bytes;
  }
}

TEST(WireMessagesTest, RequestsAreReadAsProtobufReadsThem) {
  Random random(1);
  const std::vector<std::function<std::string(Random&)>> makers = {
      Some<v1::GetRequest>,
      Some<v1::SetRequest>,
      Some<v1::DeleteRequest>,
      Some<v1::TouchRequest>,
      SomeItems<v1::MultiGetRequest>,
      SomeItems<v1::MultiSetRequest>,
      SomeItems<v1::MultiDeleteRequest>,
      SomePipeline};
  int refused = 0;
  for (int i = 0; i < 40000; ++i) {
    const auto& make = makers[static_cast<size_t>(i) % makers.size()];
    std::string bytes = make(random);
    ASSERT_EQ(FirstDifference(bytes), nullptr) << "undamaged " << i;
    bytes = Damaged(random, bytes, make(random));
    ASSERT_EQ(FirstDifference(bytes), nullptr) << "damaged " << i;
    GetView view;
    refused += ReadGetRequest(bytes, view) == ReadOutcome::kRead ? 0 : 1;
  }
  EXPECT_GT(refused, 4000);
  EXPECT_LT(refused, 36000);
}

TEST(WireMessagesTest, CornersOfTheEncoding) {
  for (const std::string& bytes : std::vector<std::string>{
           "",
           std::string(1, '\0'),
           std::string("\x07"),
           "\x0a",
           "\x0a\x05key",
           std::string("\x0a\x83\x80\x80\x80\x00key", 9),       // a length of five bytes
           std::string("\x0a\x83\x80\x80\x80\x80\x00key", 10),  // of six
           "\x0a\xff\xff\xff\xff\x07",
           "\x0a\xff\xff\xff\xff\x0f",
           std::string("\x8a\x80\x80\x80\x00\x03key", 9),       // a tag of five bytes
           std::string("\x8a\x80\x80\x80\x80\x00\x03key", 10),  // of six
           "\x8a\x80\x80\x80\x70\x03key",                       // of more than 32 bits
           "\x0b\x0c",                                          // a group instead of bytes
           "\x0b\x0a\x01x\x0c",
           "\x0b\x14",
           "\x0b",
           "\x0c",
           "\xfb\x01\xfc\x01",
           std::string(99, '\x0b') + std::string(99, '\x0c'),
           "\x08\x01",
           "\x09"
           "12345678",
           "\x0d"
           "1234",
           "\x0d"
           "123",
           "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  // flags of 64 bits
           "\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
           std::string("\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12),
           "\x1a\x02\x08\x05\x1a\x02\x10\x07",  // a ttl in two parts
           "\x30\x01\x38\x01",
           "\x38\x01\x4a\x01t",  // two conditions
           "\x12\x02\x08\x01\x12\x02\x08\x02",
           "\x12\x02\x0a\x05"}) {
    EXPECT_EQ(FirstDifference(bytes), nullptr) << testing::PrintToString(bytes);
  }
}

// Makes so many fields that nobody knows, each of two bytes.
std::string Fields(size_t fields) {
  std::string bytes;
  for (size_t i = 0; i < fields; ++i) bytes += std::string("\x7a\0", 2);
  return bytes;
}
std::string InMessage(char field, const std::string& bytes) {
  std::string length;
  for (size_t rest = bytes.size(); rest > 0; rest >>= 7) {
    length += static_cast<char>((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
  }
  return std::string(1, static_cast<char>(field << 3 | 2)) + length + bytes;
}

TEST(WireMessagesTest, ARequestMayHaveSoManyFieldsWhereverTheyAre) {
  constexpr size_t kMax = 64;
  const auto in_group = [](size_t fields) { return "\x7b" + Fields(fields - 1) + "\x7c"; };
  const auto in_ttl = [](size_t fields) { return InMessage(3, Fields(fields - 1)); };
  for (const auto& make : std::vector<std::function<std::string(size_t)>>{
           Fields, in_group, in_ttl,
           [](size_t fields) { return std::string(2 * fields, '\x08'); }}) {
    for (const size_t fields : {kMax, kMax + 1, size_t{100000}}) {
      const std::string bytes = make(fields);
      const ReadOutcome expected =
          fields <= kMax ? ReadOutcome::kRead : ReadOutcome::kTooManyFields;
      SetView set;
      EXPECT_EQ(ReadSetRequest(bytes, set), expected) << fields;
      EXPECT_EQ(LookAtRequest(bytes, *v1::SetRequest::descriptor(), 0), expected) << fields;
    }
  }
  PipelineView pipeline;
  EXPECT_EQ(ReadPipelineRequest(Fields(kMax), pipeline), ReadOutcome::kRead);
  EXPECT_EQ(ReadPipelineRequest(Fields(kMax + 1), pipeline), ReadOutcome::kTooManyFields);
}

TEST(WireMessagesTest, AnItemBringsItsFieldsAndTooManyItemsAreNotRead) {
  constexpr size_t kItemsMax = 10;
  constexpr size_t kFields = 64 + kItemsMax * 20;
  std::string items;
  for (size_t i = 0; i < kItemsMax; ++i) items += InMessage(1, Fields(6));
  const std::string full = items + Fields(kFields - kItemsMax * 7);
  std::vector<SetView> sets;
  EXPECT_EQ(ReadMultiSetRequest(full, kItemsMax, sets), ReadOutcome::kRead);
  EXPECT_EQ(sets.size(), kItemsMax);
  const auto& type = *v1::MultiSetRequest::descriptor();
  EXPECT_EQ(LookAtRequest(full, type, kItemsMax), ReadOutcome::kRead);
  sets.clear();
  EXPECT_EQ(ReadMultiSetRequest(full + Fields(1), kItemsMax, sets), ReadOutcome::kTooManyFields);
  EXPECT_EQ(LookAtRequest(full + Fields(1), type, kItemsMax), ReadOutcome::kTooManyFields);
  std::string many = items;
  for (int i = 0; i < 100000; ++i) many += std::string("\x0a\0", 2);
  sets.clear();
  EXPECT_EQ(ReadMultiSetRequest(many, kItemsMax, sets), ReadOutcome::kTooManyItems);
  EXPECT_EQ(sets.size(), kItemsMax);
  EXPECT_EQ(LookAtRequest(many, type, kItemsMax), ReadOutcome::kTooManyItems);
  // The items of a Pipeline's operation are those of its message.
  EXPECT_EQ(LookAtRequest(InMessage(10, many), *v1::PipelineRequest::descriptor(), kItemsMax),
            ReadOutcome::kTooManyItems);
}

struct Told final : Completion {
  void Done(const absl::Status&) override {}
  void KeepOpen() override {}
};

TEST(WireMessagesTest, AnswersAreThoseOfTheMessages) {
  Random random(2);
  Told told;
  for (int i = 0; i < 5000; ++i) {
    storage::EntryInfo info;
    info.version = random.Below(4) == 0 ? 0 : random.Next();
    if (random.Below(2) == 0) {
      info.expires_at = TimePoint(Millis(static_cast<int64_t>(random.Next() >> 16)));
    }
    if (random.Below(8) == 0) info.expires_at = TimePoint(Millis(random.Below(3) * 500));
    info.flags =
        random.Below(2) == 0 ? 0 : static_cast<uint32_t>(random.Next() >> random.Below(64));
    info.stale = random.Below(2) == 0;
    const std::string value = SomeBytes(random, i % 3 == 0 ? 0 : 20000);

    v1::GetResponse expected;
    GetMessageReply reply(&expected, &told);
    value.copy(reply.Reserve(info, value.size()), value.size());
    reply.Complete({.found = true});
    std::string bytes(GetResponseBytes(info, value.size()), '\0');
    value.copy(WriteGetResponse(info, value.size(), bytes.data()), value.size());
    EXPECT_TRUE(bytes == expected.SerializeAsString()) << expected.ShortDebugString();
  }
}

TEST(WireMessagesTest, OutcomesAreThoseOfTheMessages) {
  using Outcome = storage::SetResult::Outcome;
  Told told;
  for (const uint64_t version : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
    for (const Outcome outcome : {Outcome::kStored, Outcome::kExists, Outcome::kNotFound,
                                  Outcome::kVersionMismatch, Outcome::kLeaseLost}) {
      SetAnswer answer{.result = {outcome, version}};
      const auto expect_same = [&] {
        v1::SetResponse expected;
        SetMessageReply(&expected, &told).Complete(answer);
        std::string bytes(SetResponseBytes(answer), '\0');
        WriteSetResponse(answer, bytes.data());
        EXPECT_EQ(bytes, expected.SerializeAsString());
        const size_t items_bytes = 4 + expected.ByteSizeLong();
        EXPECT_LE(items_bytes, ResponseBudget::kLeastItemBytes + ResponseBudget::kWriteItemBytes);
      };
      expect_same();
      if (outcome != Outcome::kStored) continue;
      for (const uint64_t number : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
        answer.position = {{number, number, {number, ~number}}, number};
        expect_same();
      }
    }
    for (const TimePoint expires_at : {storage::kNever, TimePoint(Millis(1500))}) {
      for (const bool found : {false, true}) {
        const TouchAnswer answer{found, version, expires_at};
        v1::TouchResponse expected;
        TouchMessageReply(&expected, &told).Complete(answer);
        std::string bytes(TouchResponseBytes(answer), '\0');
        WriteTouchResponse(answer, bytes.data());
        EXPECT_EQ(bytes, expected.SerializeAsString());
      }
    }
    for (const bool deleted : {false, true}) {
      const storage::DeleteResult result{deleted, version};
      v1::DeleteResponse expected;
      DeleteMessageReply(&expected, &told).Complete(result);
      std::string bytes(DeleteResponseBytes(result), '\0');
      WriteDeleteResponse(result, bytes.data());
      EXPECT_EQ(bytes, expected.SerializeAsString());
    }
  }
}

}  // namespace
}  // namespace larder::server
