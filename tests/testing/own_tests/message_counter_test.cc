#include "tests/testing/link_proxy/message_counter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proto/http2/http2_frame.h"
#include "proto/wire/big_endian.h"

namespace larder::link_proxy {
namespace {

using http2::FrameHeader;
using http2::FrameType;

std::string Frame(FrameType type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame(FrameHeader::kBytes, 0);
  FrameHeader{static_cast<uint32_t>(payload.size()), type, flags, stream}.Write(frame.data());
  return frame + payload;
}

std::string Message(size_t bytes) {
  std::string message(5, 0);
  StoreBigEndian(static_cast<uint32_t>(bytes), 4, message.data() + 1);
  return message + std::string(bytes, 'm');
}

// Takes all of it in pieces of a size.
void Take(MessageCounter& counter, std::string_view bytes, size_t piece_bytes) {
  while (!bytes.empty()) {
    const size_t taken = counter.Advance(bytes.substr(0, piece_bytes));
    ASSERT_GT(taken, 0u);
    bytes.remove_prefix(taken);
  }
}

TEST(MessageCounterTest, CountsHoweverTheBytesAreCut) {
  const std::string bytes =
      std::string(http2::kPreface) + Frame(FrameType::kSettings, 0, 0, std::string(6, 0)) +
      Frame(FrameType::kHeaders, http2::kEndHeaders, 1, "block") +
      Frame(FrameType::kData, 0, 1, Message(10) + Message(0) + Message(30).substr(0, 7)) +
      Frame(FrameType::kData, 0, 3, Message(3)) +
      Frame(FrameType::kData, http2::kEndStream, 1, Message(30).substr(7)) +
      Frame(FrameType::kData, http2::kEndStream, 3, "") + Frame(FrameType::kPing, 0, 0, "12345678");
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    MessageCounter counter;
    Take(counter, bytes, piece);
    EXPECT_EQ(counter.messages(), 4u) << piece;
    EXPECT_EQ(counter.frames(), 4u) << piece;
    EXPECT_EQ(counter.bytes(), bytes.size()) << piece;
  }
}

TEST(MessageCounterTest, StopsAfterTheLastByteOfAMessage) {
  const std::string one = Message(10);
  const std::string frame = Frame(FrameType::kData, 0, 1, one + Message(20));
  MessageCounter counter;
  EXPECT_EQ(counter.Advance(frame), FrameHeader::kBytes + one.size());
  EXPECT_EQ(counter.messages(), 1u);
  EXPECT_EQ(counter.frames(), 0u);
}

TEST(MessageCounterTest, AServersBytesHaveNoPreface) {
  MessageCounter counter;
  Take(counter, Frame(FrameType::kSettings, 0, 0, "") + Frame(FrameType::kData, 0, 1, Message(1)),
       100);
  EXPECT_EQ(counter.messages(), 1u);
}

TEST(MessageCounterTest, WhatIsNotHttp2PassesUncounted) {
  MessageCounter counter;
  const std::string bytes = "\x16\x03\x01" + std::string(1000, '\xee');
  Take(counter, bytes, 7);
  EXPECT_EQ(counter.bytes(), bytes.size());
  EXPECT_EQ(counter.messages(), 0u);
  MessageCounter other;
  Take(other, "PRI * HTTP/1.1\r\n\r\nand more than a preface", 5);
  EXPECT_EQ(other.frames(), 0u);
}

TEST(MessageCounterTest, APaddedFrameCountsWithoutItsMessages) {
  MessageCounter counter;
  Take(counter, Frame(FrameType::kData, http2::kPadded, 1, std::string(1, 2) + "xxyy"), 3);
  EXPECT_EQ(counter.frames(), 1u);
  EXPECT_EQ(counter.messages(), 0u);
}

}  // namespace
}  // namespace larder::link_proxy
