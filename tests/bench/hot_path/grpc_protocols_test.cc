#include <string>

#include "gtest/gtest.h"
#include "larder/v1/cache.pb.h"
#include "tests/bench/hot_path/canned_answers.h"
#include "tests/bench/hot_path/pipeline_answer.h"
#include "tests/bench/hot_path/pipeline_protocol.h"
#include "tests/bench/hot_path/sent_frames.h"
#include "tests/bench/hot_path/unary_protocol.h"

namespace larder::bench {
namespace {

using Numbers = std::vector<uint64_t>;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

Workload WorkloadOf(WorkloadOperation operation, int keys_per_operation = 1) {
  Workload workload;
  workload.operation = operation;
  workload.value_bytes = 3;
  workload.keys_per_operation = keys_per_operation;
  return workload;
}

std::string GoodGetAnswer() {
  v1::GetResponse response;
  response.set_found(true);
  response.set_value("abc");
  response.set_version(7);
  return response.SerializeAsString();
}

std::string PipelineAnswerBytes(uint64_t id, const v1::PipelineResponse& result) {
  v1::PipelineResponse response = result;
  response.set_id(id);
  return MessageBytes(response.SerializeAsString());
}

v1::PipelineResponse GoodPipelineResult() {
  v1::PipelineResponse response;
  response.mutable_get()->ParseFromString(GoodGetAnswer());
  return response;
}

// A protocol and what it has to say.
template <typename Protocol>
class Client {
 public:
  explicit Client(const Workload& workload)
      : keys_(kWorkloadKeyBytes, 2), protocol_(workload, "host:1", MakePicker()) {
    protocol_.Start(output);
    EXPECT_TRUE(output.starts_with(kPreface));
    output.erase(0, kPreface.size());
  }

  void Ask(int requests) {
    for (int i = 0; i < requests; ++i) protocol_.AppendRequest(output);
  }
  absl::Status Take(std::string_view bytes) { return protocol_.Receive(bytes, output, answers); }

  std::string output;
  LoadAnswers answers;

 private:
  KeyPicker MakePicker() {
    keys_.Add(0);
    keys_.Add(1);
    return KeyPicker::InTurn(keys_);
  }

  KeySequence keys_;
  Protocol protocol_;
};

using UnaryClient = Client<UnaryProtocol>;
using PipelineClient = Client<PipelineProtocol>;

// The message in the DATA of one stream.
template <typename Message>
Message MessageOf(const SentFrames& sent, uint32_t stream) {
  Message message;
  const std::string data = sent.PayloadOf(Http2FrameType::kData, stream);
  EXPECT_EQ(data.substr(0, kGrpcPrefixBytes),
            MessageBytes(data.substr(kGrpcPrefixBytes)).substr(0, kGrpcPrefixBytes));
  EXPECT_TRUE(message.ParseFromString(data.substr(kGrpcPrefixBytes)));
  return message;
}

TEST(UnaryProtocolTest, BeginsWithLargeWindows) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  const SentFrames sent(client.output);
  ASSERT_EQ(sent.frames.size(), 2u);
  EXPECT_EQ(sent.frames[0].type, Http2FrameType::kSettings);
  EXPECT_EQ(ReadBigEndian16(sent.frames[0].payload), kHttp2InitialWindow);
  EXPECT_EQ(ReadBigEndian32(sent.frames[0].payload.substr(2)), 16u << 20);
  EXPECT_EQ(sent.frames[1].type, Http2FrameType::kWindowUpdate);
  EXPECT_EQ(sent.frames[1].stream, 0u);
}

TEST(UnaryProtocolTest, EachRequestIsAStreamWithItsKey) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  client.output.clear();
  client.Ask(2);
  const SentFrames sent(client.output);
  ASSERT_EQ(sent.frames.size(), 4u);
  EXPECT_EQ(sent.frames[2].type, Http2FrameType::kHeaders);
  EXPECT_FALSE(sent.frames[2].Has(kHttp2EndStream));
  EXPECT_EQ(sent.frames[3].stream, 3u);
  EXPECT_TRUE(sent.frames[3].Has(kHttp2EndStream));
  EXPECT_EQ(MessageOf<v1::GetRequest>(sent, 1).key(), "0000000000000000");
  EXPECT_EQ(MessageOf<v1::GetRequest>(sent, 3).key(), "0000000000000001");
}

