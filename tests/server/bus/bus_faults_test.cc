#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "tests/server/bus/bus_fixture.h"
#include "tests/server/client_socket.h"

namespace larder::server {
namespace {

using cluster::Ack;
using cluster::LogBatch;
using cluster::ReplicaMessage;
using cluster::SourceMessage;
using ::testing::HasSubstr;

class BusFaultsTest : public BusFixture {
 protected:
  // The bus serves as before.
  void ExpectGood() {
    const Pair pair = Open();
    ASSERT_TRUE(
        pair.source.heard->Send(pair.source.stream.get(), SourceMessage(LogBatch{1, 2, "good"})));
    ASSERT_TRUE(pair.replica.heard->Next().has_value());
    pair.replica.stream->Close(absl::OkStatus());
    (void)pair.source.heard->WaitUntilClosed();
  }
};

TEST_F(BusFaultsTest, GarbageOnTheBusPortEndsItsConnectionOnly) {
  StartServer();
  for (const char* const bytes :
       {"\x00\xff\x13 garbage\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"}) {
    ClientSocket socket(server_->endpoint());
    ASSERT_TRUE(socket.is_connected());
    socket.Send(std::string(bytes) + std::string(64, 'x'));
    (void)socket.ReadAll();  // ends
  }
  ExpectGood();
  EXPECT_EQ(counters_.streams_opened.load(), 1u);
}

TEST_F(BusFaultsTest, AStreamBeginsWithHello) {
  StartServer();
  const Follower replica = Connect(server_->endpoint());
  ASSERT_TRUE(replica.heard->Send(replica.stream.get(), ReplicaMessage(Ack{})));
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(end.message()), HasSubstr("begins with Hello, not with Ack"));
  server_->Stop();
  EXPECT_EQ(Ended(counters_, StreamEnd::kBadMessage), 1u);
}

TEST_F(BusFaultsTest, AMessageThatCanNotBeEndsTheStream) {
  StartServer();
  const Follower replica = Connect(server_->endpoint());
  cluster::Hello hello = SomeHello();
  hello.endpoint = std::string(600, 'e');
  ASSERT_TRUE(replica.heard->Send(replica.stream.get(), ReplicaMessage(hello)));
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(end.message()), HasSubstr("Hello.endpoint: 600 bytes; at most 512"));
}

TEST_F(BusFaultsTest, AReplicaEndsTheStreamOfASourceThatSaysWhatCanNotBe) {
  StartServer();
  const Pair pair = Open();
  ASSERT_TRUE(pair.source.heard->Send(pair.source.stream.get(), SourceMessage(LogBatch{5, 4, ""})));
  EXPECT_EQ(pair.replica.heard->WaitUntilClosed(),
            absl::InvalidArgumentError("LogBatch.to: 4, below `from`, 5"));
  EXPECT_EQ(pair.source.heard->WaitUntilClosed().code(), absl::StatusCode::kUnavailable);
  client_.reset();
  EXPECT_EQ(Ended(client_counters_, StreamEnd::kBadMessage), 1u);
}

TEST_F(BusFaultsTest, WithoutHelloInTimeAStreamEnds) {
  options_.hello_timeout = absl::Milliseconds(50);
  StartServer();
  const Follower replica = Connect(server_->endpoint());
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(end.message()), HasSubstr("no Hello came in time"));
  server_->Stop();
  EXPECT_EQ(Ended(counters_, StreamEnd::kNotOpened), 1u);
}

TEST_F(BusFaultsTest, AMessageThatIsTooLargeEndsTheStream) {
  options_.message_bytes_max = 10000;
  options_.compression.is_on = false;
  StartServer();
  const Pair pair = Open();
  ASSERT_TRUE(pair.source.heard->Send(pair.source.stream.get(),
                                      SourceMessage(LogBatch{1, 2, std::string(10001, 'x')})));
  const absl::Status end = pair.replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(end.message()), HasSubstr("vs. 10000"));
  EXPECT_THAT(std::string(end.message()), HasSubstr("--max_value_bytes"));
  EXPECT_FALSE(pair.source.heard->WaitUntilClosed().ok());
}

// However large a source's messages may be. It is never parsed: its cursor alone would be refused
// then, in other words.
TEST_F(BusFaultsTest, AHelloThatIsTooLargeEndsTheStream) {
  StartServer();
  const Follower replica = Connect(server_->endpoint());
  cluster::Hello hello = SomeHello();
  hello.copy.emplace();
  hello.copy->cursor = std::string(options_.request_bytes_max + 1, 'c');
  ASSERT_TRUE(replica.heard->Send(replica.stream.get(), ReplicaMessage(hello)));
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(end.message()), HasSubstr("larger than max"));
  server_->Stop();
  EXPECT_EQ(counters_.messages_received.load(), 0u);
}

TEST_F(BusFaultsTest, TheLargestHelloThatIsWellFormedIsTaken) {
  StartServer();
  const Follower replica = Connect(server_->endpoint());
  cluster::Hello hello = SomeHello();
  hello.endpoint = std::string(options_.limits.endpoint_bytes_max, 'e');
  cluster::Epoch epoch{cluster::Epoch::kNumberMax - 100, cluster::Epoch::kNumberMax, hello.node};
  for (size_t i = 0; i < cluster::History::kEpochsMax; ++i) {
    epoch = epoch.NextTerm(hello.node);
    hello.history.Begin(epoch, (uint64_t{1} << 62) + i);
  }
  hello.fence = epoch;
  hello.position = {epoch, UINT64_MAX};
  const std::string cursor(options_.limits.cursor_bytes_max, 'c');
  hello.copy = {UINT64_MAX, *hello.position, cursor, hello.position, cursor, *hello.position};
  ASSERT_TRUE(replica.heard->Send(replica.stream.get(), ReplicaMessage(hello)));
  const auto heard = acceptor_.Next().heard->Next();
  ASSERT_TRUE(heard.has_value());
  EXPECT_EQ(std::get<cluster::Hello>(*heard).copy->cursor, cursor);
  server_->Stop();
}

