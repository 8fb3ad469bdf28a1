#include "client/channel/answer_fields.h"

#include <gtest/gtest.h>

namespace larder {
namespace {

AnswerFields Read(const std::vector<std::pair<std::string, std::string>>& fields) {
  AnswerFields answer(4096);
  for (const auto& [name, value] : fields) answer.Add(name, value);
  return answer;
}

TEST(AnswerFieldsTest, ReadsWhatGrpcSays) {
  const AnswerFields head = Read({{":status", "200"}, {"content-type", "application/grpc+proto"}});
  EXPECT_TRUE(head.is_head() && head.is_grpc());
  EXPECT_FALSE(head.is_trailers());
  EXPECT_FALSE(head.grpc_status().has_value());
  const AnswerFields trailers =
      Read({{"grpc-status", "14"}, {"grpc-message", "50%25 %C3%BC%"}, {"x-other", "1"}});
  EXPECT_TRUE(trailers.is_trailers());
  EXPECT_EQ(trailers.grpc_status(), 14);
  EXPECT_EQ(trailers.message(), "50% \xc3\xbc%");
}

TEST(AnswerFieldsTest, WhatIsNotPercentEncodedStaysAsItIs) {
  for (const char* text : {"%", "%4", "%zz", "100%", "a%g0"}) {
    EXPECT_EQ(Read({{"grpc-message", text}}).message(), text);
  }
  EXPECT_EQ(Read({{"grpc-message", "%41%62"}}).message(), "Ab");
}

TEST(AnswerFieldsTest, DetailsComeWithAndWithoutPadding) {
  EXPECT_EQ(Read({{"grpc-status-details-bin", "AAE="}}).details(), std::string("\0\1", 2));
  EXPECT_EQ(Read({{"grpc-status-details-bin", "AAE"}}).details(), std::string("\0\1", 2));
  EXPECT_EQ(Read({{"grpc-status-details-bin", "*"}}).details(), "");
}

TEST(AnswerFieldsTest, AStatusThatIsNoneIsUnknown) {
  for (const char* text : {"", "17", "-1", "x", "1x", "000000"}) {
    EXPECT_EQ(Read({{"grpc-status", text}}).grpc_status(), 2) << text;
  }
}

TEST(AnswerFieldsTest, OtherContentTypesAreNoGrpc) {
  for (const char* type : {"text/html", "application/grpcx", "application", ""}) {
    EXPECT_FALSE(Read({{":status", "200"}, {"content-type", type}}).is_grpc()) << type;
  }
}

TEST(AnswerFieldsTest, MoreThanTheLimitIsNotKept) {
  AnswerFields answer = Read({{"grpc-message", std::string(5000, 'x')}});
  EXPECT_TRUE(answer.is_too_large());
  EXPECT_EQ(answer.message(), "");
  answer.Clear();
  EXPECT_FALSE(answer.is_too_large());
}

}  // namespace
}  // namespace larder