TEST(UnaryProtocolTest, RequestsAreThoseOfTheWorkload) {
  UnaryClient set(WorkloadOf(WorkloadOperation::kSet));
  set.Ask(1);
  const auto set_request = MessageOf<v1::SetRequest>(SentFrames(set.output), 1);
  EXPECT_EQ(set_request.key(), "0000000000000000");
  EXPECT_EQ(set_request.value(), "vvv");
  UnaryClient multi_get(WorkloadOf(WorkloadOperation::kMultiGet, 3));
  multi_get.Ask(1);
  const auto multi_get_request = MessageOf<v1::MultiGetRequest>(SentFrames(multi_get.output), 1);
  ASSERT_EQ(multi_get_request.items_size(), 3);
  EXPECT_EQ(multi_get_request.items(1).key(), "0000000000000001");
}

TEST(UnaryProtocolTest, AnswersCountAsTheyComeInAnyOrderAndInAnyPieces) {
  const std::string bytes =
      FirstAnswerBytes(3, GoodGetAnswer()) + LaterAnswerBytes(1, GoodGetAnswer());
  for (size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
    client.Ask(3);
    for (size_t begin = 0; begin < bytes.size(); begin += piece_bytes) {
      ASSERT_TRUE(client.Take(std::string_view(bytes).substr(begin, piece_bytes)).ok());
    }
    EXPECT_EQ(client.answers.numbers, (Numbers{1, 0})) << piece_bytes;
    EXPECT_EQ(client.answers.failures, 0u) << client.answers.first_failure;
  }
}

TEST(UnaryProtocolTest, PaddingPriorityAndContinuationAreUnderstood) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  client.Ask(1);
  const std::string padded_block = std::string(
                                       "\x02"
                                       "12345",
                                       6) +
                                   std::string(kHeaderBlock) + "pp";
  const std::string padded_data = "\x01" + MessageBytes(GoodGetAnswer()) + "p";
  ASSERT_TRUE(
      client
          .Take(
              FrameBytes(Http2FrameType::kHeaders,
                         kHttp2EndHeaders | kHttp2Padded | kHttp2HasPriority, 1, padded_block) +
              FrameBytes(Http2FrameType::kData, kHttp2Padded, 1, padded_data) +
              FrameBytes(Http2FrameType::kHeaders, kHttp2EndStream, 1, kTrailerBlock.substr(0, 4)) +
              FrameBytes(Http2FrameType::kContinuation, kHttp2EndHeaders, 1,
                         kTrailerBlock.substr(4)))
          .ok());
  EXPECT_EQ(client.answers.numbers, (Numbers{0}));
  EXPECT_EQ(client.answers.failures, 0u) << client.answers.first_failure;
}

TEST(UnaryProtocolTest, WhatIsNotAGoodAnswerIsAFailure) {
  const std::pair<std::string, std::string> cases[] = {
      {TrailersBytes(1, kFailureBlock), "grpc-status 8 full"},
      {FirstAnswerBytes(1, GoodGetAnswer().substr(1)), "an answer of 20 bytes"},
      {HeadersBytes(1, kHeaderBlock) + TrailersBytes(1, kTrailerBlock), "an answer of 0 bytes"},
      {HeadersBytes(1, "\x8d"), "HTTP status 404"},
      {HeadersBytes(1, kHeaderBlock) + TrailersBytes(1, kHeaderBlock), "grpc-status -1 "},
      {HeadersBytes(1, kHeaderBlock) + FrameBytes(Http2FrameType::kData, kHttp2EndStream, 1, ""),
       "the answer has no trailers"},
      {FrameBytes(Http2FrameType::kRstStream, 0, 1, std::string_view("\0\0\0\7", 4)),
       "RST_STREAM with code 7"}};
  for (const auto& [bytes, failure] : cases) {
    UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
    client.Ask(1);
    ASSERT_TRUE(client.Take(bytes).ok()) << failure;
    EXPECT_EQ(client.answers.numbers, (Numbers{0})) << failure;
    EXPECT_EQ(client.answers.failures, 1u) << failure;
    EXPECT_EQ(client.answers.first_failure, failure);
    // What comes later for the same stream does not count again.
    ASSERT_TRUE(client.Take(TrailersBytes(1, kFailureBlock)).ok());
    EXPECT_EQ(client.answers.numbers.size(), 1u) << failure;
  }
}

