// Calls over many keys that take longer than a turn: they go on in the next turns of their
// connection, others are answered in between, and nothing but time tells the difference.

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "larder/v1/cache.pb.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/http2_peer.h"
#include "tests/server/rpc/lone_service.h"

namespace larder::server {
namespace {

constexpr int kItems = 10000;
constexpr auto kEndless = std::chrono::hours(24 * 365);
constexpr auto kTiny = std::chrono::nanoseconds(1);

std::string KeyOf(int i) { return "key" + std::to_string(i); }

// Some items that cannot be done, and some twice.
v1::MultiSetRequest Sets(int items = kItems) {
  v1::MultiSetRequest request;
  for (int i = 0; i < items; ++i) {
    v1::SetRequest* const set = request.add_items();
    set->set_key(i % 100 == 99 ? "" : KeyOf(i % 70 == 69 ? i - 1 : i));
    set->set_value(std::string(static_cast<size_t>(i % 50), static_cast<char>('a' + i % 26)));
    if (i % 300 == 7) set->mutable_ack()->set_level(v1::ACK_LEVEL_REPLICAS);
    if (i % 300 == 8) set->set_if_version(12345);
  }
  return request;
}
v1::MultiGetRequest Gets(int items = kItems) {
  v1::MultiGetRequest request;
  for (int i = 0; i < items; ++i) request.add_items()->set_key(i % 100 == 50 ? "" : KeyOf(i));
  return request;
}
v1::MultiDeleteRequest Deletes(int items = kItems) {
  v1::MultiDeleteRequest request;
  for (int i = 0; i < items; ++i) {
    v1::DeleteRequest* const remove = request.add_items();
    remove->set_key(i % 100 == 50 ? "" : KeyOf(i - i % 3));
    if (i % 50 == 1) remove->set_if_version(7);
  }
  return request;
}

struct LongCall {
  const char* method;
  std::string request;
};
std::vector<LongCall> LongCalls() {
  v1::MultiSetRequest previous = Sets();
  for (v1::SetRequest& set : *previous.mutable_items()) set.set_return_previous(true);
  return {{"MultiSet", Sets().SerializeAsString()},
          {"MultiGet", Gets().SerializeAsString()},
          {"MultiSet", previous.SerializeAsString()},
          {"MultiDelete", Deletes().SerializeAsString()}};
}

std::string GetOf(const std::string& key) {
  v1::GetRequest request;
  request.set_key(key);
  return request.SerializeAsString();
}

TEST(SlicedCallsTest, AGetOfAnotherConnectionIsAnsweredBeforeALongCallEnds) {
  for (const LongCall& call : LongCalls()) {
    SCOPED_TRACE(call.method);
    LoneService service(kTiny);
    LoneClient busy(&service);
    LoneClient other(&service);
    busy.Send(1, call.method, call.request);
    EXPECT_FALSE(busy.IsAnswered(1));
    uint32_t gets = 0;
    for (; !busy.IsAnswered(1) && gets < 1000; ++gets) {
      const uint32_t id = 2 * gets + 1;
      other.Send(id, "Get", GetOf("absent"));
      EXPECT_EQ(other.StatusOf(id), "0");
      if (busy.connection().has_more()) busy.Continue();
      busy.TakeLetters();
    }
    EXPECT_GE(gets, kItems / 128u);
    EXPECT_EQ(busy.StatusOf(1), "0");
    EXPECT_TRUE(busy.connection().is_idle());
    EXPECT_EQ(service.inflight_.current(), 0u);
  }
}

TEST(SlicedCallsTest, WhatComesBehindOnTheSameConnectionWaits) {
  LoneService service(kTiny);
  LoneClient client(&service);
  client.Send(LoneClient::Call(1, "MultiGet", Message(Gets().SerializeAsString())) +
              LoneClient::Call(3, "Get", Message(GetOf("a"))));
  client.Send(5, "Get", GetOf("a"));
  client.Continue();
  EXPECT_FALSE(client.IsAnswered(1));
  EXPECT_FALSE(client.IsAnswered(3));
  EXPECT_EQ(service.Counted(Method::kGet).count(), 0u);
  client.Finish();
  for (const uint32_t id : {1u, 3u, 5u}) EXPECT_EQ(client.StatusOf(id), "0") << id;
}

// Runs the calls, one after the other; returns what they are answered with.
std::vector<std::string> AnswersOf(LoneService& service, const std::vector<LongCall>& calls,
                                   bool is_gzip, size_t* turns) {
  LoneClient client(&service);
  std::vector<std::string> answers;
  uint32_t id = 1;
  for (const LongCall& call : calls) {
    if (is_gzip) {
      client.Send(LoneClient::Call(id, call.method, Message(Gzipped(call.request), true),
                                   {{"grpc-encoding", "gzip"}}));
    } else {
      client.Send(id, call.method, call.request);
    }
    *turns += client.Finish();
    answers.push_back(client.StatusOf(id) + client.BodyOf(id));
    id += 2;
  }
  return answers;
}

void ExpectTheSame(const std::vector<LongCall>& calls, const Limits& limits = {}) {
  for (const bool is_gzip : {false, true}) {
    SCOPED_TRACE(is_gzip);
    LoneService whole(kEndless, limits);
    LoneService sliced(kTiny, limits);
    size_t whole_turns = 0;
    size_t sliced_turns = 0;
    const auto expected = AnswersOf(whole, calls, is_gzip, &whole_turns);
    const auto answers = AnswersOf(sliced, calls, is_gzip, &sliced_turns);
    EXPECT_EQ(whole_turns, 0u);
    EXPECT_GE(sliced_turns, 3 * calls.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      EXPECT_GT(expected[i].size(), 1000u);
      EXPECT_TRUE(answers[i] == expected[i]) << calls[i].method;
    }
    EXPECT_EQ(whole.keyspace_.get()->Stats().entries, sliced.keyspace_.get()->Stats().entries);
    EXPECT_EQ(sliced.inflight_.current(), 0u);
    EXPECT_EQ(sliced.state_.incomplete.used_bytes(), 0u);
  }
}

TEST(SlicedCallsTest, ResultsAreThoseOfACallInOnePiece) { ExpectTheSame(LongCalls()); }

// Requests that come in one frame are copied.
TEST(SlicedCallsTest, ResultsOfCallsInOneFrameAreTheSame) {
  ExpectTheSame({{"MultiSet", Sets(400).SerializeAsString()},
                 {"MultiGet", Gets(1000).SerializeAsString()},
                 {"MultiDelete", Deletes(1000).SerializeAsString()}});
}

TEST(SlicedCallsTest, TheBudgetOfTheAnswerIsOneForAllSlices) {
  Limits limits;
  limits.max_response_bytes = 300'000;
  limits.max_value_bytes = 10'000;
  v1::MultiSetRequest sets = Sets(2000);
  for (int i = 0; i < 2000; i += 11) sets.mutable_items(i)->set_value(std::string(9000, 'v'));
  v1::MultiSetRequest previous = sets;
  for (v1::SetRequest& set : *previous.mutable_items()) set.set_return_previous(true);
  ExpectTheSame({{"MultiSet", sets.SerializeAsString()},
                 {"MultiGet", Gets(2000).SerializeAsString()},
                 {"MultiSet", previous.SerializeAsString()}},
                limits);
}

TEST(SlicedCallsTest, ItemsThatAreAnsweredLaterFindTheirPlace) {
  v1::MultiGetRequest gets;
  for (int i = 0; i < kItems; ++i) gets.add_items()->set_key(KeyOf(i) + (i % 3 == 0 ? "~" : ""));
  v1::MultiSetRequest sets;
  for (int i = 0; i < kItems; ++i) {
    v1::SetRequest* const set = sets.add_items();
    set->set_key(gets.items(i).key());
    set->set_value(std::to_string(i));
  }
  for (const int early : {0, 10, 1000}) {
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(1, "MultiSet", sets.SerializeAsString());
    client.Finish();
    client.Send(3, "MultiGet", gets.SerializeAsString());
    for (int turn = 0; client.connection().has_more(); ++turn) {
      client.Continue();
      if (turn < early) service.cache_.GoOn();
    }
    client.TakeLetters();
    service.cache_.GoOn();
    client.TakeLetters();
    const auto response = client.ResponseOf<v1::MultiGetResponse>(3);
    ASSERT_EQ(response.results_size(), kItems);
    for (int i = 0; i < kItems; ++i) {
      ASSERT_EQ(response.results(i).response().value(), std::to_string(i));
    }
  }
}

TEST(SlicedCallsTest, ADeadlineEndsACallBetweenSlices) {
  for (const LongCall& call : LongCalls()) {
    SCOPED_TRACE(call.method);
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(1, call.method, call.request, {{"grpc-timeout", "1H"}});
    client.Continue();
    EXPECT_FALSE(client.IsAnswered(1));
    client.Continue(std::chrono::steady_clock::now() + std::chrono::hours(2));
    EXPECT_EQ(client.StatusOf(1), "4");
    client.Finish();
    EXPECT_TRUE(client.connection().is_idle());
    EXPECT_EQ(service.inflight_.current(), 0u);
    EXPECT_EQ(service.state_.incomplete.used_bytes(), 0u);
  }
}

TEST(SlicedCallsTest, ACancellationBetweenSlicesEndsTheCallOnce) {
  for (const LongCall& call : LongCalls()) {
    SCOPED_TRACE(call.method);
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(1, call.method, call.request);
    client.Send(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4)));
    client.Finish();
    EXPECT_TRUE(client.connection().is_idle());
    EXPECT_EQ(service.inflight_.current(), 0u);
    client.Send(3, "Get", GetOf("a"));
    EXPECT_EQ(client.StatusOf(3), "0");
  }
}

