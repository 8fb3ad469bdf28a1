#include "server/rpc/rpc_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/rpc/answer_writer.h"
#include "server/transport/front_end.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;
constexpr LoopTime kNow{std::chrono::seconds(1000)};

// Begins an answer, says that it will be short, and then fails or makes it as long as asked.
class Fickle final : public UnaryMethod {
 public:
  void Run(std::string_view request, RpcCall& call) override {
    if (request.size() > 100) return call.Finish(absl::OutOfRangeError("not that much"));
    AnswerWriter answer(&call);
    OutputBuffer& out = answer.Open(1);
    if (request == "fail") {
      out.Append("half an answer");
      return call.Finish(absl::AbortedError("changed my mind"));
    }
    out.Append(std::string(static_cast<size_t>(std::stoi(std::string(request))), 'f'));
    answer.Close();
    call.Finish(absl::OkStatus());
  }
};

struct StreamLog {
  int open = 0;
  int messages = 0;
  std::vector<absl::StatusCode> failures;
};

// "finish" finishes.
class LoggedCall final : public EchoCall {
 public:
  LoggedCall(RpcCall* call, StreamLog* log) : EchoCall(call), log_(log) { ++log_->open; }
  ~LoggedCall() override { --log_->open; }

  void OnMessage(std::string_view message) override {
    ++log_->messages;
    if (message == "finish") return call()->Finish(absl::OutOfRangeError("finished"));
    EchoCall::OnMessage(message);
  }
  void OnFailed(absl::StatusCode code) override { log_->failures.push_back(code); }

 private:
  StreamLog* const log_;
};

class RpcConnectionTest : public testing::Test {
 protected:
  RpcConnectionTest() {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    methods_.Add("/test/Fickle", std::make_unique<Fickle>());
    methods_.Add("/test/Stream", std::make_unique<EchoStream<LoggedCall, StreamLog*>>(&log_));
    limits_.request_bytes_max = 50000;
    Restart();
  }

  void Restart(std::vector<std::pair<http2::Setting, uint32_t>> settings = {}) {
    answers_ = std::make_unique<Answers>();
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    ASSERT_TRUE(Feed(Hello(std::move(settings))));
  }

  bool Feed(const std::string& bytes, LoopTime now = kNow) {
    bool goes_on = connection_->Receive(bytes, now);
    while (goes_on && connection_->has_more()) goes_on = connection_->Continue(now);
    TakeOutput();
    return goes_on;
  }
  void TakeOutput() {
    while (!connection_->output().empty()) {
      const std::string bytes(connection_->output().unsent());
      connection_->output().MarkSent(bytes.size());
      answers_->Add(bytes);
      connection_->OnOutputSent();
    }
  }
  std::string Unary(uint32_t id, const std::string& path, const std::string& body) {
    return Headers(id, RequestFields(path)) + Data(id, body, kEnd);
  }
  std::string StatusOf(uint32_t id) { return (*answers_)[id].fields["grpc-status"]; }
  std::string MessageOf(uint32_t id) { return (*answers_)[id].fields["grpc-message"]; }
  std::string BodyOf(uint32_t id) { return (*answers_)[id].body; }

  StreamLog log_;
  RpcMethods methods_{
      [](const absl::Status& status) { return "details of " + std::string(status.message()); }};
  RpcLimits limits_;
  RpcCallPool calls_;
  std::unique_ptr<RpcConnection> connection_;
  std::unique_ptr<Answers> answers_;
};

TEST_F(RpcConnectionTest, AUnaryCallIsAnswered) {
  ASSERT_TRUE(Feed(Unary(1, "/test/Echo", Message("hello")) + Unary(3, "/test/Echo", Message(""))));
  EXPECT_EQ((*answers_)[1].fields[":status"], "200");
  EXPECT_EQ((*answers_)[1].fields["content-type"], "application/grpc");
  EXPECT_EQ(BodyOf(1), Message("hello"));
  EXPECT_EQ(StatusOf(1), "0");
  EXPECT_EQ(BodyOf(3), Message(""));
  EXPECT_TRUE((*answers_)[3].is_complete);
  EXPECT_TRUE(connection_->is_idle());
}