TEST(UnaryProtocolTest, WhatNoClientCanGoOnAfterIsAnError) {
  for (const std::string& bytes :
       {FrameBytes(Http2FrameType::kPing, 0, 0, "1234567"),
        FrameBytes(Http2FrameType::kSettings, 0, 0, "12345"),
        FrameBytes(Http2FrameType::kContinuation, kHttp2EndHeaders, 1, ""),
        FrameBytes(Http2FrameType::kHeaders, 0, 1, "") + DataBytes(1, "") + HeadersBytes(1, ""),
        FrameBytes(Http2FrameType::kData, kHttp2Padded, 1,
                   "\x05"
                   "1234"),
        FrameBytes(Http2FrameType::kPushPromise, 0, 1, "1234"), HeadersBytes(1, "\xbe"),
        SettingsBytes(kHttp2HeaderTableSize, 100)}) {
    UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
    client.Ask(1);
    EXPECT_TRUE(absl::IsInternal(client.Take(bytes))) << bytes;
  }
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  EXPECT_TRUE(absl::IsUnavailable(
      client.Take(FrameBytes(Http2FrameType::kGoaway, 0, 0, std::string(8, '\0')))));
}

TEST(UnaryProtocolTest, SettingsAndPingsAreAcknowledged) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  client.output.clear();
  ASSERT_TRUE(client
                  .Take(SettingsBytes(kHttp2InitialWindow, 70000) +
                        FrameBytes(Http2FrameType::kPing, 0, 0, "12345678") +
                        FrameBytes(Http2FrameType::kSettings, kHttp2Ack, 0, "") +
                        FrameBytes(Http2FrameType::kPing, kHttp2Ack, 0, "87654321"))
                  .ok());
  EXPECT_EQ(client.output, FrameBytes(Http2FrameType::kSettings, kHttp2Ack, 0, "") +
                               FrameBytes(Http2FrameType::kPing, kHttp2Ack, 0, "12345678"));
}

TEST(UnaryProtocolTest, KeepsToTheServersStreamLimit) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  ASSERT_TRUE(client.Take(SettingsBytes(kHttp2ConcurrentStreamsMax, 1)).ok());
  client.output.clear();
  client.Ask(3);
  EXPECT_EQ(SentFrames(client.output).frames.back().stream, 1u);
  ASSERT_TRUE(client.Take(FirstAnswerBytes(1, GoodGetAnswer())).ok());
  EXPECT_EQ(SentFrames(client.output).frames.back().stream, 3u);
  ASSERT_TRUE(client.Take(LaterAnswerBytes(3, GoodGetAnswer())).ok());
  EXPECT_EQ(SentFrames(client.output).frames.back().stream, 5u);
  EXPECT_EQ(client.answers.numbers, (Numbers{0, 1}));
}

TEST(UnaryProtocolTest, ABodyThatTheWindowHoldsBackFollowsLater) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kSet));
  ASSERT_TRUE(client.Take(SettingsBytes(kHttp2InitialWindow, 10)).ok());
  client.output.clear();
  client.Ask(1);
  const SentFrames begun(client.output);
  EXPECT_EQ(begun.PayloadOf(Http2FrameType::kData, 1).size(), 10u);
  EXPECT_FALSE(begun.frames.back().Has(kHttp2EndStream));
  ASSERT_TRUE(client.Take(WindowUpdateBytes(1, 1000)).ok());
  EXPECT_TRUE(SentFrames(client.output).frames.back().Has(kHttp2EndStream));
}

TEST(UnaryProtocolTest, GivesTheConnectionsWindowBack) {
  UnaryClient client(WorkloadOf(WorkloadOperation::kGet));
  client.Ask(1);
  client.output.clear();
  const std::string data = DataBytes(1, std::string(1 << 14, 'x'));
  for (int i = 0; i < (16 << 20 >> 14) - 1; ++i) ASSERT_TRUE(client.Take(data).ok());
  EXPECT_EQ(client.output, "");
  ASSERT_TRUE(client.Take(data).ok());
  EXPECT_EQ(client.output, WindowUpdateBytes(0, 16 << 20));
  client.output.clear();
  ASSERT_TRUE(client.Take(data).ok());
  EXPECT_EQ(client.output, "");
}

TEST(PipelineProtocolTest, AllOperationsAreOnOneStream) {
  PipelineClient client(WorkloadOf(WorkloadOperation::kPipelineSet));
  client.Ask(1);
  const SentFrames sent(client.output);
  const auto request = MessageOf<v1::PipelineRequest>(sent, 1);
  EXPECT_EQ(request.id(), 1u);
  EXPECT_EQ(request.set().key(), "0000000000000000");
  EXPECT_EQ(request.set().value(), "vvv");
  EXPECT_FALSE(sent.frames.back().Has(kHttp2EndStream));
  client.Ask(299);
  const SentFrames more(client.output);
  EXPECT_EQ(more.frames.size(), 299u);
  v1::PipelineRequest last;
  ASSERT_TRUE(
      last.ParseFromString(std::string(more.frames.back().payload.substr(kGrpcPrefixBytes))));
  EXPECT_EQ(last.id(), 300u);
}

