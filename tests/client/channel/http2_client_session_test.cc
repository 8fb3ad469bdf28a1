#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "tests/client/channel/http2_client_fixture.h"

namespace larder::http2 {
namespace {

using ::testing::HasSubstr;

TEST_F(Http2ClientSessionTest, BeginsWithPrefaceSettingsAndItsWindow) {
  Open({.stream_window_bytes = 100000, .connection_window_bytes = 165535});
  EXPECT_TRUE(output_.unsent().starts_with(kPreface));
  const std::vector<SentFrame> sent = TakeSent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].type, FrameType::kSettings);
  EXPECT_THAT(sent[0].payload, HasSubstr(BigEndian(4, 2) + BigEndian(100000, 4)));
  EXPECT_THAT(sent[0].payload, HasSubstr(BigEndian(2, 2) + BigEndian(0, 4)));  // no push
  EXPECT_EQ(sent[1].type, FrameType::kWindowUpdate);
  EXPECT_EQ(sent[1].payload, BigEndian(100000, 4));
  EXPECT_FALSE(session_->is_established());
  EXPECT_FALSE(session_->CanStart());
}

TEST_F(Http2ClientSessionTest, ARequestIsAHeaderBlockAndABody) {
  Establish();
  Start(one_);
  Start(two_, "");
  const std::vector<SentFrame> sent = TakeSent();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_EQ(sent[0].type, FrameType::kHeaders);
  EXPECT_EQ(sent[0].flags, kEndHeaders);
  EXPECT_EQ(sent[0].stream_id, 1u);
  // The table size is announced once.
  EXPECT_EQ(sent[0].payload, "\x20" + block_);
  EXPECT_EQ(sent[1].payload, "body");
  EXPECT_TRUE(sent[1].Has(kEndStream));
  EXPECT_EQ(sent[2].stream_id, 3u);
  EXPECT_EQ(sent[2].payload, block_);
  EXPECT_TRUE(sent[3].Has(kEndStream));
}

TEST_F(Http2ClientSessionTest, AnswersComeInAnyPiecesAndOrder) {
  Establish();
  Start(one_);
  Start(two_);
  const std::string bytes = Headers(3, HeadFields()) + Answer(1, "first") + Data(3, "sec") +
                            Data(3, "ond") + Headers(3, {{"grpc-status", "5"}}, kEndStream);
  for (const char byte : bytes) ASSERT_TRUE(session_->Receive({&byte, 1}));
  EXPECT_EQ(stories_[&one_].body, "first");
  EXPECT_EQ(stories_[&one_].grpc_status, 0);
  EXPECT_EQ(stories_[&two_].body, "second");
  EXPECT_EQ(stories_[&two_].grpc_status, 5);
  EXPECT_TRUE(stories_[&one_].has_ended && stories_[&two_].has_ended);
  EXPECT_EQ(session_->streams(), 0u);
  EXPECT_EQ(one_.id, 0u);
}

TEST_F(Http2ClientSessionTest, TrailersAloneAreAnAnswer) {
  Establish();
  Start(one_);
  Fields fields = HeadFields();
  fields.push_back({"grpc-status", "7"});
  ASSERT_TRUE(session_->Receive(Headers(1, fields, kEndStream)));
  EXPECT_EQ(stories_[&one_].grpc_status, 7);
  EXPECT_FALSE(stories_[&one_].has_head);
}

// The decoder's table gives the same bytes another meaning.
TEST_F(Http2ClientSessionTest, ABlockOfIndicesIsDecodedAgainWhenTheTableChanges) {
  Establish();
  const auto indexed = [](const std::string& name, const std::string& value) {
    return "\x40" + std::string(1, static_cast<char>(name.size())) + name +
           std::string(1, static_cast<char>(value.size())) + value;
  };
  const auto block = [](uint32_t id, const std::string& bytes) {
    return Frame(FrameType::kHeaders, kEndHeaders | kEndStream, id, bytes);
  };
  for (TestStream* stream : {&one_, &two_, &three_}) Start(*stream);
  // ":status: 200", and the newest entry of the table.
  ASSERT_TRUE(session_->Receive(block(1, "\x88" + indexed("grpc-status", "3"))));
  ASSERT_TRUE(session_->Receive(block(3, "\x88\xbe")));
  EXPECT_EQ(stories_[&two_].grpc_status, 3);
  TestStream four;
  Start(four);
  ASSERT_TRUE(session_->Receive(block(5, "\x88" + indexed("grpc-status", "4"))));
  ASSERT_TRUE(session_->Receive(block(7, "\x88\xbe")));
  EXPECT_EQ(stories_[&four].grpc_status, 4);
}

