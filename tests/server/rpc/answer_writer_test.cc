// A message of an answer is sent when it is closed, and leaves no trace when it is not; both where
// it can be sent at once and where it waits in its stream.

#include "server/rpc/answer_writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr LoopTime kNow{std::chrono::seconds(1000)};
constexpr uint32_t kWide = 1 << 20;

class Scripted final : public UnaryMethod {
 public:
  explicit Scripted(const std::function<void(RpcCall&)>* script) : script_(script) {}
  void Run(std::string_view, RpcCall& call) override { (*script_)(call); }

 private:
  const std::function<void(RpcCall&)>* const script_;
};

// `GetParam()`: how many bytes of the answer the client takes at first.
class AnswerWriterTest : public testing::TestWithParam<uint32_t> {
 protected:
  // What a call is answered whose method does this.
  Answers::Answer AnswerOf(std::function<void(RpcCall&)> script) {
    script_ = std::move(script);
    RpcMethods methods;
    methods.Add("/test/Scripted", std::make_unique<Scripted>(&script_));
    RpcConnection connection(limits_, &methods, &calls_);
    EXPECT_TRUE(connection.Receive(Hello({{http2::Setting::kInitialWindowSize, GetParam()}}) +
                                       Headers(1, RequestFields("/test/Scripted")) +
                                       Data(1, Message("x"), http2::kEndStream) +
                                       WindowUpdate(1, kWide),
                                   kNow));
    EXPECT_TRUE(connection.is_idle());
    Answers answers;
    answers.Add(connection.output().unsent());
    size_t heads = 0;
    for (const SentFrame& frame : FramesOf(connection.output().unsent())) {
      if (frame.type == http2::FrameType::kHeaders) ++heads;
    }
    EXPECT_LE(heads, 2u);
    return answers[1];
  }

  RpcLimits limits_;
  RpcCallPool calls_;
  std::function<void(RpcCall&)> script_;
};

INSTANTIATE_TEST_SUITE_P(Windows, AnswerWriterTest, testing::Values(0, 10, kWide));

TEST_P(AnswerWriterTest, AMessageIsSentWhenItIsClosed) {
  auto answer = AnswerOf([](RpcCall& call) {
    AnswerWriter writer(&call);
    EXPECT_FALSE(writer.is_open());
    writer.Open(5).Append("he");
    EXPECT_TRUE(writer.is_open());
    writer.Close();
    EXPECT_FALSE(writer.is_open());
    writer.Open(1).Append(std::string(500, 'x'));
    writer.Close();
    call.Finish(absl::OkStatus());
  });
  EXPECT_EQ(answer.body, Message("he") + Message(std::string(500, 'x')));
  EXPECT_EQ(answer.fields["grpc-status"], "0");
}

TEST_P(AnswerWriterTest, AMessageThatIsNotClosedGoesWithItsWriter) {
  for (const bool is_first : {true, false}) {
    auto answer = AnswerOf([&](RpcCall& call) {
      if (!is_first) call.SendMessage("first");
      {
        AnswerWriter writer(&call);
        writer.Open(4).Append("half");
      }
      call.SendMessage("whole");
      call.Finish(absl::OkStatus());
    });
    EXPECT_EQ(answer.body, (is_first ? "" : Message("first")) + Message("whole"));
    EXPECT_EQ(answer.fields[":status"], "200");
    EXPECT_EQ(answer.fields["grpc-status"], "0");
  }
}

TEST_P(AnswerWriterTest, WhatIsTakenBackIsReturnedWithoutItsPrefix) {
  auto answer = AnswerOf([](RpcCall& call) {
    AnswerWriter writer(&call);
    writer.Open(100).Append("written");
    EXPECT_EQ(writer.TakeBack(), "written");
    EXPECT_FALSE(writer.is_open());
    call.Finish(absl::OkStatus());
  });
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.fields["grpc-status"], "0");
}

TEST_P(AnswerWriterTest, AnOpenMessageIsTakenBackByFinishAndItsWriterMayGoLater) {
  auto answer = AnswerOf([](RpcCall& call) {
    AnswerWriter writer(&call);
    writer.Open(4).Append("half");
    call.Finish(absl::AbortedError("changed my mind"));
    EXPECT_FALSE(writer.is_open());
  });
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.fields["grpc-status"], "10");
}

TEST_P(AnswerWriterTest, InitialMetadataMayBeAddedAgainWhenAMessageWasTakenBack) {
  auto answer = AnswerOf([](RpcCall& call) {
    AnswerWriter writer(&call);
    writer.Open(4).Append("half");
    EXPECT_EQ(call.AddInitialMetadata("name", "late").code(),
              absl::StatusCode::kFailedPrecondition);
    writer.Discard();
    EXPECT_TRUE(call.AddInitialMetadata("name", "value").ok());
    call.SendMessage("whole");
    EXPECT_EQ(call.AddInitialMetadata("name", "late").code(),
              absl::StatusCode::kFailedPrecondition);
    call.Finish(absl::OkStatus());
  });
  EXPECT_EQ(answer.body, Message("whole"));
  EXPECT_EQ(answer.fields["name"], "value");
}

}  // namespace
}  // namespace larder::server