TEST_F(RpcConnectionTest, ARequestMayComeInAnyPieces) {
  const std::string body = Message("some message of some length");
  for (size_t cut = 0; cut <= body.size(); ++cut) {
    const auto id = static_cast<uint32_t>(2 * cut + 1);
    ASSERT_TRUE(Feed(Headers(id, RequestFields("/test/Echo"))));
    ASSERT_TRUE(Feed(Data(id, body.substr(0, cut))));
    EXPECT_FALSE((*answers_)[id].is_complete) << "the client may still send a second message";
    ASSERT_TRUE(Feed(Data(id, body.substr(cut))));
    ASSERT_TRUE(Feed(Data(id, "", kEnd)));
    EXPECT_EQ(BodyOf(id), body) << cut;
    EXPECT_EQ(StatusOf(id), "0");
  }
}

TEST_F(RpcConnectionTest, RequestsThatAreNoneAreRefused) {
  const auto expect = [&](uint32_t id, const std::string& request, const char* status,
                          const char* message) {
    ASSERT_TRUE(Feed(request));
    EXPECT_EQ(StatusOf(id), status);
    EXPECT_NE(MessageOf(id).find(message), std::string::npos) << MessageOf(id);
    EXPECT_TRUE((*answers_)[id].is_complete);
    EXPECT_EQ(BodyOf(id), "");
  };
  expect(1, Unary(1, "/test/Nothing", Message("x")), "12", "/test/Nothing");
  expect(3, Unary(3, "/test/Echo", ""), "13", "without a message");
  expect(5, Unary(5, "/test/Echo", Message("a") + Message("b")), "13", "more than one");
  expect(7, Unary(7, "/test/Echo", Message("abc").substr(0, 7)), "13", "within a message");
  expect(9, Unary(9, "/test/Echo", "\x02" + Message("abc").substr(1)), "13", "malformed");
  expect(11, Unary(11, "/test/Echo", Message("abc", true)), "13", "grpc-encoding");
  expect(13,
         Headers(13, RequestFields("/test/Echo")) +
             Data(13, Message(std::string(50001, 'x')).substr(0, 5)),
         "8", "--max_request_bytes");
  Fields fields = RequestFields("/test/Echo");
  fields.emplace_back("grpc-timeout", "1s");
  expect(15, Headers(15, fields) + Data(15, Message("x"), kEnd), "3", "grpc-timeout");
  fields.back() = {"grpc-encoding", "snappy"};
  expect(17, Headers(17, fields) + Data(17, Message("x"), kEnd), "12", "snappy");
  fields.back() = {"large", std::string(16200, 'x')};
  expect(19, Headers(19, fields, kEnd), "8", "headers");
}

TEST_F(RpcConnectionTest, ErrorsCarryTheirDetails) {
  ASSERT_TRUE(Feed(Unary(1, "/test/Fickle", Message("fail"))));
  EXPECT_EQ(StatusOf(1), "10");
  EXPECT_EQ(MessageOf(1), "changed my mind");
  EXPECT_EQ((*answers_)[1].fields["grpc-status-details-bin"],
            "ZGV0YWlscyBvZiBjaGFuZ2VkIG15IG1pbmQ");
  EXPECT_EQ(BodyOf(1), "") << "what was begun is taken back";
}

