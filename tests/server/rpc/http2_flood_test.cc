#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/rpc/http2_session_fixture.h"

namespace larder::http2 {
namespace {

TEST_F(SessionTest, PingsForEachAnswerAreNoFlood) {
  Begin();
  ASSERT_TRUE(Feed(Open(1) + WindowUpdate(1, 1 << 30) + WindowUpdate(0, 1 << 30)));
  for (int i = 0; i < 30000; ++i) {
    Write(1, "answer");
    ASSERT_TRUE(Feed(Frame(FrameType::kPing, 0, 0, "12345678"))) << i;
    Sent();
  }
}

TEST_F(SessionTest, AClientMayCancelAllItsCallsAtOnce) {
  Begin();
  for (int round = 0; round < 2; ++round) {
    std::string requests;
    std::string resets;
    for (uint32_t id = 1; id < 2048; id += 2) {
      const uint32_t stream_id = id + 2048 * static_cast<uint32_t>(round);
      requests += Open(stream_id);
      resets += Frame(FrameType::kRstStream, 0, stream_id, BigEndian(8, 4));
    }
    ASSERT_TRUE(Feed(requests));
    ASSERT_TRUE(Feed(resets));
  }
  EXPECT_EQ(dropped_, 2048);
}

TEST_F(SessionTest, RequestsThatCrossAGoawayAreNoFlood) {
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  session_->SendGoaway("bye");
  for (uint32_t id = 3; id < 20000; id += 2) ASSERT_TRUE(Feed(Open(id)));
  ASSERT_TRUE(Feed(Data(1, "goes on", kEndStream)));
  Sent();
  EXPECT_EQ(FailureOf(Data(99999, "")), ErrorCode::kProtocolError);
}

TEST_F(SessionTest, AContinuationFloodEndsTheConnection) {
  Begin();
  std::string flood = Frame(FrameType::kHeaders, 0, 1, "");
  for (int i = 0; i < 100; ++i) flood += Frame(FrameType::kContinuation, 0, 1, "");
  EXPECT_EQ(FailureOf(flood), ErrorCode::kEnhanceYourCalm);
  Restart({});
  Begin();
  flood = Frame(FrameType::kHeaders, 0, 1, "");
  for (int i = 0; i < 14; ++i) {
    flood += Frame(FrameType::kContinuation, 0, 1, std::string(10000, '\0'));
  }
  EXPECT_EQ(FailureOf(flood), ErrorCode::kEnhanceYourCalm);
}

TEST_F(SessionTest, AHeaderBlockOfManyLargeIndicesEndsTheConnection) {
  Begin();
  Fields fields = RequestFields("/a/b");
  const std::string insert = HeaderBlock({{"k", std::string(3000, 'v')}}).replace(0, 1, "\x40") +
                             std::string(8000, '\xbe');
  EXPECT_EQ(FailureOf(Frame(FrameType::kHeaders, kEndHeaders, 1, HeaderBlock(fields) + insert)),
            ErrorCode::kEnhanceYourCalm);
}

TEST_F(SessionTest, FloodsOfFramesThatBringNothingEndTheConnection) {
  const std::string floods[] = {Frame(FrameType::kPing, 0, 0, "12345678"),
                                Settings(),
                                Frame(FrameType::kPriority, 0, 1, std::string(5, '\0')),
                                Frame(static_cast<FrameType>(0x77), 0, 0, "x"),
                                Data(1, ""),
                                Frame(FrameType::kSettings, kAck, 0, ""),
                                Frame(FrameType::kPing, kAck, 0, "12345678"),
                                Frame(FrameType::kGoaway, 0, 0, std::string(8, '\0'))};
  for (const std::string& frame : floods) {
    Restart({});
    Begin();
    ASSERT_TRUE(Feed(Open(1)));
    std::string flood;
    for (int i = 0; i < 11000; ++i) flood += frame;
    EXPECT_EQ(FailureOf(flood), ErrorCode::kEnhanceYourCalm);
  }
}

TEST_F(SessionTest, EmptyDataForAClosedStreamIsAFlood) {
  Begin();
  ASSERT_TRUE(Feed(Open(1)));
  session_->Reset(stream(1), ErrorCode::kCancel);
  std::string flood;
  for (int i = 0; i < 11000; ++i) flood += Data(1, "");
  EXPECT_EQ(FailureOf(flood), ErrorCode::kEnhanceYourCalm);
}

TEST_F(SessionTest, ChangingTheWindowsOfManyStreamsAgainAndAgainIsAFlood) {
  Begin();
  for (uint32_t id = 1; id < 2048; id += 2) ASSERT_TRUE(Feed(Open(id)));
  std::vector<std::pair<Setting, uint32_t>> changes;
  for (uint32_t i = 0; i < 500; ++i) changes.emplace_back(Setting::kInitialWindowSize, 1000 + i);
  ASSERT_TRUE(Feed(Settings(changes)));
  EXPECT_EQ(FailureOf(Settings(changes)), ErrorCode::kEnhanceYourCalm);
}

TEST_F(SessionTest, RapidResetsEndTheConnection) {
  Begin();
  std::string flood;
  for (uint32_t id = 1; id < 6000; id += 2) {
    flood += Open(id) + Frame(FrameType::kRstStream, 0, id, BigEndian(8, 4));
  }
  EXPECT_EQ(FailureOf(flood), ErrorCode::kEnhanceYourCalm);
}

TEST_F(SessionTest, ResetsAmongAnsweredRequestsAreNoFlood) {
  Begin();
  for (uint32_t id = 1; id < 20000; id += 10) {
    ASSERT_TRUE(Feed(Open(id) + Frame(FrameType::kRstStream, 0, id, BigEndian(8, 4))));
    for (uint32_t other = id + 2; other < id + 10; other += 2) {
      ASSERT_TRUE(Feed(Headers(other, RequestFields("/a/b"), kEndStream)));
      session_->End(stream(other), OkTrailers());
    }
    Sent();
  }
  EXPECT_EQ(dropped_, 10000);
}

}  // namespace
}  // namespace larder::http2
