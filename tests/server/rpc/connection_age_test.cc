#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/channel/loop_time.h"
#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr LoopTime kNow{std::chrono::seconds(1000)};
constexpr absl::Duration kNever = absl::Hours(1);

TEST(JitterTest, IsATenthEitherWay) {
  EXPECT_EQ(Jittered(absl::Seconds(100), 0), absl::Seconds(90));
  EXPECT_EQ(Jittered(absl::Seconds(100), 0.5), absl::Seconds(100));
  EXPECT_LE(Jittered(absl::Seconds(100), 1), absl::Seconds(110) + absl::Nanoseconds(1));
  EXPECT_EQ(After(kNow, Jittered(absl::InfiniteDuration(), 0)), kNoTime);
}

class RetireTest : public testing::Test {
 protected:
  RetireTest() : connection_(limits_, &methods_, &calls_) {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    EXPECT_TRUE(connection_.Receive(Hello(), kNow));
    Sent();
  }

  std::vector<SentFrame> Sent() {
    OutputBuffer& output = connection_.output();
    std::vector<SentFrame> frames = FramesOf(output.unsent());
    answers_.Add(output.unsent());
    output.MarkSent(output.size());
    return frames;
  }
  void Begin(uint32_t id) {
    ASSERT_TRUE(connection_.Receive(Headers(id, RequestFields("/test/Echo")), kNow));
  }
  void Finish(uint32_t id) {
    ASSERT_TRUE(connection_.Receive(Data(id, Message("x"), http2::kEndStream), kNow));
    Sent();
  }
  static uint32_t LastStreamOf(const SentFrame& goaway) {
    return static_cast<uint32_t>(LoadBigEndian(goaway.payload.data(), 4));
  }

  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_;
  Answers answers_;
  RpcConnection connection_;
};

TEST_F(RetireTest, CallsThatTheClientBeganBeforeItKnewAreServed) {
  Begin(1);
  connection_.Retire("old");
  const auto first = Sent();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].type, http2::FrameType::kGoaway);
  EXPECT_EQ(first[0].error(), http2::ErrorCode::kNoError);
  EXPECT_EQ(LastStreamOf(first[0]), 0x7fffffffu) << "nothing is refused yet";
  EXPECT_EQ(first[0].payload.substr(8), "old");
  EXPECT_EQ(first[1].type, http2::FrameType::kPing);
  EXPECT_FALSE(connection_.is_retired());
  Begin(3);
  // Any other ping's answer says nothing.
  ASSERT_TRUE(
      connection_.Receive(Frame(http2::FrameType::kPing, http2::kAck, 0, "LLLLLLLL"), kNow));
  EXPECT_FALSE(connection_.is_retired());
  ASSERT_TRUE(
      connection_.Receive(Frame(http2::FrameType::kPing, http2::kAck, 0, first[1].payload), kNow));
  EXPECT_TRUE(connection_.is_retired());
  const auto second = Sent();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(LastStreamOf(second[0]), 3u);
  Begin(5);
  Sent();
  EXPECT_EQ(answers_[5].reset_code, http2::ErrorCode::kRefusedStream);
  EXPECT_FALSE(connection_.is_idle());
  Finish(1);
  Finish(3);
  EXPECT_EQ(answers_[1].fields["grpc-status"], "0");
  EXPECT_EQ(answers_[3].fields["grpc-status"], "0");
  EXPECT_TRUE(connection_.is_idle());
}

TEST_F(RetireTest, AClientThatAnswersNoPingIsNotWaitedForLong) {
  connection_.Retire("old");
  connection_.OnSecondsPassed(5, kNever);
  EXPECT_FALSE(connection_.is_retired());
  connection_.OnSecondsPassed(6, kNever);
  EXPECT_TRUE(connection_.is_retired());
  EXPECT_EQ(Sent().size(), 3u);
}

TEST_F(RetireTest, AgainOrBehindADrainSaysNothingMore) {
  connection_.Retire("old");
  connection_.Retire("old");
  EXPECT_EQ(Sent().size(), 2u);
  connection_.Drain();
  EXPECT_EQ(Sent().size(), 1u);
  connection_.Retire("old");
  EXPECT_EQ(Sent().size(), 0u);
}

}  // namespace
}  // namespace larder::server
