// Calls that are cancelled, whatever they wait for, on the loop that they live on.

#include <gmock/gmock.h>

#include "client/channel/event_loop.h"
#include "tests/client/channel/channel_fixture.h"

namespace larder {
namespace {

// Counts its ends; room for an answer is as the test wants.
class CountedCall final : public ChannelCall {
 public:
  explicit CountedCall(std::string_view message) {
    path = "/test/Echo";
    std::memcpy(ResizeRequest(message.size()), message.data(), message.size());
  }
  void OnDone() override { ++ends; }
  bool AdmitAnswer(size_t message_bytes) override { return message_bytes <= answer_bytes_max; }

  std::atomic<int> ends{0};
  size_t answer_bytes_max = 1000;
};

class ChannelCancelTest : public testing::Test {
 protected:
  ChannelCancelTest() {
    channel_ = Connect({.address = listener_.address(),
                        .event_loop = events_.get(),
                        .metadata = {{"x-mark", "of the test"}}});
  }
  ~ChannelCancelTest() override {
    channel_.reset();
    events_.reset();
  }
  void Cancel(ChannelCall& call) {
    events_->RunAndWait([&] { channel_->Cancel(call); });
  }
  // Another call on the channel, which shows that it goes on.
  void ExpectAnswer(Peer& peer, uint32_t stream) {
    WaitingCall next("next");
    channel_->Start(next);
    peer.ReadUntil(Message("next"));
    peer.Answer(stream, "fine");
    EXPECT_EQ(next.Wait(), absl::StatusCode::kOk);
    EXPECT_EQ(next.fate(), CallFate::kAnswered);
  }

  Listener listener_;
  std::unique_ptr<EventLoop> events_ = EventLoop::Create().value();
  std::unique_ptr<RpcChannel> channel_;
};

TEST_F(ChannelCancelTest, OneThatWasNotTakenYet) {
  CountedCall call("x");
  events_->RunAndWait([&] {
    channel_->Start(call);
    channel_->Cancel(call);
  });
  EXPECT_EQ(call.ends, 1);
  EXPECT_EQ(call.status.code, static_cast<int>(absl::StatusCode::kCancelled));
  EXPECT_EQ(call.fate(), CallFate::kNotSent);
}

TEST_F(ChannelCancelTest, OneThatWaitsForAConnection) {
  CountedCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Accept();
  peer.ReadUntil("SM\r\n\r\n");
  Cancel(call);
  EXPECT_EQ(call.ends, 1);
  EXPECT_EQ(call.fate(), CallFate::kNotSent);
  peer.Send(Settings());
  ExpectAnswer(peer, 1);
  EXPECT_THAT(peer.received(), testing::HasSubstr(HeaderBlock({{"x-mark", "of the test"}})));
}

TEST_F(ChannelCancelTest, OneThatWaitsForItsAnswer) {
  CountedCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Greet();
  peer.ReadUntil(Message("x"));
  Cancel(call);
  EXPECT_EQ(call.ends, 1);
  EXPECT_EQ(call.fate(), CallFate::kLost);
  peer.ReadUntil(Frame(http2::FrameType::kRstStream, 0, 1,
                       BigEndian(static_cast<uint32_t>(http2::ErrorCode::kCancel), 4)));
  peer.Answer(1, "late");
  ExpectAnswer(peer, 3);
  EXPECT_EQ(call.ends, 1);
}

TEST_F(ChannelCancelTest, OneOfWhichHalfIsSent) {
  CountedCall call(std::string(200000, 'x'));  // more than the server's window
  channel_->Start(call);
  Peer peer = listener_.Greet();
  peer.ReadUntil("xxx");
  Cancel(call);
  EXPECT_EQ(call.ends, 1);
  peer.Send(WindowUpdate(0, 1u << 20));
  ExpectAnswer(peer, 3);
}

TEST_F(ChannelCancelTest, AnAnswerWithoutRoomEndsItsCallAlone) {
  CountedCall call("x");
  channel_->Start(call);
  Peer peer = listener_.Greet();
  peer.ReadUntil(Message("x"));
  peer.Answer(1, std::string(1001, 'y'));
  ExpectAnswer(peer, 3);
  EXPECT_EQ(call.ends, 1);
  EXPECT_EQ(call.status.code, static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(call.fate(), CallFate::kLost);
  EXPECT_EQ(call.response, "");
}

TEST_F(ChannelCancelTest, ARequestIsAdoptedBehindRoomForItsPrefix) {
  CountedCall call("");
  call.AdoptRequest("12345adopted");
  channel_->Start(call);
  Peer peer = listener_.Greet();
  peer.ReadUntil(Message("adopted"));
  peer.Answer(1, "");
  ExpectAnswer(peer, 3);
  EXPECT_EQ(call.fate(), CallFate::kAnswered);
}

}  // namespace
}  // namespace larder
