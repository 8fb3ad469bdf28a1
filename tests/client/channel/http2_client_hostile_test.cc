#include <string>
#include <utility>

#include "tests/client/channel/http2_client_fixture.h"

// Servers that break the rules, or use them up.
namespace larder::http2 {
namespace {

using Http2ClientHostileTest = Http2ClientSessionTest;

TEST_F(Http2ClientHostileTest, WhatAStreamMayNotSayEndsOnlyTheStream) {
  const std::pair<std::string, ErrorCode> cases[] = {
      {Data(1, "x"), ErrorCode::kProtocolError},  // before the head
      {Headers(1, {{":status", "20"}}), ErrorCode::kProtocolError},
      {Headers(1, {{"content-type", "application/grpc"}}), ErrorCode::kProtocolError},
      {Headers(1, {{":status", "200"}, {":status", "200"}}), ErrorCode::kProtocolError},
      {Headers(1, {{"a", "b"}, {":status", "200"}}), ErrorCode::kProtocolError},
      {Headers(1, {{":status", "200"}, {"Upper", "b"}}), ErrorCode::kProtocolError},
      {Headers(1, {{":status", "200"}, {"connection", "b"}}), ErrorCode::kProtocolError},
      {Headers(1, {{":status", "103"}}, kEndStream), ErrorCode::kProtocolError},
      {Headers(1, HeadFields()) + Headers(1, {{"grpc-status", "0"}}), ErrorCode::kProtocolError},
      {Headers(1, HeadFields()) + Headers(1, HeadFields(), kEndStream), ErrorCode::kProtocolError},
      {Headers(1,
               {{":status", "200"}, {"a", std::string(8150, 'x')}, {"b", std::string(8150, 'y')}}),
       ErrorCode::kEnhanceYourCalm},
      {WindowUpdate(1, 0), ErrorCode::kProtocolError},
      {WindowUpdate(1, kWindowMax), ErrorCode::kFlowControlError},
  };
  for (const auto& [bytes, code] : cases) {
    stories_.clear();
    session_.reset();
    output_.MarkSent(output_.size());
    Establish();
    Start(one_);
    Start(two_);
    TakeSent();
    ASSERT_TRUE(session_->Receive(bytes + Answer(3, "good")));
    ASSERT_TRUE(stories_[&one_].failure.has_value());
    EXPECT_EQ(stories_[&one_].failure->code, code);
    EXPECT_FALSE(stories_[&one_].failure->is_by_server);
    EXPECT_EQ(stories_[&two_].body, "good");
    const std::vector<SentFrame> sent = TakeSent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].type, FrameType::kRstStream);
    EXPECT_EQ(sent[0].error(), code);
  }
}

TEST_F(Http2ClientHostileTest, AnAnswerBeyondTheStreamsWindowIsReset) {
  Open({.stream_window_bytes = 30000, .connection_window_bytes = 1 << 20});
  ASSERT_TRUE(session_->Receive(Settings()));
  Start(one_);
  one_.receive_window = 100;  // as if windows had not been given back
  ASSERT_TRUE(session_->Receive(Headers(1, HeadFields()) + Data(1, std::string(101, 'x'))));
  EXPECT_EQ(stories_[&one_].failure->code, ErrorCode::kFlowControlError);
}