TEST_F(RpcConnectionTest, ALongAnswerIsPartedIntoFramesThatTheClientTakes) {
  const size_t frame_bytes = http2::kDefaultFrameBytesMax;
  const std::string body = Message(std::string(frame_bytes, 'a') + std::string(frame_bytes, 'b'));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Echo"))));
  ASSERT_TRUE(Feed(Data(1, body.substr(0, frame_bytes))));
  ASSERT_TRUE(Feed(Data(1, body.substr(frame_bytes, frame_bytes))));
  ASSERT_TRUE(connection_->Receive(Data(1, body.substr(2 * frame_bytes), kEnd), kNow));
  std::vector<size_t> sizes;
  for (const SentFrame& frame : FramesOf(connection_->output().unsent())) {
    if (frame.type == http2::FrameType::kData) sizes.push_back(frame.payload.size());
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{frame_bytes, frame_bytes, kMessagePrefixBytes}));
  TakeOutput();
  EXPECT_EQ(BodyOf(1), body);
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(RpcConnectionTest, AnAnswerMayBecomeLongerThanSaid) {
  ASSERT_TRUE(Feed(Unary(1, "/test/Fickle", Message("100000"))));
  EXPECT_FALSE((*answers_)[1].is_complete) << "the window is 65535 bytes";
  ASSERT_TRUE(Feed(WindowUpdate(1, 100000) + WindowUpdate(0, 100000)));
  EXPECT_EQ(BodyOf(1), Message(std::string(100000, 'f')));
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(RpcConnectionTest, WhatIsNoGrpcIsToldSoInHttp) {
  Fields fields = RequestFields("/");
  fields[4].second = "text/html";
  ASSERT_TRUE(Feed(Headers(1, fields)));
  EXPECT_FALSE((*answers_)[1].is_complete) << "not before its end";
  ASSERT_TRUE(Feed(Data(1, "x", kEnd)));
  EXPECT_EQ((*answers_)[1].fields[":status"], "415");
  EXPECT_NE(BodyOf(1).find("gRPC"), std::string::npos);
  fields = RequestFields("/");
  fields[0].second = "GET";
  ASSERT_TRUE(Feed(Headers(3, fields, kEnd)));
  EXPECT_EQ((*answers_)[3].fields[":status"], "405");
}

TEST_F(RpcConnectionTest, DeadlinesEndCallsThatAreNotComplete) {
  Fields fields = RequestFields("/test/Echo");
  fields.emplace_back("grpc-timeout", "100m");
  ASSERT_TRUE(Feed(Headers(1, fields) + Headers(3, fields) + Data(3, Message("x"), kEnd)));
  EXPECT_EQ(StatusOf(3), "0");
  EXPECT_EQ(connection_->next_deadline(), kNow + std::chrono::milliseconds(100));
  connection_->ExpireCalls(kNow + std::chrono::milliseconds(99));
  TakeOutput();
  EXPECT_FALSE((*answers_)[1].is_complete);
  connection_->ExpireCalls(kNow + std::chrono::milliseconds(100));
  TakeOutput();
  EXPECT_EQ(StatusOf(1), "4");
  EXPECT_EQ(connection_->next_deadline(), kNoTime);
  fields.back().second = "0n";
  ASSERT_TRUE(Feed(Headers(5, fields)));
  EXPECT_EQ(StatusOf(5), "4");
}

TEST_F(RpcConnectionTest, ADeadlineEndsAnAnswerThatNobodyReads) {
  Restart({{http2::Setting::kInitialWindowSize, 10}});
  Fields fields = RequestFields("/test/Echo");
  fields.emplace_back("grpc-timeout", "1S");
  ASSERT_TRUE(Feed(Headers(1, fields) + Data(1, Message("more than ten bytes"), kEnd)));
  EXPECT_EQ(BodyOf(1).size(), 10u);
  connection_->ExpireCalls(kNow + std::chrono::seconds(1));
  TakeOutput();
  EXPECT_TRUE((*answers_)[1].is_reset);
  EXPECT_TRUE(connection_->is_idle());
}

TEST_F(RpcConnectionTest, StreamsAnswerAsMessagesCome) {
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Stream"))));
  ASSERT_TRUE(Feed(Data(1, Message("a") + Message("b") + Message("c").substr(0, 3))));
  EXPECT_EQ(BodyOf(1), Message("a") + Message("b"));
  ASSERT_TRUE(Feed(Data(1, Message("c").substr(3))));
  EXPECT_EQ(BodyOf(1), Message("a") + Message("b") + Message("c"));
  ASSERT_TRUE(Feed(Data(1, "", kEnd)));
  EXPECT_EQ(StatusOf(1), "0");
  EXPECT_EQ(log_.open, 0);
}

TEST_F(RpcConnectionTest, AStreamMayFinishBeforeItsClient) {
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Stream")) +
                   Data(1, Message("finish") + Message("not any more"))));
  EXPECT_EQ(StatusOf(1), "11");
  EXPECT_EQ(BodyOf(1), "");
  EXPECT_EQ(log_.open, 0);
  ASSERT_TRUE(Feed(Data(1, Message("late"))));
}

TEST_F(RpcConnectionTest, AStreamThatIsNotReadHoldsItsClient) {
  Restart({{http2::Setting::kInitialWindowSize, 100}});
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Stream"))));
  const std::string message = Message(std::string(1000, 'm'));
  size_t sent = 0;
  while (!(*answers_)[1].is_reset && sent < 1000) {
    ASSERT_TRUE(Feed(Data(1, message)));
    ++sent;
  }
  EXPECT_LT(sent, 300u) << "no more than the window of 256 KiB";
  EXPECT_EQ((*answers_)[1].reset_code, http2::ErrorCode::kFlowControlError);
  EXPECT_EQ(log_.open, 0);
}