TEST(SlicedCallsTest, ACutBetweenSlicesLeavesNothing) {
  for (const LongCall& call : LongCalls()) {
    SCOPED_TRACE(call.method);
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(1, call.method, call.request);
    client.Continue();
    client.Cut();
    EXPECT_EQ(service.inflight_.current(), 1u) << "until what is left of it is found ended";
    service.calls_.mailbox()->Take();
    EXPECT_EQ(service.inflight_.current(), 0u);
    EXPECT_EQ(service.state_.incomplete.used_bytes(), 0u);
    const auto method = std::string(call.method) == "MultiGet"   ? Method::kMultiGet
                        : std::string(call.method) == "MultiSet" ? Method::kMultiSet
                                                                 : Method::kMultiDelete;
    EXPECT_EQ(service.Counted(method).codes[1], 1u);
  }
}

TEST(SlicedCallsTest, ADrainWaitsForTheLastSlice) {
  for (const LongCall& call : LongCalls()) {
    SCOPED_TRACE(call.method);
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(1, call.method, call.request);
    client.connection().Drain();
    EXPECT_FALSE(client.connection().is_idle());
    client.Finish();
    EXPECT_EQ(client.StatusOf(1), "0");
    EXPECT_TRUE(client.connection().is_idle());
  }
}

