// Large answers are sent from where they wait, together with the output before and behind them.
// They arrive whole and in order, however many bytes a socket takes at a time.

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
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
constexpr uint32_t kWide = 8 << 20;

class LendingTest : public testing::Test {
 protected:
  LendingTest() {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    methods_.Add("/test/Stream", std::make_unique<EchoStream<>>());
    limits_.session.stream_window_bytes = kWide;
    limits_.session.connection_window_bytes = kWide;
  }

  // A connection on which each stream may be sent so many bytes.
  void Connect(uint32_t window) {
    sent_.clear();
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    connection_->EnableLending();
    Feed(Hello({{http2::Setting::kInitialWindowSize, window}}) + WindowUpdate(0, kWide));
  }
  void Feed(const std::string& bytes) { ASSERT_TRUE(connection_->Receive(bytes, kNow)); }
  // What a loop does when the socket takes so many bytes.
  void Send(size_t bytes) {
    std::vector<std::string_view> pieces;
    connection_->Lend(pieces);
    const size_t goal = sent_.size() + bytes;
    const size_t before = sent_.size();
    for (const std::string_view piece : pieces) sent_.append(piece.substr(0, goal - sent_.size()));
    connection_->TakeBack(pieces, sent_.size() - before);
    connection_->OnOutputSent();
  }
  bool HasOutput() const { return !connection_->output().empty() || connection_->CanLend(); }
  void SendAll(size_t bytes_at_a_time = std::string::npos / 2) {
    while (HasOutput()) Send(bytes_at_a_time);
  }
  static std::string Request(uint32_t id, const std::string& path, const std::string& bytes) {
    return Headers(id, RequestFields(path)) + Frames(id, Message(bytes));
  }
  // The frames of a body.
  static std::string Frames(uint32_t id, std::string_view body, uint8_t flags_of_last = kEnd) {
    std::string frames;
    for (; body.size() > http2::kDefaultFrameBytesMax;
         body.remove_prefix(http2::kDefaultFrameBytesMax)) {
      frames += Data(id, body.substr(0, http2::kDefaultFrameBytesMax));
    }
    return frames + Data(id, body, flags_of_last);
  }
  // What was sent so far. REQUIRES: it ends with a whole frame.
  Answers& Received() {
    answers_ = std::make_unique<Answers>();
    answers_->Add(sent_);
    return *answers_;
  }

  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_;
  std::string sent_;
  std::unique_ptr<Answers> answers_;
  std::unique_ptr<RpcConnection> connection_;
};

