// Requests that a connection keeps, since they are incomplete or wait for their client to read:
// what they may take, and what becomes of a connection that fails while it goes on with them.

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/rpc/rpc_connection.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;
constexpr LoopTime kNow{std::chrono::seconds(1000)};
constexpr size_t kFrameBytes = 16384;

// Answers short messages with themselves, long ones not at all.
class ShortEchoCall final : public EchoCall {
 public:
  explicit ShortEchoCall(RpcCall* call) : EchoCall(call) {}
  void OnMessage(std::string_view message) override {
    if (message.size() < 100) EchoCall::OnMessage(message);
  }
};

class KeptRequestsTest : public testing::Test {
 protected:
  KeptRequestsTest() {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    methods_.Add("/test/Stream", std::make_unique<EchoStream<ShortEchoCall>>());
  }

  void Connect(std::vector<std::pair<http2::Setting, uint32_t>> settings = {}) {
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    ASSERT_TRUE(Feed(Hello(std::move(settings))));
  }
  bool Feed(const std::string& bytes) {
    bool goes_on = connection_->Receive(bytes, kNow);
    while (goes_on && connection_->has_more()) goes_on = connection_->Continue(kNow);
    while (!connection_->output().empty()) {
      const std::string sent(connection_->output().unsent());
      connection_->output().MarkSent(sent.size());
      answers_.Add(sent);
      sent_ += sent;
      connection_->OnOutputSent();
    }
    return goes_on;
  }
  std::string StatusOf(uint32_t id) { return answers_[id].fields["grpc-status"]; }
  bool HasSent(http2::FrameType type) {
    for (const SentFrame& frame : FramesOf(sent_)) {
      if (frame.type == type) return true;
    }
    return false;
  }

  RpcMethods methods_;
  RpcLimits limits_;
  TransportState state_{size_t{256} << 20, size_t{512} << 20};
  RpcCallPool calls_{&state_};
  Answers answers_;
  std::string sent_;
  std::unique_ptr<RpcConnection> connection_;
};

// Each claims much, sends one byte of it, and the rest in later frames.
TEST_F(KeptRequestsTest, LaterFramesOfAMessageCountForTheBoundOfTheConnection) {
  limits_.buffered_bytes_max = 5 * kFrameBytes;
  Connect();
  const std::string message = Message(std::string(20 * kFrameBytes, 'x'));
  const std::string first = message.substr(0, kMessagePrefixBytes + 1);
  for (const uint32_t id : {1, 3}) {
    ASSERT_TRUE(Feed(Headers(id, RequestFields("/test/Echo")) + Data(id, first)));
  }
  const std::string more(kFrameBytes, 'x');
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Feed(Data(1, more)));
  EXPECT_EQ(StatusOf(1), "");
  ASSERT_TRUE(Feed(Data(1, more)));
  EXPECT_EQ(StatusOf(1), "8");
  // What it held has gone with it.
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Feed(Data(3, more)));
  EXPECT_EQ(StatusOf(3), "");
}

TEST_F(KeptRequestsTest, LaterFramesOfAMessageCountForTheBoundOfTheNode) {
  TransportState small(6 * kFrameBytes, size_t{1} << 30);
  RpcCallPool calls(&small);
  connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls);
  ASSERT_TRUE(Feed(Hello()));
  const std::string message = Message(std::string(20 * kFrameBytes, 'x'));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Echo")) +
                   Data(1, message.substr(0, kMessagePrefixBytes + 1))));
  int frames = 0;
  for (; frames < 10 && StatusOf(1).empty(); ++frames) {
    ASSERT_TRUE(Feed(Data(1, std::string(kFrameBytes, 'x'))));
    connection_->ReportBytes();
  }
  EXPECT_EQ(StatusOf(1), "8");
  EXPECT_LE(frames, 7);
  connection_.reset();
}

TEST_F(KeptRequestsTest, AMessageInManyFramesIsRunWhenItIsWhole) {
  Connect({{http2::Setting::kInitialWindowSize, 1 << 20}});
  const std::string message = Message(std::string(40 * 100, 'x'));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Echo"))));
  for (size_t at = 0; at < message.size(); at += 100) {
    ASSERT_TRUE(Feed(Data(1, message.substr(at, 100), at + 100 >= message.size() ? kEnd : 0)));
  }
  EXPECT_EQ(answers_[1].body, message);
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(KeptRequestsTest, AConnectionThatFailsWhileItResumesSaysSoAndEndsItsCalls) {
  limits_.request_bytes_max = 16 << 20;
  Connect({{http2::Setting::kInitialWindowSize, 0}});
  Fields fields = RequestFields("/test/Stream");
  fields.emplace_back("grpc-encoding", "gzip");
  ASSERT_TRUE(Feed(Headers(1, fields) + Data(1, Message("waits for its client"))));
  // Held, for the answer before is not read; each counts as some thousand frames of a flood.
  const std::string bomb = Message(Gzipped(std::string(16 << 20, 'z')), true);
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(Feed(Data(1, bomb.substr(0, 16000)) + Data(1, bomb.substr(16000))));
  EXPECT_FALSE(HasSent(http2::FrameType::kGoaway));
  EXPECT_FALSE(Feed(WindowUpdate(1, 1000)));
  EXPECT_TRUE(HasSent(http2::FrameType::kGoaway));
  EXPECT_TRUE(connection_->has_failed());
  EXPECT_TRUE(connection_->is_idle());
  EXPECT_EQ(connection_->failure(), ConnectionEnd::kFlood);
}

}  // namespace
}  // namespace larder::server