TEST(PipelineProtocolTest, AnswersCountByTheirIdsInAnyPieces) {
  const std::string bytes = HeadersBytes(1, kHeaderBlock) +
                            DataBytes(1, PipelineAnswerBytes(200, GoodPipelineResult()) +
                                             PipelineAnswerBytes(1, GoodPipelineResult()));
  for (size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    PipelineClient client(WorkloadOf(WorkloadOperation::kPipelineGet));
    client.Ask(200);
    for (size_t begin = 0; begin < bytes.size(); begin += piece_bytes) {
      ASSERT_TRUE(client.Take(std::string_view(bytes).substr(begin, piece_bytes)).ok());
    }
    EXPECT_EQ(client.answers.numbers, (Numbers{199, 0})) << piece_bytes;
    EXPECT_EQ(client.answers.failures, 0u) << client.answers.first_failure;
  }
}

TEST(PipelineProtocolTest, ErrorsAndMissesAreFailures) {
  v1::PipelineResponse error;
  error.mutable_error()->set_message("memory is full");
  v1::PipelineResponse miss;
  miss.mutable_get();
  PipelineClient client(WorkloadOf(WorkloadOperation::kPipelineGet));
  client.Ask(3);
  ASSERT_TRUE(client
                  .Take(HeadersBytes(1, kHeaderBlock) +
                        DataBytes(1, PipelineAnswerBytes(1, error) + PipelineAnswerBytes(2, miss) +
                                         PipelineAnswerBytes(3, GoodPipelineResult())))
                  .ok());
  EXPECT_EQ(client.answers.numbers, (Numbers{0, 1, 2}));
  EXPECT_EQ(client.answers.failures, 2u);
  EXPECT_EQ(client.answers.first_failure, "the result is field 2");
}

TEST(PipelineProtocolTest, AStreamThatEndsOrSpeaksAnotherLanguageIsAnError) {
  PipelineClient ended(WorkloadOf(WorkloadOperation::kPipelineGet));
  ended.Ask(1);
  EXPECT_TRUE(absl::IsUnavailable(ended.Take(TrailersBytes(1, kFailureBlock))));
  for (const std::string& data : {MessageBytes("\x08"), std::string("\1\0\0\0\0", 5),
                                  PipelineAnswerBytes(2, GoodPipelineResult()),
                                  PipelineAnswerBytes(0, GoodPipelineResult())}) {
    PipelineClient client(WorkloadOf(WorkloadOperation::kPipelineGet));
    client.Ask(1);
    EXPECT_TRUE(absl::IsInternal(client.Take(HeadersBytes(1, kHeaderBlock) + DataBytes(1, data))))
        << data;
  }
}

TEST(PipelineProtocolTest, GivesTheStreamsWindowBack) {
  PipelineClient client(WorkloadOf(WorkloadOperation::kPipelineGet));
  client.Ask(1);
  client.output.clear();
  std::string large;
  AppendGrpcPrefix(32 << 20, large);
  ASSERT_TRUE(client.Take(HeadersBytes(1, kHeaderBlock) + DataBytes(1, large)).ok());
  const std::string data = DataBytes(1, std::string(1 << 14, 'x'));
  for (int i = 0; i < 8 << 20 >> 14; ++i) ASSERT_TRUE(client.Take(data).ok());
  EXPECT_EQ(client.output, WindowUpdateBytes(1, (8 << 20) + kGrpcPrefixBytes));
  client.output.clear();
  ASSERT_TRUE(client.Take(data).ok());
  EXPECT_EQ(client.output, "");
}

TEST(PipelineAnswerTest, HasIdAndResult) {
  v1::PipelineResponse response = GoodPipelineResult();
  response.set_id(12345678901);
  const auto answer = ParsePipelineAnswer(response.SerializeAsString());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->id, 12345678901u);
  EXPECT_EQ(answer->result_field, 3u);
  EXPECT_EQ(answer->result_bytes, GoodGetAnswer().size());
}

TEST(PipelineAnswerTest, RefusesWhatIsCutOff) {
  v1::PipelineResponse response = GoodPipelineResult();
  response.set_id(300);
  const std::string bytes = response.SerializeAsString();
  // All but the empty message and the one that has nothing but an id.
  for (size_t size = 1; size < bytes.size(); ++size) {
    const bool is_whole = size == 3;
    EXPECT_EQ(ParsePipelineAnswer(std::string_view(bytes).substr(0, size)).ok(), is_whole) << size;
  }
}

}  // namespace
}  // namespace larder::bench
