#include "server/metrics/transport_metrics.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr LoopTime kNow{std::chrono::seconds(1000)};
constexpr uint8_t kEnd = http2::kEndStream;

// Answers with a message of 100 KB, more than a window.
class Large final : public UnaryMethod {
 public:
  void Run(std::string_view, RpcCall& call) override {
    call.SendMessage(std::string(100'000, 'v'));
    call.Finish(absl::OkStatus());
  }
};

class TransportMetricsTest : public testing::Test {
 protected:
  TransportMetricsTest() {
    methods_.Add("/test/Large", std::make_unique<Large>());
    limits_.session.streams_max = 2;
    limits_.request_bytes_max = 1000;
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    Feed(Hello());
  }

  bool Feed(const std::string& bytes) { return connection_->Receive(bytes, kNow); }
  static std::string Request(uint32_t id, const std::string& timeout = "1H") {
    Fields fields = RequestFields("/test/Large");
    fields.emplace_back("grpc-timeout", timeout);
    return Headers(id, fields);
  }

  TransportState state_;
  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_{&state_};
  std::unique_ptr<RpcConnection> connection_;
  const TransportMetrics& metrics_ = state_.metrics;
};

TEST_F(TransportMetricsTest, ResetStreamsAreCountedByReason) {
  ASSERT_TRUE(Feed(Request(1) + Request(3) + Request(5) + Request(7)));
  EXPECT_EQ(metrics_.Read(StreamReset::kMaxStreams), 2u);
  ASSERT_TRUE(Feed(WindowUpdate(3, 0)));
  EXPECT_EQ(metrics_.Read(StreamReset::kProtocolError), 1u);
  ASSERT_TRUE(Feed(Data(1, Message("x"), kEnd)));
  connection_->OnSecondsPassed(31, absl::Seconds(30));
  EXPECT_EQ(metrics_.Read(StreamReset::kUnreadTimeout), 1u);
  EXPECT_EQ(metrics_.Read(StreamReset::kDeadline), 0u);
  ASSERT_TRUE(Feed(Request(9, "1S") + Data(9, Message("x"), kEnd)));
  connection_->ExpireCalls(kNow + std::chrono::seconds(2));
  EXPECT_EQ(metrics_.Read(StreamReset::kDeadline), 1u);
  connection_->Drain();
  ASSERT_TRUE(Feed(Request(11)));
  EXPECT_EQ(metrics_.Read(StreamReset::kGoaway), 1u);
}

TEST_F(TransportMetricsTest, CallsThatNoMethodSeesAreCountedByCode) {
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/None"))));
  ASSERT_TRUE(Feed(Request(3) + Data(3, Message(std::string(1001, 'x')), kEnd)));
  ASSERT_TRUE(Feed(Request(5, "1x")));
  ASSERT_TRUE(Feed(Request(7, "1S")));
  connection_->ExpireCalls(kNow + std::chrono::seconds(2));
  EXPECT_EQ(metrics_.ReadRefused(absl::StatusCode::kUnimplemented), 1u);
  EXPECT_EQ(metrics_.ReadRefused(absl::StatusCode::kResourceExhausted), 1u);
  EXPECT_EQ(metrics_.ReadRefused(absl::StatusCode::kInvalidArgument), 1u);
  EXPECT_EQ(metrics_.ReadRefused(absl::StatusCode::kDeadlineExceeded), 1u);
  ASSERT_TRUE(Feed(Request(9) + Data(9, Message("x"), kEnd)));
  EXPECT_EQ(metrics_.ReadRefused(absl::StatusCode::kOk), 0u);
}

TEST_F(TransportMetricsTest, AFailedConnectionSaysWhy) {
  EXPECT_FALSE(Feed("this is no frame of HTTP/2 at all"));
  EXPECT_EQ(connection_->failure(), ConnectionEnd::kProtocolError);
  connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
  ASSERT_TRUE(Feed(Hello()));
  const std::string ping = Frame(http2::FrameType::kPing, 0, 0, "12345678");
  for (int i = 0; i < 10000 && Feed(ping); ++i) {
  }
  EXPECT_EQ(connection_->failure(), ConnectionEnd::kFlood);
}

}  // namespace
}  // namespace larder::server
