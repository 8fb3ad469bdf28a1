#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/bench/hot_path/answer_header_reader.h"
#include "tests/bench/hot_path/canned_answers.h"
#include "tests/bench/hot_path/http2_frame_reader.h"
#include "tests/bench/hot_path/http2_uploads.h"
#include "tests/bench/hot_path/request_header_block.h"
#include "tests/bench/hot_path/sent_frames.h"

namespace larder::bench {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Inflates as a server would, with nghttp2.
class Inflater {
 public:
  Inflater() { nghttp2_hd_inflate_new(&inflater_); }
  ~Inflater() { nghttp2_hd_inflate_del(inflater_); }

  Headers Inflate(std::string_view block) {
    Headers headers;
    int flags = 0;
    while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
      nghttp2_nv header;
      const ssize_t taken =
          nghttp2_hd_inflate_hd2(inflater_, &header, &flags,
                                 reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      if (taken < 0) return {{"malformed", ""}};
      block.remove_prefix(static_cast<size_t>(taken));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
      headers.emplace_back(std::string(header.name, header.name + header.namelen),
                           std::string(header.value, header.value + header.valuelen));
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return headers;
  }

 private:
  nghttp2_hd_inflater* inflater_ = nullptr;
};

TEST(RequestHeaderBlockTest, LaterBlocksAreShortAndMeanTheSame) {
  RequestHeaderBlock block("127.0.0.1:7600", "/larder.v1.Cache/Get");
  Inflater inflater;
  const Headers wanted = {{":method", "POST"},
                          {":scheme", "http"},
                          {":path", "/larder.v1.Cache/Get"},
                          {":authority", "127.0.0.1:7600"},
                          {"te", "trailers"},
                          {"content-type", "application/grpc"},
                          {"user-agent", "larder-bench"}};
  EXPECT_EQ(inflater.Inflate(block.Next()), wanted);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(block.Next().size(), RequestHeaderBlock::kLaterBytes);
    EXPECT_EQ(inflater.Inflate(block.Next()), wanted);
  }
}

TEST(AnswerHeaderReaderTest, KeepsTheTableFromBlockToBlock) {
  AnswerHeaderReader reader;
  const auto headers = reader.Read(kHeaderBlock);
  ASSERT_TRUE(headers.ok()) << headers.status();
  EXPECT_EQ(headers->http_status, 200);
  EXPECT_EQ(headers->grpc_status, -1);
  ASSERT_TRUE(reader.Read(kTrailerBlock).ok());
  ASSERT_TRUE(reader.Read(kLaterHeaderBlock).ok());
  const auto trailers = reader.Read(kLaterTrailerBlock);
  ASSERT_TRUE(trailers.ok()) << trailers.status();
  EXPECT_EQ(trailers->http_status, -1);
  EXPECT_EQ(trailers->grpc_status, 0);
}

TEST(AnswerHeaderReaderTest, ReadsFailuresAndRefusesWhatIsNoHpack) {
  AnswerHeaderReader reader;
  const auto failure = reader.Read(kFailureBlock);
  ASSERT_TRUE(failure.ok()) << failure.status();
  EXPECT_EQ(failure->grpc_status, 8);
  EXPECT_EQ(failure->grpc_message, "full");
  EXPECT_TRUE(absl::IsInternal(reader.Read("\xbe").status()));  // a place that was never filled
}

TEST(Http2FrameReaderTest, FramesComeInAnyPieces) {
  const std::string bytes = FrameBytes(Http2FrameType::kData, kHttp2EndStream, 5, "hello") +
                            FrameBytes(Http2FrameType::kSettings, kHttp2Ack, 0, "") +
                            FrameBytes(Http2FrameType::kPing, 0, 0, "12345678");
  for (size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    Http2FrameReader reader;
    std::string found;
    for (size_t begin = 0; begin < bytes.size(); begin += piece_bytes) {
      std::string_view piece = std::string_view(bytes).substr(begin, piece_bytes);
      Http2Frame frame;
      while (true) {
        const auto is_complete = reader.Next(piece, frame);
        ASSERT_TRUE(is_complete.ok()) << is_complete.status();
        if (!*is_complete) break;
        AppendFrame(frame, found);
      }
    }
    EXPECT_EQ(found, bytes) << piece_bytes;
  }
}

TEST(Http2FrameReaderTest, RefusesAFrameThatIsTooLarge) {
  std::string header;
  AppendFrameHeader({Http2FrameType::kData, 0, 1, {}}, 16385, header);
  std::string_view bytes = header;
  Http2Frame frame;
  EXPECT_TRUE(absl::IsInternal(Http2FrameReader().Next(bytes, frame).status()));
}

TEST(Http2UploadsTest, PartsABodyIntoFramesOfWhichTheLastEndsTheStream) {
  Http2Uploads uploads;
  uploads.SetFrameBytesMax(4);
  std::string output;
  uploads.Send(1, "0123456789", /*is_last=*/true, output);
  const SentFrames sent(output);
  ASSERT_EQ(sent.frames.size(), 3u);
  EXPECT_EQ(sent.frames[0].payload, "0123");
  EXPECT_FALSE(sent.frames[1].Has(kHttp2EndStream));
  EXPECT_EQ(sent.frames[2].payload, "89");
  EXPECT_TRUE(sent.frames[2].Has(kHttp2EndStream));
}

TEST(Http2UploadsTest, KeepsToTheWindowOfAStream) {
  Http2Uploads uploads;
  std::string output;
  uploads.SetInitialWindow(4, output);
  uploads.Send(1, "012345", /*is_last=*/true, output);
  uploads.Send(3, "abc", /*is_last=*/true, output);  // has a window of its own
  const SentFrames sent(output);
  EXPECT_EQ(sent.PayloadOf(Http2FrameType::kData, 1), "0123");
  EXPECT_EQ(sent.PayloadOf(Http2FrameType::kData, 3), "abc");
}

TEST(Http2UploadsTest, SendsTheRestWhenAWindowGrows) {
  Http2Uploads uploads;
  std::string output;
  uploads.SetInitialWindow(4, output);
  uploads.Send(1, "0123456789", /*is_last=*/true, output);
  EXPECT_EQ(SentFrames(output).PayloadOf(Http2FrameType::kData, 1), "0123");
  uploads.GrowWindow(1, 3, output);
  const SentFrames more(output);
  EXPECT_EQ(more.PayloadOf(Http2FrameType::kData, 1), "456");
  EXPECT_FALSE(more.frames.back().Has(kHttp2EndStream));
  uploads.GrowWindow(1, 100, output);
  const SentFrames rest(output);
  EXPECT_EQ(rest.PayloadOf(Http2FrameType::kData, 1), "789");
  EXPECT_TRUE(rest.frames.back().Has(kHttp2EndStream));
  uploads.GrowWindow(1, 100, output);
  uploads.GrowConnectionWindow(100, output);
  EXPECT_EQ(output, "");
}

TEST(Http2UploadsTest, AllStreamsShareTheConnectionsWindow) {
  Http2Uploads uploads;
  std::string output;
  uploads.SetInitialWindow(1 << 20, output);
  uploads.Send(1, std::string(kHttp2DefaultWindow - 1, 'a'), /*is_last=*/true, output);
  uploads.Send(3, "bb", /*is_last=*/true, output);
  uploads.Send(5, "cc", /*is_last=*/true, output);
  const SentFrames sent(output);
  EXPECT_EQ(sent.PayloadOf(Http2FrameType::kData, 3), "b");
  EXPECT_EQ(sent.PayloadOf(Http2FrameType::kData, 5), "");
  uploads.GrowConnectionWindow(2, output);
  const SentFrames more(output);
  EXPECT_EQ(more.PayloadOf(Http2FrameType::kData, 3), "b");
  EXPECT_EQ(more.PayloadOf(Http2FrameType::kData, 5), "c");
}

TEST(Http2UploadsTest, ASmallerInitialWindowHoldsForStreamsThatHaveBegun) {
  Http2Uploads uploads;
  std::string output;
  uploads.SetInitialWindow(4, output);
  uploads.Send(1, "012345", /*is_last=*/true, output);
  uploads.SetInitialWindow(1, output);
  output.clear();
  uploads.GrowWindow(1, 3, output);  // from -3 to 0
  EXPECT_EQ(output, "");
  uploads.GrowWindow(1, 1, output);
  EXPECT_EQ(SentFrames(output).PayloadOf(Http2FrameType::kData, 1), "4");
}

TEST(Http2UploadsTest, AStreamThatGoesOnKeepsItsOrder) {
  Http2Uploads uploads;
  std::string output;
  uploads.SetInitialWindow(4, output);
  uploads.Send(1, "012", /*is_last=*/false, output);
  uploads.Send(1, "345", /*is_last=*/false, output);
  uploads.Send(1, "6", /*is_last=*/false, output);
  EXPECT_EQ(SentFrames(output).PayloadOf(Http2FrameType::kData, 1), "0123");
  uploads.GrowWindow(1, 4, output);
  const SentFrames more(output);
  EXPECT_EQ(more.PayloadOf(Http2FrameType::kData, 1), "456");
  EXPECT_FALSE(more.frames.back().Has(kHttp2EndStream));
  uploads.Send(1, "78", /*is_last=*/false, output);
  EXPECT_EQ(SentFrames(output).PayloadOf(Http2FrameType::kData, 1), "7");
}

TEST(Http2UploadsTest, WhatIsLeftOfAForgottenStreamIsNotSent) {
  Http2Uploads uploads;
  std::string output;
  uploads.SetInitialWindow(1, output);
  uploads.Send(1, "ab", /*is_last=*/true, output);
  output.clear();
  uploads.Forget(1);
  uploads.GrowWindow(1, 1, output);
  EXPECT_EQ(output, "");
}

}  // namespace
}  // namespace larder::bench
