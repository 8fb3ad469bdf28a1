#include "client/channel/channel_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct TestCall final : ChannelCall {
  explicit TestCall(std::string_view message) {
    path = "/s/M";
    std::memcpy(ResizeRequest(message.size()), message.data(), message.size());
  }
  void OnDone() override { FAIL() << "the loop says that"; }
  absl::StatusCode code() const { return static_cast<absl::StatusCode>(status.code); }
};

class ChannelConnectionTest : public ::testing::Test {
 protected:
  ChannelConnectionTest() {
    limits_.answer_bytes_max = 1000;
    connection_.emplace(limits_, RequestOrigin{"host:1"});
    EXPECT_TRUE(connection_->Receive(Settings()));
  }

  void Start(TestCall& call) { connection_->Start(call, LoopTime()); }
  // The answer to a call of its own, which must have ended.
  TestCall& Answered(const std::string& bytes) {
    call_.emplace("request");
    Start(*call_);
    EXPECT_TRUE(connection_->Receive(bytes));
    EXPECT_THAT(connection_->TakeEnded(), ElementsAre(&*call_));
    return *call_;
  }
  std::string Head(Fields more = {}, uint8_t flags = 0) {
    Fields fields = {{":status", "200"}, {"content-type", "application/grpc"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return Headers(1, fields, flags);
  }
  static std::string Ok() { return Headers(1, {{"grpc-status", "0"}}, http2::kEndStream); }

  ChannelConnectionLimits limits_;
  std::optional<ChannelConnection> connection_;
  std::optional<TestCall> call_;
};

TEST_F(ChannelConnectionTest, AMessageGoesAndAMessageComes) {
  TestCall& call = Answered(Head() + Data(1, Message("answer")) + Ok());
  EXPECT_EQ(call.status.code, 0);
  EXPECT_EQ(call.response, "answer");
  EXPECT_THAT(std::string(connection_->output().unsent()), HasSubstr(Message("request")));
  EXPECT_EQ(connection_->calls(), 0u);
  EXPECT_EQ(connection_->answers(), 1u);
  EXPECT_THAT(connection_->TakeEnded(), IsEmpty());
}

TEST_F(ChannelConnectionTest, AnEmptyMessageIsOne) {
  TestCall& call = Answered(Head() + Data(1, Message("")) + Ok());
  EXPECT_EQ(call.status.code, 0);
  EXPECT_EQ(call.response, "");
}

TEST_F(ChannelConnectionTest, AMessageMayComeInPieces) {
  const std::string message = Message("answer");
  std::string bytes = Head();
  for (const char c : message) bytes += Data(1, std::string(1, c));
  EXPECT_EQ(Answered(bytes + Ok()).response, "answer");
}

TEST_F(ChannelConnectionTest, ACallCanBeMadeAgain) {
  TestCall call("again");
  Start(call);
  ASSERT_TRUE(connection_->Receive(
      Head({{"grpc-status", "14"}, {"grpc-message", "not now"}}, http2::kEndStream)));
  EXPECT_EQ(connection_->TakeEnded().size(), 1u);
  EXPECT_EQ(call.code(), absl::StatusCode::kUnavailable);
  Start(call);
  ASSERT_TRUE(connection_->Receive(
      Headers(3, {{":status", "200"}, {"content-type", "application/grpc"}}) +
      Data(3, Message("done")) + Headers(3, {{"grpc-status", "0"}}, http2::kEndStream)));
  EXPECT_EQ(call.status.code, 0);
  EXPECT_EQ(call.status.message, "");
  EXPECT_EQ(call.response, "done");
}

TEST_F(ChannelConnectionTest, AStatusComesWithMessageAndDetails) {
  TestCall& call = Answered(
      Head({{"grpc-status", "9"}, {"grpc-message", "100%25"}, {"grpc-status-details-bin", "AAE"}},
           http2::kEndStream));
  EXPECT_EQ(call.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(call.status.message, "100%");
  EXPECT_EQ(call.status.details, std::string("\0\1", 2));
}

struct BrokenAnswer {
  const char* name;
  std::string bytes;
  absl::StatusCode code;
};

TEST_F(ChannelConnectionTest, AnswersThatAreNoGrpcBecomeErrors) {
  const Fields html = {{":status", "200"}, {"content-type", "text/html"}};
  const auto http = [](const char* status) { return Headers(1, {{":status", status}}); };
  const auto reset = [](http2::ErrorCode code) {
    return Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(static_cast<uint32_t>(code), 4));
  };
  using Code = absl::StatusCode;
  const BrokenAnswer cases[] = {
      {"HTTP 503", http("503"), Code::kUnavailable},
      {"HTTP 404", http("404"), Code::kUnimplemented},
      {"HTTP 401", http("401"), Code::kUnauthenticated},
      {"HTTP 403", http("403"), Code::kPermissionDenied},
      {"HTTP 400", http("400"), Code::kInternal},
      {"HTTP 418", http("418"), Code::kUnknown},
      {"HTTP 503 alone", Headers(1, {{":status", "503"}}, http2::kEndStream), Code::kUnavailable},
      {"no gRPC", Headers(1, html), Code::kUnknown},
      {"no gRPC alone", Headers(1, html, http2::kEndStream), Code::kUnknown},
      {"no status", Head() + Headers(1, {{"x", "y"}}, http2::kEndStream), Code::kUnknown},
      {"no trailers", Head() + Data(1, Message("x"), http2::kEndStream), Code::kInternal},
      {"OK without message", Head() + Ok(), Code::kInternal},
      {"OK with half a prefix", Head() + Data(1, std::string(3, '\0')) + Ok(), Code::kInternal},
      {"OK with half a message", Head() + Data(1, Message("xy").substr(0, 6)) + Ok(),
       Code::kInternal},
      {"two messages", Head() + Data(1, Message("x") + Message("y")), Code::kInternal},
      {"two messages in two frames", Head() + Data(1, Message("x")) + Data(1, Message("")),
       Code::kInternal},
      {"compressed", Head() + Data(1, Message("x", true)), Code::kInternal},
      {"too large", Head() + Data(1, Message(std::string(1001, 'x'))), Code::kResourceExhausted},
      {"reset: cancelled", reset(http2::ErrorCode::kCancel), Code::kCancelled},
      {"reset: refused", reset(http2::ErrorCode::kRefusedStream), Code::kUnavailable},
      {"reset: calm", reset(http2::ErrorCode::kEnhanceYourCalm), Code::kResourceExhausted},
      {"reset: security", reset(http2::ErrorCode::kInadequateSecurity), Code::kPermissionDenied},
      {"reset: other", reset(http2::ErrorCode::kNoError), Code::kInternal},
      {"malformed", Headers(1, {{"a", "b"}}), Code::kInternal},
  };
  for (const BrokenAnswer& broken : cases) {
    connection_.emplace(limits_, RequestOrigin{"host:1"});
    ASSERT_TRUE(connection_->Receive(Settings()));
    TestCall& call = Answered(broken.bytes);
    EXPECT_EQ(call.code(), broken.code) << broken.name;
    EXPECT_NE(call.status.message, "") << broken.name;
    EXPECT_EQ(connection_->calls(), 0u) << broken.name;
  }
}

TEST_F(ChannelConnectionTest, TheLimitIsNamed) {
  TestCall& call = Answered(Head() + Data(1, Message(std::string(1001, 'x'))));
  EXPECT_THAT(call.status.message, HasSubstr("(1001 vs. 1000)"));
}

TEST_F(ChannelConnectionTest, ALieAboutTheLengthTakesNoMemory) {
  limits_.answer_bytes_max = size_t{1} << 31;
  connection_.emplace(limits_, RequestOrigin{"host:1"});
  ASSERT_TRUE(connection_->Receive(Settings()));
  TestCall call("request");
  Start(call);
  ASSERT_TRUE(connection_->Receive(Head() + Data(1, '\0' + BigEndian(1u << 31, 4))));
  EXPECT_LE(call.response.capacity(), size_t{1} << 20);
  connection_->Cancel(call);
}

TEST_F(ChannelConnectionTest, CallsEndWithTheConnection) {
  TestCall one("1"), two("2");
  Start(one);
  Start(two);
  connection_->Close("it broke");
  EXPECT_EQ(connection_->TakeEnded().size(), 2u);
  EXPECT_EQ(one.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(two.status.message, "it broke");
}

TEST_F(ChannelConnectionTest, ACancelledCallIsNotAmongThoseThatHaveEnded) {
  TestCall call("1");
  Start(call);
  connection_->Cancel(call);
  ASSERT_TRUE(connection_->Receive(Head() + Data(1, Message("late")) + Ok()));
  EXPECT_THAT(connection_->TakeEnded(), IsEmpty());
}

}  // namespace
}  // namespace larder