TEST_F(RpcConnectionTest, AStreamGoesOnWhenItIsRead) {
  Restart({{http2::Setting::kInitialWindowSize, 100}});
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Stream"))));
  const std::string message = Message(std::string(1000, 'm'));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Feed(Data(1, message)));
  EXPECT_EQ(BodyOf(1).size(), 100u);
  ASSERT_TRUE(Feed(Data(1, "", kEnd) + WindowUpdate(1, 1 << 20)));
  EXPECT_EQ(BodyOf(1).size(), 50 * message.size());
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(RpcConnectionTest, StreamsThatAreNotReadGetNoMessages) {
  limits_.unread_bytes_max = 20000;
  limits_.session.connection_window_bytes = 10 << 20;
  Restart({{http2::Setting::kInitialWindowSize, 0}});
  const std::string message = Message(std::string(9000, 'm'));
  for (uint32_t id = 1; id < 100; id += 2) {
    ASSERT_TRUE(
        Feed(Headers(id, RequestFields("/test/Stream")) + Data(id, message) + Data(id, message)));
  }
  EXPECT_EQ(log_.messages, 3) << "until more than 20000 bytes of answers waited";
  ASSERT_TRUE(Feed(Data(1, "", kEnd)));
  EXPECT_FALSE((*answers_)[1].is_complete);
  ASSERT_TRUE(
      Feed(WindowUpdate(0, 10 << 20) + Settings({{http2::Setting::kInitialWindowSize, 1 << 20}})));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Feed(""));
  EXPECT_EQ(log_.messages, 100) << "all go on when they are read";
  EXPECT_EQ(BodyOf(1), message + message);
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(RpcConnectionTest, ADeadlineEndsAStreamThatIsNotRead) {
  Restart({{http2::Setting::kInitialWindowSize, 10}});
  Fields fields = RequestFields("/test/Stream");
  fields.emplace_back("grpc-timeout", "1S");
  ASSERT_TRUE(Feed(Headers(1, fields) + Data(1, Message("more than ten bytes"))));
  connection_->ExpireCalls(kNow + std::chrono::seconds(1));
  TakeOutput();
  EXPECT_TRUE((*answers_)[1].is_reset);
  EXPECT_EQ(log_.open, 0);
  EXPECT_THAT(log_.failures, testing::ElementsAre(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(RpcConnectionTest, AStreamThatIsEndedForItsMethodIsToldWhy) {
  Fields fields = RequestFields("/test/Stream");
  ASSERT_TRUE(Feed(Headers(1, fields) + Data(1, "\x02" + Message("abc").substr(1))));
  EXPECT_EQ(StatusOf(1), "13");
  EXPECT_THAT(log_.failures, testing::ElementsAre(absl::StatusCode::kInternal));
  fields.emplace_back("grpc-timeout", "1S");
  ASSERT_TRUE(Feed(Headers(3, fields) + Data(3, Message("x"))));
  connection_->ExpireCalls(kNow + std::chrono::seconds(1));
  TakeOutput();
  EXPECT_EQ(StatusOf(3), "4");
  EXPECT_THAT(log_.failures, testing::ElementsAre(absl::StatusCode::kInternal,
                                                  absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(log_.open, 0);
  ASSERT_TRUE(Feed(Headers(5, RequestFields("/test/Stream")) + Data(5, Message("finish"))));
  EXPECT_EQ(log_.failures.size(), 2u) << "its own error is none of these";
}

TEST_F(RpcConnectionTest, WhatAClientSendsIsNotRepeatedAtLength) {
  const std::string path = "/" + std::string(3000, '\xff');
  ASSERT_TRUE(Feed(Headers(1, RequestFields(path), kEnd)));
  EXPECT_EQ(StatusOf(1), "12");
  EXPECT_LT(MessageOf(1).size(), 200u);
}

TEST_F(RpcConnectionTest, InflatingMuchAgainAndAgainIsAFlood) {
  limits_.request_bytes_max = 16 << 20;
  Restart();
  const std::string bomb = Message(Gzipped(std::string(16 << 20, 'z')), true);
  Fields fields = RequestFields("/test/Fickle");
  fields.emplace_back("grpc-encoding", "gzip");
  bool goes_on = true;
  for (uint32_t id = 1; id < 41 && goes_on; id += 2) {
    goes_on = Feed(Headers(id, fields));
    for (size_t at = 0; at < bomb.size() && goes_on; at += 16384) {
      goes_on = Feed(Data(id, bomb.substr(at, 16384)));
    }
    goes_on = goes_on && Feed(Data(id, "", kEnd));
  }
  EXPECT_FALSE(goes_on);
}

TEST_F(RpcConnectionTest, AClientThatGoesEndsItsStreams) {
  ASSERT_TRUE(
      Feed(Headers(1, RequestFields("/test/Stream")) + Headers(3, RequestFields("/test/Stream"))));
  EXPECT_EQ(log_.open, 2);
  ASSERT_TRUE(Feed(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4))));
  EXPECT_EQ(log_.open, 1);
  connection_.reset();
  EXPECT_EQ(log_.open, 0);
}

TEST_F(RpcConnectionTest, DrainEndsStreamsAndLetsCallsFinish) {
  ASSERT_TRUE(
      Feed(Headers(1, RequestFields("/test/Stream")) + Headers(3, RequestFields("/test/Echo"))));
  connection_->Drain();
  TakeOutput();
  EXPECT_EQ(StatusOf(1), "14");
  EXPECT_FALSE(connection_->is_idle());
  ASSERT_TRUE(Feed(Data(3, Message("last"), kEnd)));
  EXPECT_EQ(BodyOf(3), Message("last"));
  EXPECT_TRUE(connection_->is_idle());
}

TEST_F(RpcConnectionTest, IncompleteRequestsOfAConnectionAreBounded) {
  limits_.buffered_bytes_max = 40000;
  Restart();
  const std::string part = Message(std::string(50000, 'x')).substr(0, 15000);
  for (const uint32_t id : {1, 3, 5}) {
    ASSERT_TRUE(Feed(Headers(id, RequestFields("/test/Echo")) + Data(id, part)));
  }
  EXPECT_FALSE((*answers_)[1].is_complete);
  EXPECT_EQ(StatusOf(5), "8");
  ASSERT_TRUE(Feed(Headers(7, RequestFields("/test/Echo")) + Data(7, Message("small"), kEnd)));
  EXPECT_EQ(StatusOf(7), "0");
}

TEST_F(RpcConnectionTest, ALargeHeaderBlockThatIsIncompleteEndsAConnectionThatKeepsMuch) {
  const auto begin = [&](size_t bytes) {
    return Frame(http2::FrameType::kHeaders, 0, 3, "") +
           Frame(http2::FrameType::kContinuation, 0, 3, std::string(bytes, '\0'));
  };
  limits_.buffered_bytes_max = 40000;
  limits_.session.header_bytes_max = 8000;
  const std::string part = Message(std::string(50000, 'x')).substr(0, 15000);
  for (const auto& [bytes, goes_on] :
       {std::pair<size_t, bool>{7000, true}, {9000, true}, {11000, false}}) {
    Restart();
    ASSERT_TRUE(Feed(Headers(1, RequestFields("/test/Echo")) + Data(1, part) + Data(1, part)));
    EXPECT_EQ(Feed(begin(bytes)), goes_on) << bytes;
  }
}

TEST_F(RpcConnectionTest, UnreadAnswersOfAConnectionAreBounded) {
  limits_.unread_bytes_max = 20000;
  Restart({{http2::Setting::kInitialWindowSize, 0}});
  const std::string request = Message(std::string(15000, 'x'));
  for (const uint32_t id : {1, 3, 5}) ASSERT_TRUE(Feed(Unary(id, "/test/Echo", request)));
  EXPECT_EQ(StatusOf(5), "8");
  ASSERT_TRUE(Feed(Settings({{http2::Setting::kInitialWindowSize, 1 << 20}})));
  EXPECT_EQ(BodyOf(1), request);
  EXPECT_EQ(BodyOf(3), request);
  ASSERT_TRUE(Feed(Unary(7, "/test/Echo", request)));
  EXPECT_EQ(StatusOf(7), "0");
}

}  // namespace
}  // namespace larder::server
