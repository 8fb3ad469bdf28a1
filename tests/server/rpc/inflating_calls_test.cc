// Compressed messages of several calls on one connection, of which one at a time is inflated: who
// waits for it goes on when it has ended, or when its call must wait for something else.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/rpc/rpc_connection.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;

class SilentCall final : public EchoCall {
 public:
  using EchoCall::EchoCall;
  void OnMessage(std::string_view) override {}
  void OnEnd() override {}  // as a Pipeline does whose operations are open
};

LoopTime Now() { return std::chrono::steady_clock::now(); }

class InflatingCallsTest : public testing::Test {
 protected:
  InflatingCallsTest() {
    limits_.turn = std::chrono::nanoseconds(1);
    limits_.session.stream_window_bytes = 64 << 20;
    limits_.session.connection_window_bytes = 1 << 30;
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    methods_.Add("/test/Silent", std::make_unique<EchoStream<SilentCall>>());
    methods_.Add("/test/Stream", std::make_unique<EchoStream<>>());
  }
  void Connect(uint32_t window) {
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    answers_ = std::make_unique<Answers>();
    connection_->Receive(
        Hello({{http2::Setting::kInitialWindowSize, window}}) + WindowUpdate(0, 1 << 30), Now());
    TakeOutput();
  }
  void TakeOutput() {
    while (!connection_->output().empty() || connection_->CanLend()) {
      std::vector<std::string_view> pieces;
      connection_->Lend(pieces);
      std::string sent;
      for (const auto piece : pieces) sent += piece;
      connection_->TakeBack(pieces, sent.size());
      answers_->Add(sent);
      connection_->OnOutputSent();
    }
  }
  void Receive(const std::string& bytes) {
    auto copy = std::make_unique<std::string>(bytes);
    EXPECT_TRUE(connection_->Receive(*copy, Now()));
    copy.reset();
    TakeOutput();
  }
  void Finish() {
    for (int i = 0; connection_->has_more() && i < 10000; ++i) {
      EXPECT_TRUE(connection_->Continue(Now()));
      TakeOutput();
    }
    EXPECT_FALSE(connection_->has_more());
  }
  static std::string Text(size_t bytes) {
    std::string text;
    for (uint32_t i = 0; text.size() < bytes; ++i) absl::StrAppend(&text, i / 7 * 2654435761u);
    return text;
  }
  static std::string Body(uint32_t id, const std::string& body, uint8_t flags) {
    std::string bytes;
    for (size_t at = 0; at < body.size(); at += 16000) {
      bytes += Data(id, body.substr(at, 16000), at + 16000 >= body.size() ? flags : 0);
    }
    return bytes;
  }
  static Fields Gzip(const std::string& path) {
    Fields fields = RequestFields(path);
    fields.emplace_back("grpc-encoding", "gzip");
    return fields;
  }

  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_;
  std::unique_ptr<Answers> answers_;
  std::unique_ptr<RpcConnection> connection_;
};

TEST_F(InflatingCallsTest, TheNextGoesOnThoughTheFirstWritesNothing) {
  const std::string body = Message(Gzipped(Text(300'000)), true);
  int lost = 0;
  for (int round = 0; round < 40; ++round) {
    Connect(4 << 20);
    Receive(Headers(1, Gzip("/test/Silent")) + Body(1, body, kEnd));
    const uint32_t other = 3 + 2 * static_cast<uint32_t>(round);
    Receive(Headers(other, Gzip("/test/Echo")) + Body(other, body, kEnd));
    Finish();
    if (!(*answers_)[other].is_complete) {
      ++lost;
      connection_->OnSecondsPassed(1, absl::Seconds(30));
      TakeOutput();
      Finish();
      EXPECT_TRUE((*answers_)[other].is_complete);
    }
  }
  EXPECT_EQ(lost, 0);
}

TEST_F(InflatingCallsTest, OneWhoseClientDoesNotReadKeepsNobodyWaiting) {
  Connect(65535);
  connection_->EnableLending();
  const std::string body = Message(Gzipped(Text(300'000)), true);
  Receive(Headers(1, Gzip("/test/Stream")) + Body(1, Message(std::string(100'000, 'x')), 0) +
          Body(1, body, 0));
  Receive(Headers(3, Gzip("/test/Echo")) + Body(3, Message(Gzipped("short"), true), kEnd));
  Finish();
  int seconds = 0;
  for (; seconds < 60 && !(*answers_)[3].is_complete; ++seconds) {
    connection_->OnSecondsPassed(1, absl::Seconds(30));
    TakeOutput();
    Finish();
  }
  EXPECT_EQ(seconds, 0);
  EXPECT_FALSE((*answers_)[1].is_reset);
}

}  // namespace
}  // namespace larder::server