TEST_F(Http2ClientSessionTest, InformationalHeadsAreNoAnswer) {
  Establish();
  Start(one_);
  ASSERT_TRUE(session_->Receive(Headers(1, {{":status", "103"}})));
  EXPECT_FALSE(stories_[&one_].has_head);
  ASSERT_TRUE(session_->Receive(Answer(1, "x")));
  EXPECT_EQ(stories_[&one_].grpc_status, 0);
}

TEST_F(Http2ClientSessionTest, ABodyWaitsForTheStreamsWindow) {
  Establish({{Setting::kInitialWindowSize, 10}});
  Start(one_, "0123456789abcdef");
  std::vector<SentFrame> sent = TakeSent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].payload, "0123456789");
  EXPECT_FALSE(sent[1].Has(kEndStream));
  ASSERT_TRUE(session_->Receive(WindowUpdate(1, 2)));
  sent = TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].payload, "ab");
  ASSERT_TRUE(session_->Receive(Settings({{Setting::kInitialWindowSize, 100}})));
  sent = TakeSent();
  ASSERT_EQ(sent.size(), 2u);  // the other one acknowledges
  EXPECT_EQ(sent[1].payload, "cdef");
  EXPECT_TRUE(sent[1].Has(kEndStream));
}

TEST_F(Http2ClientSessionTest, BodiesWaitForTheConnectionsWindowInTurn) {
  Establish({{Setting::kInitialWindowSize, 1 << 20}});
  const std::string body(50000, 'x');
  Start(one_, body);
  Start(two_, body);
  size_t bytes = 0;
  for (const SentFrame& frame : TakeSent()) {
    if (frame.type == FrameType::kData) bytes += frame.payload.size();
  }
  EXPECT_EQ(bytes, kDefaultWindow);
  ASSERT_TRUE(session_->Receive(WindowUpdate(0, 100000)));
  std::map<uint32_t, size_t> more;
  for (const SentFrame& frame : TakeSent()) more[frame.stream_id] += frame.payload.size();
  EXPECT_EQ(more[3], 100000 - kDefaultWindow);
}

TEST_F(Http2ClientSessionTest, ABodyWaitsForTheSocket) {
  Open({.output_bytes_max = 20000});
  ASSERT_TRUE(session_->Receive(Settings({{Setting::kInitialWindowSize, 1 << 20}}) +
                                WindowUpdate(0, 1 << 20)));
  TakeSent();
  const std::string body(100000, 'x');
  Start(one_, body);
  EXPECT_LT(output_.size(), 20000 + kDefaultFrameBytesMax + 1000);
  EXPECT_FALSE(session_->CanStart());
  std::string sent;
  while (!output_.empty()) {
    for (const SentFrame& frame : TakeSent()) {
      if (frame.type == FrameType::kData) sent += frame.payload;
    }
  }
  EXPECT_EQ(sent, body);
}

TEST_F(Http2ClientSessionTest, WindowsAreGivenBackAsAnswersCome) {
  Open({.stream_window_bytes = 20000, .connection_window_bytes = 80000});
  ASSERT_TRUE(session_->Receive(Settings()));
  TakeSent();
  Start(one_);
  TakeSent();
  ASSERT_TRUE(session_->Receive(Headers(1, HeadFields())));
  size_t stream_bytes = 0;
  size_t connection_bytes = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(session_->Receive(Data(1, std::string(9000, 'x'))));
    for (const SentFrame& frame : TakeSent()) {
      ASSERT_EQ(frame.type, FrameType::kWindowUpdate);
      (frame.stream_id == 0 ? connection_bytes : stream_bytes) +=
          LoadBigEndian(frame.payload.data(), 4);
    }
  }
  EXPECT_GE(stream_bytes + 10000, 50u * 9000);
  EXPECT_GE(connection_bytes + 40000, 50u * 9000);
  EXPECT_EQ(stories_[&one_].body.size(), 50u * 9000);
}

