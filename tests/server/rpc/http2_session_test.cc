#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/server/rpc/http2_session_fixture.h"

namespace larder::http2 {
namespace {

TEST_F(SessionTest, GreetsWithItsSettings) {
  ASSERT_TRUE(Feed(Hello()));
  const auto frames = Sent();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].type, FrameType::kSettings);
  EXPECT_EQ(frames[1].type, FrameType::kWindowUpdate);
  EXPECT_EQ(frames[2].type, FrameType::kSettings);
  EXPECT_TRUE(frames[2].Has(kAck));
}

TEST_F(SessionTest, APrefaceMayComeInPiecesButMustBeOne) {
  for (const char byte : Hello()) ASSERT_TRUE(Feed(std::string(1, byte)));
  Restart({});
  EXPECT_EQ(FailureOf("GET / HTTP/1.1\r\n\r\n"), ErrorCode::kProtocolError);
  Restart({});
  EXPECT_EQ(FailureOf(std::string(kPreface) + Frame(FrameType::kPing, 0, 0, "12345678")),
            ErrorCode::kProtocolError);
}

TEST_F(SessionTest, RequestsComeWithHeadAndBody) {
  Begin();
  ASSERT_TRUE(Feed(Open(1) + Open(3) + Data(1, "one") + Data(3, "three", kEndStream) +
                   Data(1, " more", kEndStream)));
  EXPECT_EQ(paths_[1], "/a/b");
  EXPECT_EQ(bodies_[1], "one more");
  EXPECT_EQ(bodies_[3], "three");
  EXPECT_TRUE(stream(1).remote_ended);
}

TEST_F(SessionTest, TheSameBlockIsTheSameRequestUntilTheTableChanges) {
  Begin();
  // Puts ":path: /a" into the table, then "/b", and refers to the newest each time.
  const std::string constant = HeaderBlock({{":method", "POST"}, {":scheme", "http"}});
  const auto insert = [](const std::string& path) {
    return std::string("\x44") + static_cast<char>(path.size()) + path;  // :path is index 4
  };
  const auto block = [&](uint32_t id, const std::string& bytes) {
    return Frame(FrameType::kHeaders, kEndHeaders | kEndStream, id, bytes);
  };
  const std::string indexed = "\x83\x86\xbe";  // POST, http, the newest of the table
  ASSERT_TRUE(Feed(block(1, constant + insert("/a")) + block(3, indexed) + block(5, indexed) +
                   block(7, constant + insert("/b") + insert("/c").replace(0, 1, "\x41")) +
                   block(9, "\x83\x86\xbf") + block(11, "\x83\x86\xbf")));
  for (const uint32_t id : {1, 3, 5}) EXPECT_EQ(paths_[id], "/a");
  for (const uint32_t id : {7, 9, 11}) EXPECT_EQ(paths_[id], "/b");
  // Trailers that enter the table change what the same bytes mean, too: now they are no request.
  ASSERT_TRUE(Feed(block(13, "\x83\x86\xbf").replace(4, 1, std::string(1, kEndHeaders))));
  ASSERT_TRUE(Feed(block(13, std::string("\x40\x01k\x01v", 5))));
  EXPECT_EQ(ResetOf(block(15, "\x83\x86\xbf")), ErrorCode::kProtocolError);
}

TEST_F(SessionTest, AnEmptyHeaderBlockIsNoRequest) {
  Begin();
  ASSERT_TRUE(Feed(Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1,
                         HeaderBlock(RequestFields("/a/b")) + std::string("\x40\x01k\x01v", 5))));
  EXPECT_EQ(ResetOf(Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 3, "")),
            ErrorCode::kProtocolError);
}

TEST_F(SessionTest, TrailersThatCrossAnAnswerAreIgnored) {
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  session_->End(stream(1), OkTrailers());
  EXPECT_EQ(ResetOf(Headers(1, {{"checksum", "1"}}, kEndStream)), ErrorCode::kNoError);
}

TEST_F(SessionTest, StreamsOfWhichNothingCanBeSentAreResetInTime) {
  ASSERT_TRUE(Feed(Hello({{Setting::kInitialWindowSize, 10}})));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream) +
                   Headers(3, RequestFields("/a/b"), kEndStream) + Open(5)));
  Write(1, "more than ten bytes");
  Write(3, "more than ten bytes");
  session_->OnSecondsPassed(20, 30);
  ASSERT_TRUE(Feed(WindowUpdate(3, 1)));
  session_->OnSecondsPassed(11, 30);
  EXPECT_EQ(session_->Find(1), nullptr);
  EXPECT_NE(session_->Find(3), nullptr) << "it goes on, if slowly";
  EXPECT_NE(session_->Find(5), nullptr) << "it has nothing to send";
  EXPECT_EQ(dropped_, 1);
}