TEST(SlicedCallsTest, ARequestThatIsKeptCountsForTheIncompleteBytes) {
  LoneService service(kTiny);
  LoneClient client(&service);
  const std::string request = Sets().SerializeAsString();
  client.Send(1, "MultiSet", request);
  EXPECT_GE(service.state_.incomplete.used_bytes() + ByteShare::kStepBytes, request.size());
  client.Finish();
  EXPECT_EQ(service.state_.incomplete.used_bytes(), 0u);
}

class SlicedPipelineTest : public testing::Test {
 protected:
  // A Get, the operations, and a Get.
  static std::string Operations() {
    std::string messages;
    uint64_t id = 0;
    const auto add = [&](v1::PipelineRequest request) {
      request.set_id(++id);
      messages += Message(request.SerializeAsString());
    };
    v1::PipelineRequest get;
    get.mutable_get()->set_key("a");
    add(get);
    v1::PipelineRequest sets;
    *sets.mutable_multi_set() = Sets();
    add(sets);
    add(get);
    v1::PipelineRequest gets;
    *gets.mutable_multi_get() = Gets();
    add(gets);
    add(get);
    v1::PipelineRequest deletes;
    *deletes.mutable_multi_delete() = Deletes();
    add(deletes);
    add(get);
    return messages;
  }
  static std::vector<uint64_t> IdsOf(std::string_view body) {
    std::vector<uint64_t> ids;
    while (!body.empty()) {
      const uint64_t bytes = LoadBigEndian(body.data() + 1, 4);
      v1::PipelineResponse response;
      EXPECT_TRUE(response.ParseFromString(std::string(body.substr(kMessagePrefixBytes, bytes))));
      EXPECT_FALSE(response.has_error()) << response.id();
      ids.push_back(response.id());
      body.remove_prefix(kMessagePrefixBytes + bytes);
    }
    return ids;
  }
};