TEST_F(Http2ClientSessionTest, ACancelledStreamIsResetAndItsAnswerIgnored) {
  Establish();
  Start(one_);
  TakeSent();
  session_->Cancel(one_, ErrorCode::kCancel);
  const std::vector<SentFrame> sent = TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].type, FrameType::kRstStream);
  EXPECT_EQ(sent[0].error(), ErrorCode::kCancel);
  ASSERT_TRUE(session_->Receive(Answer(1, "late")));
  EXPECT_TRUE(stories_.empty());
}

TEST_F(Http2ClientSessionTest, AListenerMayCancelWhileItIsTold) {
  Establish();
  cancels_at_head_ = true;
  Start(one_);
  ASSERT_TRUE(session_->Receive(Answer(1, "unwanted")));
  EXPECT_EQ(stories_[&one_].body, "");
  EXPECT_FALSE(stories_[&one_].has_ended);
}

TEST_F(Http2ClientSessionTest, AnAnswerBeforeTheWholeRequestEndsBoth) {
  Establish({{Setting::kInitialWindowSize, 3}});
  Start(one_);
  TakeSent();
  ASSERT_TRUE(session_->Receive(Answer(1, "early")));
  EXPECT_TRUE(stories_[&one_].has_ended);
  const std::vector<SentFrame> sent = TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].type, FrameType::kRstStream);
}

TEST_F(Http2ClientSessionTest, NoMoreStreamsThanTheServerPermits) {
  Establish({{Setting::kMaxConcurrentStreams, 2}});
  Start(one_);
  Start(two_);
  EXPECT_FALSE(session_->CanStart());
  ASSERT_TRUE(session_->Receive(Answer(1, "")));
  EXPECT_TRUE(session_->CanStart());
}

TEST_F(Http2ClientSessionTest, AResetSaysWhetherTheRequestWasLookedAt) {
  Establish();
  Start(one_);
  Start(two_);
  const auto reset = [](uint32_t id, ErrorCode code) {
    return Frame(FrameType::kRstStream, 0, id, BigEndian(static_cast<uint32_t>(code), 4));
  };
  ASSERT_TRUE(session_->Receive(reset(1, ErrorCode::kRefusedStream)));
  ASSERT_TRUE(session_->Receive(reset(3, ErrorCode::kInternalError)));
  EXPECT_FALSE(stories_[&one_].failure->is_processed);
  EXPECT_TRUE(stories_[&two_].failure->is_processed);
  EXPECT_EQ(stories_[&two_].failure->code, ErrorCode::kInternalError);
  EXPECT_TRUE(session_->CanStart());
}

TEST_F(Http2ClientSessionTest, GoawayLetsEarlierStreamsEndAndGivesLaterOnesBack) {
  Establish();
  for (TestStream* stream : {&one_, &two_, &three_}) Start(*stream);
  ASSERT_TRUE(
      session_->Receive(Frame(FrameType::kGoaway, 0, 0, BigEndian(3, 4) + BigEndian(0, 4))));
  EXPECT_FALSE(stories_[&three_].failure->is_processed);
  EXPECT_FALSE(session_->CanStart());
  EXPECT_TRUE(session_->is_draining());
  ASSERT_TRUE(session_->Receive(Answer(1, "a") + Answer(3, "b")));
  EXPECT_EQ(stories_[&two_].grpc_status, 0);
  EXPECT_EQ(session_->streams(), 0u);
}

TEST_F(Http2ClientSessionTest, AServerMayRefuseTheConnectionBeforeItsSettings) {
  Open();
  EXPECT_FALSE(session_->Receive(
      Frame(FrameType::kGoaway, 0, 0, BigEndian(0, 4) + BigEndian(11, 4) + "--max\n")));
  EXPECT_EQ(session_->failure(), "GOAWAY with code 11 (--max?)");
}

TEST_F(Http2ClientSessionTest, PingsAreAnswered) {
  Establish();
  ASSERT_TRUE(session_->Receive(Frame(FrameType::kPing, 0, 0, "12345678") +
                                Frame(FrameType::kPing, kAck, 0, "87654321")));
  const std::vector<SentFrame> sent = TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(sent[0].Has(kAck));
  EXPECT_EQ(sent[0].payload, "12345678");
}

TEST_F(Http2ClientSessionTest, CloseEndsAllStreams) {
  Establish();
  Start(one_);
  Start(two_);
  session_->Close("gone");
  EXPECT_TRUE(stories_[&one_].failure.has_value() && stories_[&two_].failure.has_value());
  EXPECT_TRUE(stories_[&one_].failure->is_processed);
}

}  // namespace
}  // namespace larder::http2
