#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/server/bus/bus_fixture.h"

namespace larder::server {
namespace {

using cluster::Ack;
using cluster::CopyChunk;
using cluster::LogBatch;
using cluster::ReplicaMessage;
using cluster::SourceMessage;
using ::testing::HasSubstr;

using BusExchangeTest = BusFixture;

Ack AckOf(uint64_t number) {
  Ack ack;
  ack.heartbeat_asked = number;
  return ack;
}

std::string Noise(size_t bytes) {
  std::string noise(bytes, '\0');
  uint64_t state = 88172645463325252;
  for (char& byte : noise) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return noise;
}

TEST_F(BusExchangeTest, MessagesArriveInOrderBothWays) {
  StartServer();
  const Pair pair = Open();
  constexpr uint64_t kMessages = 300;
  for (uint64_t i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(pair.source.heard->Send(
        pair.source.stream.get(), SourceMessage(LogBatch{i, i + 1, std::string(9 * i, 'b')})));
    ASSERT_TRUE(pair.replica.heard->Send(pair.replica.stream.get(), ReplicaMessage(AckOf(i))));
    // What was sent while nobody read is there.
    if (i % 3 != 0) continue;
    pair.source.stream->ReadNext();
    const auto ack = pair.source.heard->Next();
    ASSERT_TRUE(ack.has_value());
    EXPECT_EQ(std::get<Ack>(*ack).heartbeat_asked, i / 3);
  }
  for (uint64_t i = 0; i < kMessages; ++i) {
    const auto batch = pair.replica.heard->Next();
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(std::get<LogBatch>(*batch).from, i);
    EXPECT_EQ(std::get<LogBatch>(*batch).payload, std::string(9 * i, 'b'));
    pair.replica.stream->ReadNext();
  }
  EXPECT_EQ(counters_.messages_sent.load(), kMessages);
  EXPECT_EQ(client_counters_.messages_received.load(), kMessages);
  EXPECT_EQ(counters_.bytes_sent.load(), client_counters_.bytes_received.load());
  EXPECT_GT(counters_.compressed_bytes_saved.load(), 0u);
}

TEST_F(BusExchangeTest, LargeMessagesArriveAsTheyWere) {
  StartServer();
  const Pair pair = Open();
  const std::string payloads[] = {Noise(size_t{20} << 20), std::string(size_t{32} << 20, 'z')};
  for (const std::string& payload : payloads) {
    ASSERT_TRUE(
        pair.source.heard->Send(pair.source.stream.get(), SourceMessage(LogBatch{1, 2, payload})));
    const auto batch = pair.replica.heard->Next();
    ASSERT_TRUE(batch.has_value()) << pair.replica.heard->WaitUntilClosed();
    EXPECT_TRUE(std::get<LogBatch>(*batch).payload == payload);
    pair.replica.stream->ReadNext();
  }
  // The second one was all zeros but for their name.
  EXPECT_LT(counters_.bytes_sent.load(), size_t{21} << 20);
}

TEST_F(BusExchangeTest, BoundsFollowTheLargestRecord) {
  const size_t record = size_t{40} << 20;  // more than any message by default
  options_.BoundMessages(record);
  options_.compression.is_on = false;
  StartServer();
  const Pair pair = Open();
  const std::string cursor(options_.limits.cursor_bytes_max, 'c');
  const std::string payload(BusOptions::kBatchBytesMax + record, 'r');
  ASSERT_TRUE(pair.source.heard->Send(
      pair.source.stream.get(),
      SourceMessage(CopyChunk{cursor, cursor, UINT64_MAX, false, payload})));
  const auto chunk = pair.replica.heard->Next();
  ASSERT_TRUE(chunk.has_value()) << pair.replica.heard->WaitUntilClosed();
  EXPECT_TRUE(std::get<CopyChunk>(*chunk).payload == payload);
  pair.replica.stream->ReadNext();
  ASSERT_TRUE(pair.source.heard->Send(pair.source.stream.get(),
                                      SourceMessage(LogBatch{1, 2, payload + "more"})));
  EXPECT_FALSE(pair.replica.heard->WaitUntilClosed().ok());
}

TEST_F(BusExchangeTest, AReaderThatStallsHoldsTheSenderAndNotTheMemory) {
  options_.compression.is_on = false;
  StartServer();
  const Pair pair = Open();
  constexpr size_t kMessageBytes = size_t{256} << 10;
  constexpr uint64_t kMessages = 400;  // 100 MiB
  const std::string payload = Noise(kMessageBytes);
  uint64_t sent = 0;
  bool is_out = false;
  // Each round would have let one through; messages the other way prove that the connection goes
  // on.
  for (uint64_t round = 0; round < kMessages; ++round) {
    SourceMessage message(LogBatch{sent, sent + 1, payload});
    if (pair.source.stream->Send(&message)) ++sent;
    ASSERT_TRUE(pair.replica.heard->Send(pair.replica.stream.get(), ReplicaMessage(AckOf(round))));
    pair.source.stream->ReadNext();
    ASSERT_TRUE(pair.source.heard->Next().has_value());
  }
  EXPECT_LT(sent * kMessageBytes, size_t{32} << 20);
  // It reads again: what was sent is there, in order, and the rest comes.
  uint64_t received = 0;
  while (received < kMessages) {
    if (!is_out && sent < kMessages) {
      SourceMessage message(LogBatch{sent, sent + 1, payload});
      if (pair.source.stream->Send(&message)) ++sent;
      is_out = sent == kMessages;
    }
    if (received == sent) continue;
    const auto batch = pair.replica.heard->Next();
    ASSERT_TRUE(batch.has_value());
    ASSERT_EQ(std::get<LogBatch>(*batch).from, received);
    ++received;
    pair.replica.stream->ReadNext();
  }
}

TEST_F(BusExchangeTest, OneMessageIsTakenAtATime) {
  options_.compression.is_on = false;
  StartServer();
  const Pair pair = Open();
  // The first one is read; the second is larger than all windows, and nobody reads.
  ASSERT_TRUE(pair.source.heard->Send(pair.source.stream.get(), SourceMessage(LogBatch{})));
  ASSERT_TRUE(pair.replica.heard->Next().has_value());
  ASSERT_TRUE(pair.source.heard->Send(
      pair.source.stream.get(), SourceMessage(LogBatch{1, 2, std::string(size_t{30} << 20, 'x')})));
  SourceMessage third(LogBatch{2, 3, "kept"});
  EXPECT_FALSE(pair.source.stream->Send(&third));
  EXPECT_EQ(std::get<LogBatch>(third).payload, "kept");
  pair.replica.stream->ReadNext();
  ASSERT_TRUE(pair.replica.heard->Next().has_value());
  EXPECT_TRUE(pair.source.heard->Send(pair.source.stream.get(), third));
}

TEST_F(BusExchangeTest, TheLastMessageComesBeforeTheEndAndItsStatus) {
  StartServer();
  const Pair pair = Open();
  ASSERT_TRUE(pair.source.heard->Send(
      pair.source.stream.get(),
      SourceMessage(cluster::Refuse{cluster::Refuse::Reason::kNotReady, "not now", {}})));
  pair.source.stream->Close(absl::FailedPreconditionError("it was refused"));
  const auto refuse = pair.replica.heard->Next();
  ASSERT_TRUE(refuse.has_value());
  EXPECT_EQ(std::get<cluster::Refuse>(*refuse).detail, "not now");
  pair.replica.stream->ReadNext();
  const absl::Status end = pair.replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(end.message(), "the bus at " + server_->endpoint().ToString() + ": it was refused");
  EXPECT_EQ(pair.source.heard->WaitUntilClosed(), absl::FailedPreconditionError("it was refused"));
}

TEST_F(BusExchangeTest, AReplicaThatClosesIsGoneForTheSource) {
  StartServer();
  const Pair pair = Open();
  pair.replica.stream->Close(absl::AbortedError("enough"));
  EXPECT_EQ(pair.replica.heard->WaitUntilClosed(), absl::AbortedError("enough"));
  EXPECT_EQ(pair.source.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
  server_->Stop();
  EXPECT_EQ(Ended(counters_, StreamEnd::kByPeer), 1u);
  EXPECT_EQ(Ended(client_counters_, StreamEnd::kClosedHere), 1u);
  // Nothing of it does harm afterwards.
  ReplicaMessage late(AckOf(1));
  EXPECT_FALSE(pair.replica.stream->Send(&late));
  pair.replica.stream->ReadNext();
  pair.replica.stream->Close(absl::OkStatus());
  pair.source.stream->ReadNext();
  pair.source.stream->Close(absl::OkStatus());
  EXPECT_FALSE(pair.replica.heard->is_out_of_order());
  EXPECT_FALSE(pair.source.heard->is_out_of_order());
}

TEST_F(BusExchangeTest, AnAcceptorMayTakeNoReplica) {
  StartServer();
  acceptor_.set_refuses(true);
  const Follower replica = Connect(server_->endpoint());
  ASSERT_TRUE(replica.heard->Send(replica.stream.get(), ReplicaMessage(SomeHello())));
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(end.message()), HasSubstr("takes no replica now"));
}

TEST_F(BusExchangeTest, AHelloOfAnotherVersionReachesWhoRefusesIt) {
  StartServer();
  const Follower replica = Connect(server_->endpoint());
  cluster::Hello hello = SomeHello();
  hello.version = 99;
  ASSERT_TRUE(replica.heard->Send(replica.stream.get(), ReplicaMessage(hello)));
  const auto link = acceptor_.Next();
  EXPECT_EQ(std::get<cluster::Hello>(*link.heard->Next()).version, 99u);
}

}  // namespace
}  // namespace larder::server