TEST_F(SlicedPipelineTest, OperationsAreAnsweredInOrderAndAsInOnePiece) {
  LoneService whole(kEndless);
  LoneClient whole_client(&whole);
  whole_client.Send(LoneClient::Call(1, "Pipeline", Operations()));
  whole_client.Finish();
  LoneService sliced(kTiny);
  LoneClient client(&sliced);
  LoneClient other(&sliced);
  client.Send(LoneClient::Call(1, "Pipeline", Operations()));
  size_t turns = 0;
  for (; client.connection().has_more() && turns < 100'000; ++turns) {
    client.Continue();
    const auto id = static_cast<uint32_t>(2 * turns + 1);
    other.Send(id, "Get", GetOf("absent"));
    ASSERT_EQ(other.StatusOf(id), "0");
  }
  EXPECT_GE(turns, 3 * kItems / 128u);
  EXPECT_EQ(client.StatusOf(1), "0");
  EXPECT_EQ(IdsOf(client.BodyOf(1)), (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_TRUE(client.BodyOf(1) == whole_client.BodyOf(1));
  EXPECT_EQ(sliced.inflight_.current(), 0u);
}

TEST_F(SlicedPipelineTest, ItEndsSafelyBetweenSlicesInWhateverWay) {
  const std::function<void(LoneClient&)> ends[] = {
      [](LoneClient& client) { client.Cut(); },
      [](LoneClient& client) {
        client.Send(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4)));
        client.Finish();
      },
      [](LoneClient& client) {
        client.Continue(std::chrono::steady_clock::now() + std::chrono::hours(2));
        EXPECT_EQ(client.StatusOf(1), "4");
        client.Finish();
      },
      [](LoneClient& client) {
        client.connection().Drain();
        client.Finish();
        EXPECT_EQ(client.StatusOf(1), "14");
        EXPECT_EQ(IdsOf(client.BodyOf(1)), (std::vector<uint64_t>{1, 2}));
      }};
  for (const auto& end : ends) {
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(LoneClient::Call(1, "Pipeline", Operations(), {{"grpc-timeout", "1H"}}));
    client.Continue();
    ASSERT_EQ(IdsOf(client.BodyOf(1)), std::vector<uint64_t>{1});
    end(client);
    EXPECT_EQ(service.inflight_.current(), 0u);
  }
}

TEST_F(SlicedPipelineTest, ItemsThatAreAnsweredLaterOutliveIt) {
  v1::PipelineRequest request;
  for (int i = 0; i < kItems; ++i) request.mutable_multi_get()->add_items()->set_key("a~");
  for (const bool is_cut : {false, true}) {
    LoneService service(kTiny);
    LoneClient client(&service);
    client.Send(1, "Pipeline", request.SerializeAsString());
    client.Continue();
    EXPECT_GT(service.cache_.waiting(), 0u);
    if (is_cut) {
      client.Cut();
      service.cache_.GoOn();
      service.calls_.mailbox()->Take();
    } else {
      client.Finish();
      service.cache_.GoOn();
      client.TakeLetters();
      EXPECT_EQ(client.StatusOf(1), "0");
      EXPECT_EQ(IdsOf(client.BodyOf(1)).size(), 1u);
    }
    EXPECT_EQ(service.inflight_.current(), 0u);
  }
}

TEST(SlicedCallsTest, LeaseTokensOfARequestInOneFrameMoveWithIt) {
  LoneService service(kTiny);
  LoneClient client(&service);
  v1::MultiSetRequest sets;
  for (int i = 0; i < 300; ++i) {
    auto* set = sets.add_items();
    set->set_key("k" + std::to_string(i));
    set->set_lease_token(std::string(32, 't'));
  }
  const std::string request = sets.SerializeAsString();
  ASSERT_LT(request.size(), 16384u - kMessagePrefixBytes);
  client.Send(1, "MultiSet", request);
  EXPECT_GE(client.Finish(), 2u);
  EXPECT_EQ(client.StatusOf(1), "0");
}

TEST_F(SlicedPipelineTest, GoesOnThoughTheNodeHasTooMuchUnread) {
  v1::PipelineRequest in;
  for (int i = 0; i < 10000; ++i) in.mutable_multi_get()->add_items()->set_key(KeyOf(i));
  LoneService service(kTiny);
  LoneClient client(&service);
  client.Send(1, "Pipeline", in.SerializeAsString());
  client.Continue();
  ByteShare others(&service.state_.unread);
  others.Report(size_t{600} << 20);
  client.Continue();
  others.Report(0);
  client.Finish();
  EXPECT_EQ(client.StatusOf(1), "0");
}

}  // namespace
}  // namespace larder::server