TEST_F(SessionTest, WhatIsTakenBackAnnouncesTheTablesSizeAgain) {
  ASSERT_TRUE(Feed(Hello({{Setting::kHeaderTableSize, 0}})));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream)));
  Sent();
  session_->WriteHeaders(stream(1), AnswerHead());
  session_->Rewind(0);
  session_->WriteHeaders(stream(1), AnswerHead());
  EXPECT_EQ(Sent().at(0).payload.front(), '\x20');
}

TEST_F(SessionTest, AHeaderBlockMayBeContinued) {
  Begin();
  const std::string block = HeaderBlock(RequestFields("/a/b"));
  ASSERT_TRUE(Feed(Frame(FrameType::kHeaders, kEndStream, 1, block.substr(0, 3)) +
                   Frame(FrameType::kContinuation, 0, 1, block.substr(3, 10)) +
                   Frame(FrameType::kContinuation, kEndHeaders, 1, block.substr(13))));
  EXPECT_EQ(paths_[1], "/a/b");
  EXPECT_EQ(FailureOf(Frame(FrameType::kHeaders, 0, 3, block) + Data(1, "")),
            ErrorCode::kProtocolError);
}

TEST_F(SessionTest, StreamsOverTheLimitAreRefused) {
  Restart({.streams_max = 2});
  Begin();
  EXPECT_EQ(ResetOf(Open(1) + Open(3)), ErrorCode::kNoError);
  EXPECT_EQ(ResetOf(Open(5)), ErrorCode::kRefusedStream);
  session_->End(stream(1), OkTrailers());
  EXPECT_EQ(ResetOf(Open(7)), ErrorCode::kNoError);
}

TEST_F(SessionTest, AnswersAreHeadDataAndTrailers) {
  Begin();
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream)));
  session_->WriteHeaders(stream(1), AnswerHead());
  Write(1, "answer");
  session_->End(stream(1), OkTrailers());
  EXPECT_EQ(session_->streams(), 0u);
  const auto frames = Sent();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].type, FrameType::kHeaders);
  EXPECT_EQ(frames[1].payload, "answer");
  EXPECT_TRUE(frames[2].Has(kEndStream));
}

TEST_F(SessionTest, AnAnswerBeforeTheEndOfTheRequestResetsWithoutError) {
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  session_->End(stream(1), OkTrailers());
  const auto frames = Sent();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].type, FrameType::kRstStream);
  EXPECT_EQ(frames[1].error(), ErrorCode::kNoError);
  EXPECT_EQ(ResetOf(Data(1, "sent before it knew")), ErrorCode::kNoError);
}

TEST_F(SessionTest, DataWaitsForTheStreamsWindow) {
  ASSERT_TRUE(Feed(Hello({{Setting::kInitialWindowSize, 10}})));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream)));
  Sent();
  EXPECT_FALSE(session_->CanSend(stream(1), 11, 0));
  Write(1, "0123456789abcdef");
  EXPECT_EQ(BodyOf(Sent(), 1), "0123456789");
  EXPECT_EQ(session_->pending_bytes(), 6u);
  ASSERT_TRUE(Feed(WindowUpdate(1, 2)));
  EXPECT_EQ(BodyOf(Sent(), 1), "ab");
  EXPECT_EQ(unblocked_, 0);
  // A larger initial window is one for streams that are open, too.
  ASSERT_TRUE(Feed(Settings({{Setting::kInitialWindowSize, 30}})));
  EXPECT_EQ(BodyOf(Sent(), 1), "cdef");
  EXPECT_EQ(unblocked_, 1);
  EXPECT_EQ(session_->pending_bytes(), 0u);
}

TEST_F(SessionTest, AWindowMayBecomeNegative) {
  ASSERT_TRUE(Feed(Hello()));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream)));
  Write(1, "0123456789");
  Sent();
  ASSERT_TRUE(Feed(Settings({{Setting::kInitialWindowSize, 5}})));
  Write(1, "x");
  EXPECT_EQ(BodyOf(Sent(), 1), "");
  ASSERT_TRUE(Feed(WindowUpdate(1, 5)));
  EXPECT_EQ(BodyOf(Sent(), 1), "");
  ASSERT_TRUE(Feed(WindowUpdate(1, 1)));
  EXPECT_EQ(BodyOf(Sent(), 1), "x");
}

