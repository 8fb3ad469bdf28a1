#include <gmock/gmock.h>

#include <string>
#include <utility>

#include "cluster/wire/replication_decoder.h"
#include "cluster/wire/replication_encoder.h"
#include "larder/peer/v1/replication.pb.h"
#include "tests/cluster/wire/random_messages.h"

namespace larder::cluster {
namespace {

namespace v1 = peer::v1;
using ::testing::HasSubstr;

constexpr int kRounds = 3000;

Hello SomeHello() {
  Hello hello;
  hello.node = {1, 2};
  hello.endpoint = "10.0.0.1:7600";
  return hello;
}

// As it comes from another node: through bytes.
template <typename Wire, typename Message>
Wire Sent(ReplicationEncoder* encoder, Message message) {
  Wire wire;
  encoder->Encode(std::move(message), &wire);
  Wire received;
  EXPECT_TRUE(received.ParseFromString(wire.SerializeAsString()));
  return received;
}

v1::FollowRequest SomeRequest(ReplicaMessage message) {
  ReplicationEncoder encoder({});
  return Sent<v1::FollowRequest>(&encoder, std::move(message));
}
v1::FollowResponse SomeResponse(SourceMessage message) {
  ReplicationEncoder encoder({});
  return Sent<v1::FollowResponse>(&encoder, std::move(message));
}

template <typename Wire>
std::string WhyRefused(Wire wire, WireLimits limits = {}) {
  ReplicationDecoder decoder(limits);
  const auto decoded = decoder.Decode(&wire);
  if (decoded.ok()) return "it was not refused";
  EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

TEST(ReplicationCodecTest, MessagesOfAReplicaArriveAsTheyWere) {
  RandomMessages random(14);
  ReplicationEncoder encoder({});
  ReplicationDecoder decoder({});
  for (int round = 0; round < kRounds; ++round) {
    const ReplicaMessage message = random.OfReplica();
    auto wire = Sent<v1::FollowRequest>(&encoder, message);
    const auto decoded = decoder.Decode(&wire);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_TRUE(AreEqual(*decoded, message)) << MessageText(message);
  }
}

TEST(ReplicationCodecTest, MessagesOfASourceArriveAsTheyWere) {
  RandomMessages random(15);
  ReplicationEncoder encoder({.failures_max = 1000000});
  ReplicationDecoder decoder({});
  for (int round = 0; round < kRounds; ++round) {
    const SourceMessage message = random.OfSource();
    auto wire = Sent<v1::FollowResponse>(&encoder, message);
    const auto decoded = decoder.Decode(&wire);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_TRUE(AreEqual(*decoded, message)) << MessageText(message);
  }
  EXPECT_GT(encoder.saved_bytes(), 0u);
}

TEST(ReplicationCodecTest, NoCutMessageIsTakenForAWholeOne) {
  RandomMessages random(16);
  for (int round = 0; round < 100; ++round) {
    const std::string whole = SomeResponse(random.OfSource()).SerializeAsString();
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      v1::FollowResponse cut;
      // The outer message is one field with a length, so nothing that is cut is whole.
      ASSERT_EQ(cut.ParseFromString(whole.substr(0, bytes)), bytes == 0) << bytes;
    }
  }
}

TEST(ReplicationCodecTest, ABrokenMessageDoesNoHarm) {
  RandomMessages random(17);
  ReplicationDecoder decoder({});
  int decoded = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = SomeResponse(random.OfSource()).SerializeAsString();
    if (bytes.empty()) continue;
    bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    v1::FollowResponse wire;
    if (wire.ParseFromString(bytes) && decoder.Decode(&wire).ok()) ++decoded;
  }
  EXPECT_GT(decoded, 0);
}

TEST(ReplicationCodecTest, NoMessageIsRefused) {
  EXPECT_THAT(WhyRefused(v1::FollowRequest()), HasSubstr("or of none"));
  EXPECT_THAT(WhyRefused(v1::FollowResponse()), HasSubstr("or of none"));
}

TEST(ReplicationCodecTest, NodeIdsHaveSixteenBytesAndAreSomebodys) {
  auto hello = SomeRequest(SomeHello());
  hello.mutable_hello()->set_node_id("abc");
  EXPECT_EQ(WhyRefused(hello), "Hello.node_id: 3 bytes; a node id has 16");
  hello.mutable_hello()->set_node_id(std::string(17, 'a'));
  EXPECT_EQ(WhyRefused(hello), "Hello.node_id: 17 bytes; a node id has 16");
  hello.mutable_hello()->set_node_id(std::string(16, '\0'));
  EXPECT_EQ(WhyRefused(hello), "Hello.node_id: a node id of zeros, which is nobody's");
}

TEST(ReplicationCodecTest, AHelloOfAnotherVersionHasItsVersionAndNode) {
  auto wire = SomeRequest(SomeHello());
  wire.mutable_hello()->set_version(7);
  wire.mutable_hello()->mutable_fence()->set_term(0);  // would be wrong in ours
  ReplicationDecoder decoder({});
  const auto decoded = decoder.Decode(&wire);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(std::get<Hello>(*decoded).version, 7u);
  EXPECT_EQ(std::get<Hello>(*decoded).node, (NodeId{1, 2}));
  wire.mutable_hello()->set_version(0);
  EXPECT_EQ(WhyRefused(wire), "Hello.version: it is missing");
}

TEST(ReplicationCodecTest, EpochsAreSetWhereTheyMustBe) {
  auto begins = SomeResponse(EpochBegins{{1, 0, {1, 1}}, 5});
  begins.mutable_epoch_begins()->clear_epoch();
  EXPECT_EQ(WhyRefused(begins), "EpochBegins.epoch: an epoch is missing, or its term is 0");
  auto ack = SomeRequest(Ack{});
  ack.mutable_ack()->mutable_applied()->set_sequence(4);
  EXPECT_EQ(WhyRefused(ack), "Ack.applied: an epoch is missing, or its term is 0");
  begins.mutable_epoch_begins()->mutable_epoch()->set_term(UINT64_MAX);
  EXPECT_EQ(WhyRefused(begins),
            "EpochBegins.epoch: an epoch with the number 18446744073709551615; the limit is "
            "4611686018427387904");
  auto hello = SomeRequest(SomeHello());
  hello.mutable_hello()->mutable_fence()->set_term(3);
  EXPECT_EQ(WhyRefused(hello), "Hello.fence: 0 bytes; a node id has 16");
}

TEST(ReplicationCodecTest, AHistoryRisesAndIsBounded) {
  auto hello = SomeRequest(SomeHello());
  v1::History* const history = hello.mutable_hello()->mutable_history();
  const auto add = [history](uint64_t term, uint64_t first) {
    v1::History::Beginning* const beginning = history->add_beginnings();
    beginning->mutable_epoch()->set_term(term);
    beginning->mutable_epoch()->set_node_id(std::string(16, 'n'));
    beginning->set_first(first);
  };
  add(2, 10);
  add(1, 20);
  EXPECT_THAT(WhyRefused(hello), HasSubstr("Hello.history: a history whose epochs do not rise"));
  history->clear_beginnings();
  add(1, 10);
  add(2, 9);
  EXPECT_THAT(WhyRefused(hello), HasSubstr("Hello.history: a history whose sequences fall"));
  history->clear_beginnings();
  for (uint64_t term = 1; term <= 65; ++term) add(term, term);
  EXPECT_EQ(WhyRefused(hello), "Hello.history: 65 epochs; a history has at most 64");
}

TEST(ReplicationCodecTest, TextsAndCursorsAreBounded) {
  const WireLimits limits{.cursor_bytes_max = 10, .endpoint_bytes_max = 13, .detail_bytes_max = 5};
  Hello hello = SomeHello();
  const Position some{{1, 0, {1, 1}}, 5};
  hello.copy = CopyProgress{1, some, std::string(11, 'c'), std::nullopt, "", some};
  EXPECT_EQ(WhyRefused(SomeRequest(hello), limits), "Hello.copy.cursor: 11 bytes; at most 10");
  hello.copy->cursor = "";
  hello.copy->older_cursor = std::string(11, 'c');
  EXPECT_EQ(WhyRefused(SomeRequest(hello), limits),
            "Hello.copy.older_cursor: 11 bytes; at most 10");
  hello.endpoint += "1";
  EXPECT_EQ(WhyRefused(SomeRequest(hello), limits), "Hello.endpoint: 14 bytes; at most 13");
  hello.endpoint = "a\nb";
  EXPECT_EQ(WhyRefused(SomeRequest(hello), limits),
            "Hello.endpoint: a byte that is not printable ASCII");
  hello.endpoint = "sm\xc3\xb6rg:7600";
  EXPECT_EQ(WhyRefused(SomeRequest(hello), limits),
            "Hello.endpoint: a byte that is not printable ASCII");
  EXPECT_EQ(WhyRefused(SomeResponse(Refuse{Refuse::Reason::kSelf, "123456", {}}), limits),
            "Refuse.detail: 6 bytes; at most 5");
  EXPECT_EQ(WhyRefused(SomeResponse(CopyChunk{std::string(11, 'b'), "", 0, false, ""}), limits),
            "CopyChunk.begin: 11 bytes; at most 10");
  EXPECT_EQ(WhyRefused(SomeResponse(CopyChunk{"", std::string(11, 'b'), 0, false, ""}), limits),
            "CopyChunk.end: 11 bytes; at most 10");
  Welcome welcome;
  welcome.node = {1, 1};
  welcome.cursor = std::string(11, 'b');
  EXPECT_EQ(WhyRefused(SomeResponse(welcome), limits), "Welcome.cursor: 11 bytes; at most 10");
  welcome.cursor.clear();
  welcome.detail = "123456";
  EXPECT_EQ(WhyRefused(SomeResponse(welcome), limits), "Welcome.detail: 6 bytes; at most 5");
  welcome.detail = "a\nb";
  EXPECT_EQ(WhyRefused(SomeResponse(welcome), limits),
            "Welcome.detail: a byte that is not printable ASCII");
}

TEST(ReplicationCodecTest, UnknownEnumValuesAreNamed) {
  Welcome some;
  some.node = {1, 1};
  auto welcome = SomeResponse(some);
  for (const int kind : {0, 5, 99}) {
    welcome.mutable_welcome()->set_kind(static_cast<v1::StreamKind>(kind));
    EXPECT_EQ(WhyRefused(welcome),
              "Welcome.kind: " + std::to_string(kind) + ", which is not known here");
  }
  auto refuse = SomeResponse(Refuse{});
  refuse.mutable_refuse()->set_reason(static_cast<v1::RefuseReason>(10));
  EXPECT_EQ(WhyRefused(refuse), "Refuse.reason: 10, which is not known here");
  auto batch = SomeResponse(LogBatch{1, 2, "abc"});
  batch.mutable_log_batch()->mutable_payload()->set_compression(static_cast<v1::Compression>(3));
  EXPECT_EQ(WhyRefused(batch), "LogBatch.payload: compression 3, which is not known here");
}

TEST(ReplicationCodecTest, ChainsTimesAndRangesAreBounded) {
  auto heartbeat = SomeResponse(Heartbeat{});
  for (int i = 0; i < 17; ++i) heartbeat.mutable_heartbeat()->add_chain(std::string(16, 'n'));
  EXPECT_EQ(WhyRefused(heartbeat), "it was not refused");
  heartbeat.mutable_heartbeat()->add_chain(std::string(16, 'n'));
  EXPECT_EQ(WhyRefused(heartbeat), "Heartbeat.chain: 18 nodes; at most 17");
  heartbeat = SomeResponse(Heartbeat{});
  heartbeat.mutable_heartbeat()->set_age_ms(~uint64_t{0});
  EXPECT_EQ(WhyRefused(heartbeat), "Heartbeat.age_ms: 18446744073709551615; at most 3153600000000");
  heartbeat = SomeResponse(Heartbeat{});
  heartbeat.mutable_heartbeat()->set_shard_time_ms(253402300800000);
  EXPECT_EQ(WhyRefused(heartbeat),
            "Heartbeat.shard_time_ms: 253402300800000; at most 253402300799999");
  EXPECT_EQ(WhyRefused(SomeResponse(LogBatch{2, 1, ""})), "LogBatch.to: 1, below `from`, 2");
}

TEST(ReplicationCodecTest, WhatIsKeptHasNoPayload) {
  auto chunk = SomeResponse(CopyChunk{"a", "b", 1, false, "payload"});
  chunk.mutable_copy_chunk()->set_keep(true);
  EXPECT_EQ(WhyRefused(chunk), "CopyChunk.payload: one of what is kept");
}

TEST(ReplicationCodecTest, PayloadsAreBoundedAndTruthful) {
  auto plain = SomeResponse(LogBatch{1, 2, "12345"});
  EXPECT_EQ(WhyRefused(plain, {.payload_bytes_max = 4}),
            "LogBatch.payload: 5 bytes; at most 4 (is --max_value_bytes lower here than there?)");
  plain.mutable_log_batch()->mutable_payload()->set_uncompressed_bytes(5);
  EXPECT_EQ(WhyRefused(plain), "LogBatch.payload: a size of what is not compressed");
  const auto packed = SomeResponse(LogBatch{1, 2, std::string(100000, 'z')});
  ASSERT_EQ(packed.log_batch().payload().compression(), v1::COMPRESSION_ZSTD);
  EXPECT_EQ(WhyRefused(packed, {.payload_bytes_max = 99999}),
            "LogBatch.payload: 100000 bytes; at most 99999 (is --max_value_bytes lower here than "
            "there?)");
}

}  // namespace
}  // namespace larder::cluster