TEST_F(Http2ClientHostileTest, WhatAConnectionMayNotSayEndsIt) {
  const std::pair<std::string, ErrorCode> cases[] = {
      {Frame(FrameType::kPushPromise, kEndHeaders, 1, BigEndian(2, 4)), ErrorCode::kProtocolError},
      {Data(0, "x"), ErrorCode::kProtocolError},
      {Data(2, "x"), ErrorCode::kProtocolError},
      {Data(5, "x"), ErrorCode::kProtocolError},
      {Frame(FrameType::kData, kPadded, 1, "\x09short"), ErrorCode::kProtocolError},
      {Headers(5, HeadFields()), ErrorCode::kProtocolError},
      {Headers(2, HeadFields()), ErrorCode::kProtocolError},
      {Frame(FrameType::kHeaders, kPadded | kEndHeaders, 1, ""), ErrorCode::kProtocolError},
      {Frame(FrameType::kHeaders, kHasPriority | kEndHeaders, 1, "abc"),
       ErrorCode::kFrameSizeError},
      {Frame(FrameType::kHeaders, kEndHeaders, 1, "\xff\xff\xff\xff\xff"),
       ErrorCode::kCompressionError},
      {Frame(FrameType::kHeaders, 0, 1, "\x88") + Data(1, "x"), ErrorCode::kProtocolError},
      {Frame(FrameType::kHeaders, 0, 1, "\x88") + Frame(FrameType::kContinuation, 0, 3, ""),
       ErrorCode::kProtocolError},
      {Frame(FrameType::kContinuation, kEndHeaders, 1, ""), ErrorCode::kProtocolError},
      {Frame(FrameType::kSettings, 0, 1, ""), ErrorCode::kProtocolError},
      {Frame(FrameType::kSettings, kAck, 0, "abcdef"), ErrorCode::kFrameSizeError},
      {Frame(FrameType::kSettings, 0, 0, "abc"), ErrorCode::kFrameSizeError},
      {Settings({{Setting::kEnablePush, 1}}), ErrorCode::kProtocolError},
      {Settings({{Setting::kInitialWindowSize, 1u << 31}}), ErrorCode::kFlowControlError},
      {Settings({{Setting::kMaxFrameSize, 100}}), ErrorCode::kProtocolError},
      {Frame(FrameType::kPing, 0, 1, "12345678"), ErrorCode::kProtocolError},
      {Frame(FrameType::kPing, 0, 0, "1234567"), ErrorCode::kFrameSizeError},
      {Frame(FrameType::kGoaway, 0, 1, "12345678"), ErrorCode::kProtocolError},
      {Frame(FrameType::kGoaway, 0, 0, "1234567"), ErrorCode::kFrameSizeError},
      {Frame(FrameType::kRstStream, 0, 1, "123"), ErrorCode::kFrameSizeError},
      {Frame(FrameType::kRstStream, 0, 0, "1234"), ErrorCode::kProtocolError},
      {Frame(FrameType::kRstStream, 0, 9, "1234"), ErrorCode::kProtocolError},
      {WindowUpdate(0, 0), ErrorCode::kProtocolError},
      {WindowUpdate(0, kWindowMax), ErrorCode::kFlowControlError},
      {WindowUpdate(9, 1), ErrorCode::kProtocolError},
      {Frame(FrameType::kWindowUpdate, 0, 0, "123"), ErrorCode::kFrameSizeError},
      {std::string("\xff\xff\xff\0\0\0\0\0\1", 9), ErrorCode::kFrameSizeError},
  };
  for (const auto& [bytes, code] : cases) {
    stories_.clear();
    session_.reset();
    output_.MarkSent(output_.size());
    Establish();
    Start(one_);
    ExpectFailure(bytes, code);
    EXPECT_FALSE(stories_[&one_].failure.has_value());
    session_->Close(session_->failure());
    EXPECT_TRUE(stories_[&one_].failure.has_value());
  }
}

TEST_F(Http2ClientHostileTest, TheFirstFrameMustBeSettings) {
  Open();
  ExpectFailure(Frame(FrameType::kPing, 0, 0, "12345678"), ErrorCode::kProtocolError);
  EXPECT_FALSE(session_->is_established());
}

TEST_F(Http2ClientHostileTest, AnHttp1ServerIsNoServer) {
  Open();
  EXPECT_FALSE(session_->Receive("HTTP/1.1 400 Bad Request\r\n\r\n"));
}

TEST_F(Http2ClientHostileTest, AHeaderBlockWithoutEndIsCutOff) {
  Establish();
  Start(one_);
  std::string bytes = Frame(FrameType::kHeaders, 0, 1, "\x88");
  for (int i = 0; i < 40; ++i) bytes += Frame(FrameType::kContinuation, 0, 1, "");
  ExpectFailure(bytes, ErrorCode::kEnhanceYourCalm);
}

TEST_F(Http2ClientHostileTest, FloodsEndTheConnection) {
  const std::string floods[] = {Frame(FrameType::kPing, 0, 0, "12345678"),
                                Settings(),
                                Data(1, ""),
                                Frame(FrameType::kPriority, 0, 1, "12345"),
                                WindowUpdate(1, 1),
                                Headers(1, {{":status", "103"}}),
                                Frame(static_cast<FrameType>(99), 0, 0, "")};
  for (const std::string& frame : floods) {
    stories_.clear();
    session_.reset();
    output_.MarkSent(output_.size());
    Establish();
    Start(one_);
    if (frame == Data(1, "")) {
      ASSERT_TRUE(session_->Receive(Headers(1, HeadFields())));
    }
    bool goes_on = true;
    for (int i = 0; i < 20000 && goes_on; ++i) {
      goes_on = session_->Receive(frame);
      output_.MarkSent(output_.size());
    }
    EXPECT_FALSE(goes_on) << static_cast<int>(frame[3]);
    EXPECT_EQ(session_->failure(), "too many frames that bring nothing");
    session_->Close("");
  }
}

TEST_F(Http2ClientHostileTest, AServerThatAnswersMayPing) {
  Establish();
  for (int i = 0; i < 20000; ++i) {
    stories_.clear();
    Start(one_);
    ASSERT_TRUE(session_->Receive(Frame(FrameType::kPing, 0, 0, "12345678") + WindowUpdate(0, 100) +
                                  Answer(one_.id, "x")));
    TakeSent();
  }
}

}  // namespace
}  // namespace larder::http2
