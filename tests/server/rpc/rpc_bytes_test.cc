#include <gtest/gtest.h>

#include <map>
#include <string>

#include "proto/http2/frame_reader.h"
#include "proto/http2/header_decoder.h"
#include "proto/http2/output_buffer.h"
#include "proto/http2/status_block.h"
#include "server/rpc/gzip_inflater.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

using http2::FrameHeader;
using http2::FrameReader;
using http2::FrameType;
using http2::HeaderDecoder;

// What a reader makes of input that comes in pieces of so many bytes.
std::vector<SentFrame> ReadInPieces(const std::string& bytes, size_t piece) {
  FrameReader reader;
  std::vector<SentFrame> frames;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    std::string_view input = std::string_view(bytes).substr(at, piece);
    FrameHeader header;
    std::string_view payload;
    while (reader.Next(input, header, payload) == FrameReader::Result::kFrame) {
      frames.push_back({header.type, header.flags, header.stream_id, std::string(payload)});
    }
    EXPECT_TRUE(input.empty());
  }
  return frames;
}

TEST(FrameReaderTest, FramesAreTheSameWhereverTheInputIsCut) {
  const std::string bytes = Data(1, "") + Data(3, "abc", http2::kEndStream) +
                            Frame(FrameType::kPing, 0, 0, "12345678") +
                            Data(0x7fffffff, std::string(16384, 'x')) + Settings();
  const auto whole = ReadInPieces(bytes, bytes.size());
  ASSERT_EQ(whole.size(), 5u);
  EXPECT_EQ(whole[1].payload, "abc");
  EXPECT_TRUE(whole[1].Has(http2::kEndStream));
  EXPECT_EQ(whole[3].stream_id, 0x7fffffffu);
  for (const size_t piece : {1, 2, 8, 9, 10, 11, 13, 100, 16384, 16393}) {
    const auto frames = ReadInPieces(bytes, piece);
    ASSERT_EQ(frames.size(), whole.size()) << piece;
    for (size_t i = 0; i < frames.size(); ++i) {
      EXPECT_EQ(frames[i].type, whole[i].type);
      EXPECT_EQ(frames[i].stream_id, whole[i].stream_id);
      EXPECT_TRUE(frames[i].payload == whole[i].payload);
    }
  }
}

TEST(FrameReaderTest, AFrameOverTheLimitIsSeenFromItsHeader) {
  const std::string bytes = Data(1, std::string(16385, 'x'));
  for (const size_t first : {size_t{9}, size_t{5}, bytes.size()}) {
    FrameReader reader;
    std::string_view input = std::string_view(bytes).substr(0, first);
    FrameHeader header;
    std::string_view payload;
    auto result = reader.Next(input, header, payload);
    if (first < 9) {
      EXPECT_EQ(result, FrameReader::Result::kNeedsMore);
      input = std::string_view(bytes).substr(first, 10);
      result = reader.Next(input, header, payload);
    }
    EXPECT_EQ(result, FrameReader::Result::kTooLarge);
  }
}

TEST(OutputBufferTest, GivesBackWhatWasWrittenInOrder) {
  OutputBuffer buffer;
  std::string expected;
  std::string sent;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<size_t>(i % 97), static_cast<char>('a' + i % 26));
    buffer.Append(piece);
    expected += piece;
    const size_t taken = buffer.size() * static_cast<size_t>(i % 5) / 7;
    sent += buffer.unsent().substr(0, taken);
    buffer.MarkSent(taken);
  }
  sent += buffer.unsent();
  EXPECT_TRUE(sent == expected);
}

TEST(OutputBufferTest, WhatIsLeftDoesNotHoldTheMemoryOfWhatWasSent) {
  OutputBuffer buffer;
  buffer.Append(std::string(4 << 20, 'x') + "rest");
  buffer.MarkSent(4 << 20);
  EXPECT_EQ(buffer.unsent(), "rest");
  EXPECT_LE(buffer.capacity(), 4096u);
}