TEST_F(SessionTest, TheConnectionsWindowIsSharedInTurn) {
  ASSERT_TRUE(Feed(Hello({{Setting::kInitialWindowSize, 1u << 20}})));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream) +
                   Headers(3, RequestFields("/a/b"), kEndStream)));
  Sent();
  Write(1, std::string(60000, '1'));
  Write(3, std::string(60000, '3'));
  auto frames = Sent();
  EXPECT_EQ(BodyOf(frames, 1).size(), 60000u);
  EXPECT_EQ(BodyOf(frames, 3).size(), 5535u) << "65535 in all";
  Write(1, std::string(60000, '1'));
  session_->End(stream(1), OkTrailers());
  ASSERT_TRUE(Feed(WindowUpdate(0, 200000)));
  frames = Sent();
  EXPECT_EQ(BodyOf(frames, 1).size(), 60000u);
  EXPECT_EQ(BodyOf(frames, 3).size(), 60000u - 5535u);
  EXPECT_EQ(session_->Find(1), nullptr) << "ended behind its DATA";
}

TEST_F(SessionTest, DataWaitsForTheSocket) {
  Restart({.output_bytes_max = 20000});
  ASSERT_TRUE(Feed(Hello({{Setting::kInitialWindowSize, 1u << 20}}) + WindowUpdate(0, 1u << 20)));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream)));
  Write(1, std::string(100000, 'x'));
  EXPECT_LT(output_.size(), 20000u + 16384 + 200);
  size_t received = 0;
  for (int i = 0; i < 10; ++i) received += BodyOf(Sent(), 1).size();
  EXPECT_EQ(received, 100000u);
}

TEST_F(SessionTest, WindowsOfRequestsAreReturnedAsTheyAreUsed) {
  Restart({.stream_window_bytes = 70000, .connection_window_bytes = 100000});
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  int64_t stream_window = 70000;
  int64_t connection_window = 100000;
  for (int i = 0; i < 100; ++i) {
    stream_window -= 10000;
    connection_window -= 10000;
    ASSERT_GE(std::min(stream_window, connection_window), 0);
    ASSERT_TRUE(Feed(Data(1, std::string(10000, 'x'))));
    for (const SentFrame& frame : Sent()) {
      const auto bytes = static_cast<int64_t>(LoadBigEndian(frame.payload.data(), 4));
      (frame.stream_id == 0 ? connection_window : stream_window) += bytes;
    }
  }
  EXPECT_EQ(bodies_[1].size(), 1000000u);
}

TEST_F(SessionTest, AWindowThatIsKeptHoldsTheClient) {
  Restart({.stream_window_bytes = 20000});
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  stream(1).keeps_window = true;
  EXPECT_EQ(ResetOf(Data(1, std::string(16000, 'x'))), ErrorCode::kNoError);
  session_->ReturnWindow(stream(1));
  EXPECT_EQ(Sent().at(0).payload, BigEndian(16000, 4));
  stream(1).keeps_window = true;
  EXPECT_EQ(ResetOf(Data(1, std::string(16000, 'x'))), ErrorCode::kNoError);
  EXPECT_EQ(ResetOf(Data(1, std::string(16000, 'x'))), ErrorCode::kFlowControlError);
}

TEST_F(SessionTest, PaddingCountsForTheWindowOnly) {
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  ASSERT_TRUE(Feed(Data(1, std::string("\x03") + "body" + std::string(3, '\0'), kPadded)));
  EXPECT_EQ(bodies_[1], "body");
  EXPECT_EQ(stream(1).unreturned_bytes, 8u);
  EXPECT_EQ(FailureOf(Data(1, std::string("\x05") + "body", kPadded)), ErrorCode::kProtocolError);
}

TEST_F(SessionTest, ContentLengthMustBeKept) {
  Begin();
  Fields fields = RequestFields("/a/b");
  fields.emplace_back("content-length", "3");
  EXPECT_EQ(ResetOf(Headers(1, fields) + Data(1, "abc", kEndStream)), ErrorCode::kNoError);
  EXPECT_EQ(ResetOf(Headers(3, fields) + Data(3, "ab", kEndStream)), ErrorCode::kProtocolError);
  EXPECT_EQ(ResetOf(Headers(5, fields) + Data(5, "abcd")), ErrorCode::kProtocolError);
  EXPECT_EQ(ResetOf(Headers(7, fields, kEndStream)), ErrorCode::kProtocolError);
}

TEST_F(SessionTest, APathThatIsRepeatedIsMalformedAndLookedUpOnce) {
  Begin();
  Fields fields = RequestFields("/a/b");
  fields.insert(fields.begin() + 3, 300, {":path", "/c"});
  EXPECT_EQ(ResetOf(Headers(1, fields, kEndStream)), ErrorCode::kProtocolError);
  EXPECT_EQ(looked_up_, 1);
}

TEST_F(SessionTest, TrailersEndARequest) {
  Begin();
  EXPECT_EQ(ResetOf(Open(1) + Data(1, "x") + Headers(1, {{"checksum", "1"}}, kEndStream)),
            ErrorCode::kNoError);
  EXPECT_TRUE(stream(1).remote_ended);
  EXPECT_EQ(ResetOf(Open(3) + Headers(3, {{"checksum", "1"}})), ErrorCode::kProtocolError);
  EXPECT_EQ(ResetOf(Open(5) + Headers(5, {{":path", "/"}}, kEndStream)), ErrorCode::kProtocolError);
}

