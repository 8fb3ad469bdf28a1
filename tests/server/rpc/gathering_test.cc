// Messages of a stream that come together are run together: in order, each once, and never when
// what they borrow from has gone.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;
constexpr LoopTime kNow{std::chrono::seconds(1000)};

// What was done with streams.
struct StreamLog {
  std::vector<std::string> messages;
  std::vector<size_t> announced;  // how many each time
  int pauses = 0;
};

class LoggedCall final : public EchoCall {
 public:
  LoggedCall(RpcCall* call, StreamLog* log) : EchoCall(call), log_(log) {}

  void OnComing(absl::Span<const std::string_view> messages) override {
    log_->announced.push_back(messages.size());
  }
  void OnMessage(std::string_view message) override {
    log_->messages.emplace_back(message);
    EchoCall::OnMessage(message);
  }
  void OnPause() override { ++log_->pauses; }

 private:
  StreamLog* const log_;
};

class GatheringTest : public testing::Test {
 protected:
  GatheringTest() {
    methods_.Add("/test/Stream", std::make_unique<EchoStream<LoggedCall, StreamLog*>>(&log_));
  }

  // A connection on which each stream may be sent so many bytes.
  void Connect(uint32_t window) {
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    ASSERT_TRUE(Feed(Hello({{http2::Setting::kInitialWindowSize, window}}) +
                     WindowUpdate(0, uint32_t{1} << 20)));
  }
  // What was received goes afterwards, as the buffer of a loop does.
  bool Feed(const std::string& bytes) {
    auto buffer = std::make_unique<std::string>(bytes);
    const bool goes_on = connection_->Receive(*buffer, kNow);
    buffer.reset();
    while (!connection_->output().empty()) {
      const std::string sent(connection_->output().unsent());
      connection_->output().MarkSent(sent.size());
      for (const SentFrame& frame : FramesOf(sent)) {
        if (frame.type == http2::FrameType::kWindowUpdate && frame.stream_id != 0) ++returned_;
      }
      answers_.Add(sent);
      connection_->OnOutputSent();
    }
    return goes_on;
  }
  static std::string Open(uint32_t id) { return Headers(id, RequestFields("/test/Stream")); }
  std::string StatusOf(uint32_t id) { return answers_[id].fields["grpc-status"]; }

  StreamLog log_;
  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_;
  Answers answers_;
  int returned_ = 0;  // windows of streams
  std::unique_ptr<RpcConnection> connection_;
};

constexpr uint32_t kWide = 1 << 20;

TEST_F(GatheringTest, MessagesOfOneReceiveAreAnnouncedTogether) {
  Connect(kWide);
  std::string bytes = Open(1);
  std::string body;
  for (int i = 0; i < 40; ++i) {
    bytes += Data(1, Message(absl::StrCat(i)));
    body += Message(absl::StrCat(i));
  }
  ASSERT_TRUE(Feed(bytes + Data(1, "", kEnd)));
  EXPECT_EQ(log_.announced, (std::vector<size_t>{16, 16, 8}));
  EXPECT_EQ(log_.pauses, 3);
  EXPECT_EQ(answers_[1].body, body);
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(GatheringTest, StreamsThatComeTogetherKeepTheirOrder) {
  Connect(kWide);
  const std::string one = Message("one") + Message("two");
  // The last message of each is cut, and comes with the next bytes.
  ASSERT_TRUE(Feed(Open(1) + Open(3) + Data(1, one + std::string(2, '\0')) + Data(3, one)));
  const std::string three = Message("three");
  ASSERT_TRUE(Feed(Data(3, three, kEnd) + Data(1, three.substr(2), kEnd)));
  for (const uint32_t id : {1, 3}) {
    EXPECT_EQ(answers_[id].body, one + three) << id;
    EXPECT_EQ(StatusOf(id), "0");
  }
}

TEST_F(GatheringTest, TheLastMessageMayWaitForTheWindowWhenTheRequestHasEnded) {
  Connect(0);
  ASSERT_TRUE(Feed(Open(1) + Data(1, Message("hello"), kEnd)));
  EXPECT_EQ(answers_[1].body, "");
  ASSERT_TRUE(Feed(WindowUpdate(1, kWide)));
  EXPECT_EQ(answers_[1].body, Message("hello"));
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(GatheringTest, AHeldMessageAndTheEndBehindIt) {
  Connect(0);
  ASSERT_TRUE(Feed(Open(1) + Data(1, Message("hello"))));
  ASSERT_TRUE(Feed(Data(1, Message("world"), kEnd)));
  EXPECT_EQ(log_.messages.size(), 1u) << "nothing begins while the client does not read";
  ASSERT_TRUE(Feed(WindowUpdate(1, 10)));
  ASSERT_TRUE(Feed(Frame(http2::FrameType::kPing, 0, 0, "12345678")));
  ASSERT_TRUE(Feed(WindowUpdate(1, kWide)));
  EXPECT_EQ(answers_[1].body, Message("hello") + Message("world"));
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(GatheringTest, WhatCameBeforeAMalformedMessageIsAnswered) {
  Connect(0);
  ASSERT_TRUE(Feed(Open(1) + Data(1, Message("hello") + "\x07garbage", kEnd)));
  EXPECT_EQ(log_.messages, std::vector<std::string>{"hello"});
  ASSERT_TRUE(Feed(WindowUpdate(1, kWide)));
  EXPECT_EQ(answers_[1].body, Message("hello"));
  EXPECT_EQ(StatusOf(1), "13");
}

TEST_F(GatheringTest, NothingIsRunOnceTheConnectionHasFailed) {
  Connect(kWide);
  Fields fields = RequestFields("/test/Stream");
  fields.push_back({"grpc-timeout", "1S"});
  EXPECT_FALSE(Feed(Headers(1, fields) + Data(1, Message("hello")) +
                    Frame(http2::FrameType::kPing, 0, /*stream_id=*/1, "12345678")));
  connection_->ExpireCalls(kNow + std::chrono::seconds(2));
  EXPECT_TRUE(log_.messages.empty());
  EXPECT_TRUE(connection_->is_idle());
}

TEST_F(GatheringTest, AHeldStreamGetsItsWindowBackWhenAllOfItIsRun) {
  const std::string message = Message(std::string(1000, 'm'));
  Connect(0);
  ASSERT_TRUE(Feed(Open(1)));
  // Nearly the whole window.
  const auto messages = limits_.session.stream_window_bytes / message.size();
  for (size_t i = 0; i < messages; ++i) ASSERT_TRUE(Feed(Data(1, message)));
  const int returned = returned_;
  while (log_.messages.size() < messages) {
    ASSERT_EQ(returned_, returned) << "after " << log_.messages.size();
    ASSERT_TRUE(Feed(WindowUpdate(1, static_cast<uint32_t>(message.size()))));
  }
  EXPECT_GT(returned_, returned);
}

}  // namespace
}  // namespace larder::server