TEST(OutputBufferTest, RewindTakesBackWhatIsBehindTheMark) {
  OutputBuffer buffer;
  buffer.Append("sent, kept");
  buffer.MarkSent(6);
  const size_t mark = buffer.Mark();
  buffer.Append(std::string(10000, 'x'));
  EXPECT_EQ(buffer.From(mark).size(), 10000u);
  buffer.Rewind(mark);
  EXPECT_EQ(buffer.unsent(), "kept");
}

constexpr size_t kHeaderBytesMax = size_t{64} << 10;

std::map<std::string, std::string> Decoded(std::string_view block) {
  HeaderDecoder decoder;
  std::map<std::string, std::string> fields;
  const auto visit = [&](std::string_view name, std::string_view value) {
    fields[std::string(name)] = value;
  };
  EXPECT_EQ(decoder.Decode(block, kHeaderBytesMax, visit), HeaderDecoder::Block::kWhole);
  return fields;
}

using FieldMap = std::map<std::string, std::string>;

TEST(StatusBlockTest, AnswersThatAreOk) {
  EXPECT_EQ(Decoded(AnswerHead()),
            (FieldMap{{":status", "200"}, {"content-type", "application/grpc"}}));
  EXPECT_EQ(Decoded(OkTrailers()), (FieldMap{{"grpc-status", "0"}}));
}

TEST(StatusBlockTest, ErrorsAreEncoded) {
  const absl::Status error = absl::NotFoundError("100% \xc3\xa4\n");
  EXPECT_EQ(Decoded(StatusBlock(error, "\xff\xfe\x01", false)),
            (FieldMap{{"grpc-status", "5"},
                      {"grpc-message", "100%25 %C3%A4%0A"},
                      {"grpc-status-details-bin", "//4B"}}));
  EXPECT_EQ(Decoded(StatusBlock(error, "ab", false)).at("grpc-status-details-bin"), "YWI")
      << "without padding";
  const FieldMap only = Decoded(StatusBlock(absl::AbortedError(""), "", true));
  EXPECT_EQ(
      only,
      (FieldMap{{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "10"}}));
}

TEST(StatusBlockTest, LengthsOfEverySize) {
  for (const size_t bytes : {0, 1, 126, 127, 128, 254, 255, 256, 2047, 20000}) {
    std::string block;
    AppendField("name", std::string(bytes, 'v'), block);
    EXPECT_EQ(Decoded(block).at("name").size(), bytes);
  }
}

TEST(StatusBlockTest, LongMessagesAreCut) {
  const absl::Status error = absl::InternalError(std::string(100000, '\n'));
  std::string block = StatusBlock(error, std::string(3072, 'd'), true);
  EXPECT_LT(block.size(), 8192u);
  EXPECT_TRUE(Decoded(block).contains("grpc-status-details-bin"));
  block = StatusBlock(error, std::string(3073, 'd'), true);
  EXPECT_FALSE(Decoded(block).contains("grpc-status-details-bin"));
}

TEST(StatusBlockTest, MessagesNeitherBeginNorEndWithASpace) {
  EXPECT_EQ(Decoded(StatusBlock(absl::InternalError(" a b "), "", false)).at("grpc-message"),
            "%20a b%20");
}

TEST(HeaderDecoderTest, RemembersWhatIsIndexed) {
  HeaderDecoder decoder;
  FieldMap fields;
  const auto visit = [&](std::string_view name, std::string_view value) {
    fields[std::string(name)] = value;
  };
  // A literal with incremental indexing is the first of the dynamic table: index 62.
  const auto decode = [&](std::string_view block) {
    return decoder.Decode(block, kHeaderBytesMax, visit);
  };
  ASSERT_EQ(decode(std::string("\x40\x01k\x01v", 5)), HeaderDecoder::Block::kWhole);
  fields.clear();
  ASSERT_EQ(decode("\xbe"), HeaderDecoder::Block::kWhole);
  EXPECT_EQ(fields, (FieldMap{{"k", "v"}}));
  EXPECT_EQ(decode("\xc0"), HeaderDecoder::Block::kDamaged) << "there is no such index";
}