TEST_F(SessionTest, HeadersOfTooManyBytesAreToldToTheListener) {
  Restart({.header_bytes_max = 1000});
  Begin();
  Fields fields = RequestFields("/a/b");
  fields.emplace_back("large", std::string(1000, 'x'));
  EXPECT_EQ(ResetOf(Headers(1, fields)), ErrorCode::kNoError);
  EXPECT_TRUE(paths_.contains(1));
}

TEST_F(SessionTest, HeadersOfManyFramesAreToldToTheListenerAndTheConnectionGoesOn) {
  Begin();
  for (const size_t bytes : {17'000, 65'000, 120'000}) {
    Fields fields = RequestFields("/a/b");
    for (size_t left = bytes; left > 0; left -= std::min<size_t>(left, 30'000)) {
      fields.emplace_back("large", std::string(std::min<size_t>(left, 30'000), 'x'));
    }
    const std::string block = HeaderBlock(fields);
    const auto id = static_cast<uint32_t>(2 * paths_.size() + 1);
    std::string frames = Frame(FrameType::kHeaders, 0, id, block.substr(0, 16384));
    for (size_t at = 16384; at < block.size(); at += 16384) {
      const bool is_last = at + 16384 >= block.size();
      frames +=
          Frame(FrameType::kContinuation, is_last ? kEndHeaders : 0, id, block.substr(at, 16384));
    }
    ASSERT_TRUE(Feed(frames.substr(0, 16500)));
    EXPECT_GE(session_->header_block_bytes(), 16384u);
    EXPECT_EQ(ResetOf(frames.substr(16500)), ErrorCode::kNoError) << bytes;
    EXPECT_TRUE(paths_.contains(id)) << bytes;
    EXPECT_EQ(session_->header_block_bytes(), 0u);
  }
  ASSERT_TRUE(Feed(Open(99)));
  EXPECT_EQ(paths_[99], "/a/b");
}

TEST_F(SessionTest, AHeaderBlockIsNotKeptWhenTheSessionHasFailed) {
  Begin();
  ASSERT_TRUE(Feed(Frame(FrameType::kHeaders, 0, 1, std::string(16384, '\0'))));
  EXPECT_EQ(session_->header_block_bytes(), 16384u);
  EXPECT_FALSE(Feed(Frame(FrameType::kPing, 0, 0, "12345678")));
  session_->Close();
  EXPECT_EQ(session_->header_block_bytes(), 0u);
}

TEST_F(SessionTest, EveryHeaderBlockBeginsAnewAfterTheTablesSizeWasSet) {
  ASSERT_TRUE(Feed(Hello({{Setting::kHeaderTableSize, 0}})));
  ASSERT_TRUE(Feed(Headers(1, RequestFields("/a/b"), kEndStream)));
  Sent();
  session_->WriteHeaders(stream(1), AnswerHead());
  session_->WriteHeaders(stream(1), AnswerHead());
  const auto frames = Sent();
  EXPECT_EQ(frames.at(0).payload, "\x20" + std::string(AnswerHead()));
  EXPECT_EQ(frames.at(1).payload, AnswerHead());
}

TEST_F(SessionTest, AfterGoawayNoStreamIsOpenedAndOthersGoOn) {
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  session_->SendGoaway("bye");
  const auto frames = Sent();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].type, FrameType::kGoaway);
  EXPECT_EQ(frames[0].error(), ErrorCode::kNoError);
  EXPECT_EQ(frames[0].payload.substr(0, 4), BigEndian(1, 4));
  EXPECT_EQ(ResetOf(Open(3)), ErrorCode::kRefusedStream);
  ASSERT_TRUE(Feed(Data(1, "goes on", kEndStream)));
  EXPECT_EQ(bodies_[1], "goes on");
}

TEST_F(SessionTest, PingsAreAnswered) {
  Begin();
  ASSERT_TRUE(Feed(Frame(FrameType::kPing, 0, 0, "12345678")));
  ASSERT_TRUE(Feed(Frame(FrameType::kPing, kAck, 0, "87654321")));
  const auto frames = Sent();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].Has(kAck));
  EXPECT_EQ(frames[0].payload, "12345678");
}

TEST_F(SessionTest, CloseDropsAllStreams) {
  Begin();
  ASSERT_TRUE(Feed(Open(1) + Open(3)));
  session_->Close();
  EXPECT_EQ(dropped_, 2);
  EXPECT_FALSE(Feed(Open(5)));
}

}  // namespace
}  // namespace larder::http2