TEST_F(LendingTest, AnAnswerIsSentWithItsHeadAndItsTrailersInOneCall) {
  Connect(kWide);
  SendAll();
  const std::string value(250'000, 'v');
  Feed(Request(1, "/test/Echo", value));
  const size_t output_bytes = connection_->output().size();
  EXPECT_LT(output_bytes, 1000u) << "the value is not copied to the output";
  Send(std::string::npos / 2);
  EXPECT_FALSE(HasOutput());
  EXPECT_TRUE(connection_->is_idle());
  Answers& answers = Received();
  EXPECT_TRUE(answers[1].body == Message(value));
  EXPECT_EQ(answers[1].fields["grpc-status"], "0");
  EXPECT_TRUE(answers[1].is_complete);
}

TEST_F(LendingTest, WhatTheSocketDoesNotTakeIsSentLater) {
  const std::string value(100'000, 'v');
  for (const size_t bytes : {100, 1000, 16'393, 16'394, 99'999, 100'100}) {
    Connect(kWide);
    Feed(Request(1, "/test/Echo", value) + Request(3, "/test/Echo", "small") +
         Request(5, "/test/Echo", value + value));
    SendAll(bytes);
    Answers& answers = Received();
    EXPECT_TRUE(answers[1].body == Message(value)) << bytes;
    EXPECT_TRUE(answers[3].body == Message("small")) << bytes;
    EXPECT_TRUE(answers[5].body == Message(value + value)) << bytes;
    for (const uint32_t id : {1, 3, 5}) EXPECT_EQ(answers[id].fields["grpc-status"], "0") << bytes;
  }
}

TEST_F(LendingTest, ASocketMayTakeAByteAtATime) {
  limits_.session.lent_bytes_min = 100;
  Connect(kWide);
  Feed(Request(1, "/test/Echo", std::string(500, 'v')) + Request(3, "/test/Echo", "small"));
  SendAll(1);
  EXPECT_EQ(Received()[1].body, Message(std::string(500, 'v')));
  EXPECT_EQ(Received()[3].body, Message("small"));
}

TEST_F(LendingTest, WindowsBoundWhatIsLent) {
  Connect(50'000);
  const std::string value(100'000, 'v');
  Feed(Request(1, "/test/Echo", value));
  SendAll();
  EXPECT_EQ(Received()[1].body.size(), 50'000u);
  Feed(WindowUpdate(1, 1));
  SendAll();
  EXPECT_EQ(Received()[1].body.size(), 50'001u);
  EXPECT_FALSE(connection_->CanLend());
  Feed(Settings({{http2::Setting::kInitialWindowSize, 40'000}}) + WindowUpdate(1, 10'000));
  EXPECT_FALSE(connection_->CanLend()) << "the window is 0 again";
  Feed(WindowUpdate(1, kWide));
  SendAll();
  EXPECT_TRUE(Received()[1].body == Message(value));
}

TEST_F(LendingTest, AStreamThatIsResetTakesNothingWithIt) {
  Connect(50'000);
  const std::string value(100'000, 'v');
  Feed(Request(1, "/test/Echo", value) + Request(3, "/test/Echo", value));
  Send(1000);
  Feed(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4)));
  SendAll();
  Feed(WindowUpdate(3, kWide));
  SendAll();
  Answers& answers = Received();
  EXPECT_TRUE(answers[3].body == Message(value));
  EXPECT_TRUE(connection_->is_idle());
}

TEST_F(LendingTest, LittleIsTakenFromItsPlaceForASocketThatTakesLittle) {
  Connect(kWide);
  const std::string value(200'000, 'v');
  for (uint32_t id = 1; id < 61; id += 2) Feed(Request(id, "/test/Echo", value));
  size_t output_max = 0;
  while (HasOutput()) {
    Send(5000);
    output_max = std::max(output_max, connection_->output().size());
  }
  EXPECT_LE(output_max, limits_.session.output_bytes_max + 2 * limits_.session.lent_bytes_min);
  Answers& answers = Received();
  for (uint32_t id = 1; id < 61; id += 2) EXPECT_TRUE(answers[id].body == Message(value)) << id;
}

TEST_F(LendingTest, ACallThatIsFinishedRunsNothingThatItHolds) {
  Connect(0);
  const std::string value(100'000, 'v');
  Feed(Headers(1, RequestFields("/test/Stream")) + Frames(1, Message(value), 0));
  Feed(Data(1, Message("held, since the client does not read")));
  connection_->Drain();
  Feed(WindowUpdate(1, kWide));
  connection_->OnSecondsPassed(1, absl::Seconds(30));
  SendAll();
  Answers& answers = Received();
  EXPECT_TRUE(answers[1].body == Message(value));
  EXPECT_EQ(answers[1].fields["grpc-status"], "14");
  EXPECT_TRUE(connection_->is_idle());
  EXPECT_EQ(calls_.state().incomplete.used_bytes(), 0u);
}

TEST_F(LendingTest, MessagesOfAStreamKeepTheirOrder) {
  Connect(kWide);
  std::string body;
  for (int i = 0; i < 40; ++i) {
    body += Message(
        std::string(static_cast<size_t>(i % 3) * 70'000 + 1, static_cast<char>('a' + i % 26)));
  }
  Feed(Headers(1, RequestFields("/test/Stream")) + Frames(1, body));
  SendAll(30'000);
  Answers& answers = Received();
  EXPECT_TRUE(answers[1].body == body);
  EXPECT_EQ(answers[1].fields["grpc-status"], "0");
}

// Sizes, windows and sockets of all kinds.
TEST_F(LendingTest, EveryAnswerArrivesWhole) {
  limits_.session.lent_bytes_min = 300;
  limits_.session.output_bytes_max = 2000;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::minstd_rand random(seed);
    const auto below = [&random](uint32_t limit) {
      return static_cast<uint32_t>(random() % limit);
    };
    Connect(below(3000));
    std::map<uint32_t, std::string> bodies;
    for (uint32_t id = 1; id < 21; id += 2) {
      const std::string value(below(5000), static_cast<char>('a' + id));
      bodies[id] = Message(value);
      Feed(Request(id, below(2) == 0 ? "/test/Echo" : "/test/Stream", value));
      if (HasOutput()) Send(below(4000));
      if (below(3) == 0) Feed(WindowUpdate(id, 1 + below(2000)));
      if (below(9) == 0) connection_->OnSecondsPassed(1, absl::Seconds(30));
    }
    for (const auto& [id, body] : bodies) {
      SendAll(1 + below(3000));
      Feed(WindowUpdate(id, kWide));
    }
    SendAll();
    Answers& answers = Received();
    for (const auto& [id, body] : bodies) {
      ASSERT_TRUE(answers[id].body == body) << "stream " << id << ", seed " << seed;
      ASSERT_EQ(answers[id].fields["grpc-status"], "0") << "stream " << id << ", seed " << seed;
    }
    ASSERT_TRUE(connection_->is_idle());
  }
}

}  // namespace
}  // namespace larder::server