TEST(HeaderDecoderTest, StopsWhereWhatIndicesStandForIsTooMuch) {
  HeaderDecoder decoder;
  const std::string insert = HeaderBlock({{"k", std::string(3000, 'v')}}).replace(0, 1, "\x40");
  int fields = 0;
  const auto decode = [&](std::string_view block) {
    return decoder.Decode(block, 10 * 3033, [&](std::string_view, std::string_view) { ++fields; });
  };
  ASSERT_EQ(decode(insert + std::string(9, '\xbe')), HeaderDecoder::Block::kWhole);
  EXPECT_EQ(fields, 10);
  ASSERT_EQ(decode(std::string(1000, '\xbe')), HeaderDecoder::Block::kTooLarge);
  EXPECT_EQ(fields, 20);
}

TEST(HeaderDecoderTest, OnlyWhatEntersTheTableChangesTheDecoder) {
  const std::string literal = HeaderBlock({{"name", std::string(1000, 'v')}});
  const std::string of_known_name = std::string("\x04\x02/a") + "\x1f\x10\x02xy";
  const std::string inserts[] = {std::string("\x40\x01k\x01v", 5), "\x44\x02/a", "\x20"};
  EXPECT_TRUE(HeaderDecoder::IsStateless(""));
  EXPECT_TRUE(HeaderDecoder::IsStateless("\x83\xbe\xfe\xff\x01"));
  EXPECT_TRUE(HeaderDecoder::IsStateless(literal + of_known_name + literal));
  for (const std::string& insert : inserts) {
    EXPECT_FALSE(HeaderDecoder::IsStateless(insert));
    EXPECT_FALSE(HeaderDecoder::IsStateless(literal + "\x83" + insert));
    EXPECT_FALSE(HeaderDecoder::IsStateless(of_known_name + insert + "\x83"));
  }
}

// By steps, before each of which the bytes have moved.
absl::Status Inflate(const std::string& compressed, size_t bytes_max, std::string& out) {
  GzipInflater inflater(compressed, bytes_max);
  auto moved = std::make_unique<std::string>(compressed);
  while (inflater.Step(*moved)) moved = std::make_unique<std::string>(*moved);
  out = std::move(inflater.message());
  return inflater.status();
}

TEST(GzipTest, InflatesUpToTheLimit) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, size_t{3} << 20}) {
    const std::string compressed = Gzipped(std::string(bytes, 'z'));
    std::string out = "old";
    ASSERT_TRUE(Inflate(compressed, bytes, out).ok()) << bytes;
    EXPECT_TRUE(out == std::string(bytes, 'z'));
    if (bytes == 0) continue;
    EXPECT_TRUE(absl::IsResourceExhausted(Inflate(compressed, bytes - 1, out))) << bytes;
    EXPECT_LE(out.capacity(), bytes + 32) << "a bomb takes no more than it may";
  }
}

TEST(GzipTest, AStreamThatTellsAnotherSizeTakesNoMemoryForIt) {
  const std::string compressed = Gzipped(std::string(5000, 'z'));
  for (const uint32_t told : {0u, 1u, 4999u, 5001u, 1u << 20, ~0u}) {
    std::string damaged = compressed;
    for (size_t i = 0; i < 4; ++i) {
      damaged[damaged.size() - 4 + i] = static_cast<char>(told >> (8 * i) & 0xff);
    }
    std::string out;
    EXPECT_FALSE(Inflate(damaged, size_t{1} << 30, out).ok()) << told;
    EXPECT_LE(out.capacity(), 8192u) << told;
  }
}

TEST(GzipTest, DamagedStreamsAreRefused) {
  const std::string compressed = Gzipped("some text that is compressed");
  std::string out;
  for (size_t i = 0; i < compressed.size(); ++i) {
    EXPECT_FALSE(Inflate(compressed.substr(0, i), 1000, out).ok()) << i;
  }
  EXPECT_FALSE(Inflate(compressed + "x", 1000, out).ok());
  std::string damaged = compressed;
  damaged[damaged.size() - 6] ^= 1;  // its checksum
  EXPECT_FALSE(Inflate(damaged, 1000, out).ok());
}

}  // namespace
}  // namespace larder::server