TEST_F(BusFaultsTest, TheSecretMustBeTheSame) {
  options_.cluster_secret = "a secret of sixteen bytes";
  StartServer();
  ExpectGood();
  BusOptions other = options_;
  other.cluster_secret = "a secret of sixteen byteS";
  Follower replica = ConnectWith(other, server_->endpoint());
  absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(end.message()), HasSubstr("another cluster secret"));
  other.cluster_secret = "";
  replica = ConnectWith(other, server_->endpoint());
  end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(end.message()), HasSubstr("none was given"));
  EXPECT_EQ(Refused(counters_, StreamRefusal::kSecret), 2u);
  EXPECT_EQ(counters_.streams_opened.load(), 1u);
}

TEST_F(BusFaultsTest, StreamsAreBounded) {
  options_.streams_max = 2;
  StartServer();
  auto first = BusClient::Create(options_, &client_counters_);
  std::vector<std::shared_ptr<ReplicaRecorder>> heard;
  std::vector<std::shared_ptr<ReplicaStream>> streams;
  for (int i = 0; i < 2; ++i) {
    heard.push_back(std::make_shared<ReplicaRecorder>());
    streams.push_back(*first->Connect(server_->endpoint(), heard.back()));
    ASSERT_TRUE(heard.back()->WaitUntilItCanSend());
  }
  const Follower third = Connect(server_->endpoint());
  const absl::Status end = third.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(end.message()), HasSubstr("2 streams, as many as it may"));
  EXPECT_EQ(Refused(counters_, StreamRefusal::kTooMany), 1u);
  first.reset();
}

TEST_F(BusFaultsTest, WhatCanNotBeReachedIsNamed) {
  StartServer();
  const Endpoint gone = server_->endpoint();
  server_.reset();
  const Follower replica = Connect(gone);
  const absl::Status end = replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(end.message()),
              HasSubstr("the bus at " + gone.ToString() + ": it cannot be reached"));
  client_.reset();
  EXPECT_EQ(Ended(client_counters_, StreamEnd::kNotOpened), 1u);
  EXPECT_EQ(client_counters_.streams_opened.load(), 0u);
}

TEST_F(BusFaultsTest, ShutdownEndsOpenStreams) {
  StartServer();
  const Pair pair = Open();
  server_->Stop();
  EXPECT_TRUE(pair.source.heard->is_closed());
  const absl::Status end = pair.replica.heard->WaitUntilClosed();
  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(end.message()), HasSubstr("the node is shutting down"));
  EXPECT_EQ(Ended(counters_, StreamEnd::kShutdown), 1u);
}

TEST_F(BusFaultsTest, ShutdownDoesNotWaitForAReaderThatStalls) {
  options_.close_grace = absl::Milliseconds(50);
  options_.compression.is_on = false;
  StartServer();
  const Pair pair = Open();
  // The first one is read; the second is larger than all windows, and nobody reads.
  ASSERT_TRUE(pair.source.heard->Send(pair.source.stream.get(), SourceMessage(LogBatch{})));
  ASSERT_TRUE(pair.replica.heard->Next().has_value());
  ASSERT_TRUE(pair.source.heard->Send(
      pair.source.stream.get(), SourceMessage(LogBatch{1, 2, std::string(size_t{30} << 20, 'x')})));
  server_->Stop();
  EXPECT_TRUE(pair.source.heard->is_closed());
  pair.replica.stream->ReadNext();
  EXPECT_FALSE(pair.replica.heard->WaitUntilClosed().ok());
}

// Cuts at every point: whoever closes does so in the middle of reads and writes of both sides.
TEST_F(BusFaultsTest, ACutAtAnyPointEndsBothSidesOnce) {
  options_.close_grace = absl::Milliseconds(200);
  StartServer();
  for (int cut = 0; cut < 60; ++cut) {
    const Pair pair = Open();
    std::thread sender([&pair] {
      const std::string payload(size_t{64} << 10, 'p');
      for (uint64_t i = 0;; ++i) {
        if (!pair.source.heard->Send(pair.source.stream.get(),
                                     SourceMessage(LogBatch{i, i + 1, payload}))) {
          return;
        }
      }
    });
    std::thread acknowledger([&pair, cut] {
      for (int i = 0; pair.replica.heard->Next().has_value(); ++i) {
        pair.replica.stream->ReadNext();
        if (i == cut) {
          if (cut % 2 == 0) pair.replica.stream->Close(absl::OkStatus());
          if (cut % 2 == 1) pair.source.stream->Close(absl::AbortedError("cut"));
        }
        (void)pair.replica.heard->Send(pair.replica.stream.get(), ReplicaMessage(Ack{}));
        pair.source.stream->ReadNext();
      }
    });
    sender.join();
    acknowledger.join();
    (void)pair.source.heard->WaitUntilClosed();
    (void)pair.replica.heard->WaitUntilClosed();
    ASSERT_FALSE(pair.source.heard->is_out_of_order());
    ASSERT_FALSE(pair.replica.heard->is_out_of_order());
  }
}

}  // namespace
}  // namespace larder::server
