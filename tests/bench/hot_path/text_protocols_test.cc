#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/bench/hot_path/line_scanner.h"
#include "tests/bench/hot_path/memcached_protocol.h"
#include "tests/bench/hot_path/redis_protocol.h"

namespace larder::bench {
namespace {

class TextProtocolsTest : public testing::Test {
 protected:
  TextProtocolsTest() : keys_(kWorkloadKeyBytes, 2) {
    keys_.Add(0);
    keys_.Add(1);
  }

  static Workload WorkloadOf(WorkloadOperation operation, int keys_per_operation = 1) {
    Workload workload;
    workload.operation = operation;
    workload.value_bytes = 3;
    workload.keys_per_operation = keys_per_operation;
    return workload;
  }

  template <typename Protocol>
  std::unique_ptr<Protocol> Make(const Workload& workload) const {
    return std::make_unique<Protocol>(workload, KeyPicker::InTurn(keys_));
  }

  static std::string RequestOf(LoadProtocol& protocol) {
    std::string request;
    protocol.AppendRequest(request);
    return request;
  }

  // All at once, and byte by byte to a second one, which must come to the same.
  template <typename Protocol>
  LoadAnswers AnswersTo(const Workload& workload, std::string_view bytes) const {
    std::string output;
    LoadAnswers at_once;
    EXPECT_TRUE(Make<Protocol>(workload)->Receive(bytes, output, at_once).ok());
    LoadAnswers one_by_one;
    const auto protocol = Make<Protocol>(workload);
    for (const char& byte : bytes) {
      EXPECT_TRUE(protocol->Receive(std::string_view(&byte, 1), output, one_by_one).ok());
    }
    EXPECT_EQ(at_once.numbers, one_by_one.numbers);
    EXPECT_EQ(at_once.failures, one_by_one.failures);
    EXPECT_EQ(at_once.first_failure, one_by_one.first_failure);
    EXPECT_EQ(output, "");
    return at_once;
  }

  template <typename Protocol>
  absl::Status StatusOf(const Workload& workload, std::string_view bytes) const {
    std::string output;
    LoadAnswers answers;
    return Make<Protocol>(workload)->Receive(bytes, output, answers);
  }

  KeySequence keys_;
};

using Numbers = std::vector<uint64_t>;

TEST_F(TextProtocolsTest, LinesAndBodiesComeInAnyPieces) {
  LineScanner scanner;
  std::string_view line;
  std::string_view bytes = "one\r\ntw";
  ASSERT_TRUE(scanner.NextLine(bytes, line));
  EXPECT_EQ(line, "one");
  EXPECT_FALSE(scanner.NextLine(bytes, line));
  bytes = "o\r\nbo\nd";
  ASSERT_TRUE(scanner.NextLine(bytes, line));
  EXPECT_EQ(line, "two");
  scanner.SkipBody(5);
  EXPECT_FALSE(scanner.NextLine(bytes, line));
  bytes = "y\nthree\r\n";
  ASSERT_TRUE(scanner.NextLine(bytes, line));
  EXPECT_EQ(line, "");
  ASSERT_TRUE(scanner.NextLine(bytes, line));
  EXPECT_EQ(line, "three");
}

TEST_F(TextProtocolsTest, RedisIsAskedInResp) {
  const auto get = Make<RedisProtocol>(WorkloadOf(WorkloadOperation::kGet));
  EXPECT_EQ(RequestOf(*get), "*2\r\n$3\r\nGET\r\n$16\r\n0000000000000000\r\n");
  EXPECT_EQ(RequestOf(*get), "*2\r\n$3\r\nGET\r\n$16\r\n0000000000000001\r\n");
  const auto set = Make<RedisProtocol>(WorkloadOf(WorkloadOperation::kPipelineSet));
  EXPECT_EQ(RequestOf(*set), "*3\r\n$3\r\nSET\r\n$16\r\n0000000000000000\r\n$3\r\nvvv\r\n");
  const auto multi_get = Make<RedisProtocol>(WorkloadOf(WorkloadOperation::kMultiGet, 2));
  EXPECT_EQ(RequestOf(*multi_get),
            "*3\r\n$4\r\nMGET\r\n$16\r\n0000000000000000\r\n$16\r\n0000000000000001\r\n");
}

TEST_F(TextProtocolsTest, RedisAnswersCountInOrder) {
  const LoadAnswers gets =
      AnswersTo<RedisProtocol>(WorkloadOf(WorkloadOperation::kGet), "$3\r\na\nb\r\n$3\r\nabc\r\n");
  EXPECT_EQ(gets.numbers, (Numbers{0, 1}));
  EXPECT_EQ(gets.failures, 0u);
  const LoadAnswers sets =
      AnswersTo<RedisProtocol>(WorkloadOf(WorkloadOperation::kSet), "+OK\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(sets.numbers, (Numbers{0, 1, 2}));
  const LoadAnswers multi_gets =
      AnswersTo<RedisProtocol>(WorkloadOf(WorkloadOperation::kMultiGet, 2),
                               "*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n*2\r\n$3\r\nabc");
  EXPECT_EQ(multi_gets.numbers, (Numbers{0}));
  EXPECT_EQ(multi_gets.failures, 0u);
}

TEST_F(TextProtocolsTest, RedisMissesAndErrorsAreFailures) {
  const LoadAnswers gets = AnswersTo<RedisProtocol>(WorkloadOf(WorkloadOperation::kGet),
                                                    "$-1\r\n-ERR no\r\n$2\r\nab\r\n$3\r\nabc\r\n");
  EXPECT_EQ(gets.numbers, (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(gets.failures, 3u);
  EXPECT_EQ(gets.first_failure, "the key is missing");
  const LoadAnswers multi_gets =
      AnswersTo<RedisProtocol>(WorkloadOf(WorkloadOperation::kMultiGet, 2),
                               "*2\r\n$-1\r\n$3\r\ndef\r\n*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n");
  EXPECT_EQ(multi_gets.numbers, (Numbers{0, 1}));
  EXPECT_EQ(multi_gets.failures, 1u);
}

TEST_F(TextProtocolsTest, WhatIsNoAnswerOfRedisIsAnError) {
  const Workload get = WorkloadOf(WorkloadOperation::kGet);
  for (const char* bytes : {"+OK\r\n", "hello\r\n", "$x\r\n", "$3\r\nabcd\r\n", "*2\r\n"}) {
    EXPECT_TRUE(absl::IsInternal(StatusOf<RedisProtocol>(get, bytes))) << bytes;
  }
}

TEST_F(TextProtocolsTest, MemcachedIsAskedInText) {
  const auto get = Make<MemcachedProtocol>(WorkloadOf(WorkloadOperation::kGet));
  EXPECT_EQ(RequestOf(*get), "get 0000000000000000\r\n");
  const auto set = Make<MemcachedProtocol>(WorkloadOf(WorkloadOperation::kSet));
  EXPECT_EQ(RequestOf(*set), "set 0000000000000000 0 0 3\r\nvvv\r\n");
  const auto multi_get = Make<MemcachedProtocol>(WorkloadOf(WorkloadOperation::kMultiGet, 2));
  EXPECT_EQ(RequestOf(*multi_get), "get 0000000000000000 0000000000000001\r\n");
}

TEST_F(TextProtocolsTest, MemcachedAnswersCountInOrder) {
  const LoadAnswers gets =
      AnswersTo<MemcachedProtocol>(WorkloadOf(WorkloadOperation::kGet),
                                   "VALUE k 0 3\r\nEND\r\nEND\r\nVALUE k 0 3\r\nabc\r\nEND\r\n");
  EXPECT_EQ(gets.numbers, (Numbers{0, 1}));
  EXPECT_EQ(gets.failures, 0u);
  const LoadAnswers sets =
      AnswersTo<MemcachedProtocol>(WorkloadOf(WorkloadOperation::kSet), "STORED\r\nSTORED\r\n");
  EXPECT_EQ(sets.numbers, (Numbers{0, 1}));
  EXPECT_EQ(sets.failures, 0u);
}

TEST_F(TextProtocolsTest, MemcachedMissesAndErrorsAreFailures) {
  const LoadAnswers gets = AnswersTo<MemcachedProtocol>(
      WorkloadOf(WorkloadOperation::kGet),
      "END\r\nVALUE k 0 2\r\nab\r\nEND\r\nVALUE k 0 3\r\nabc\r\nEND\r\n");
  EXPECT_EQ(gets.numbers, (Numbers{0, 1, 2}));
  EXPECT_EQ(gets.failures, 2u);
  EXPECT_EQ(gets.first_failure, "a key is missing");
  const LoadAnswers multi_gets = AnswersTo<MemcachedProtocol>(
      WorkloadOf(WorkloadOperation::kMultiGet, 2), "VALUE k 0 3\r\nabc\r\nEND\r\n");
  EXPECT_EQ(multi_gets.failures, 1u);
  const LoadAnswers sets = AnswersTo<MemcachedProtocol>(WorkloadOf(WorkloadOperation::kSet),
                                                        "SERVER_ERROR full\r\nSTORED\r\n");
  EXPECT_EQ(sets.numbers, (Numbers{0, 1}));
  EXPECT_EQ(sets.failures, 1u);
  EXPECT_EQ(sets.first_failure, "SERVER_ERROR full");
}

TEST_F(TextProtocolsTest, WhatIsNoAnswerOfMemcachedIsAnError) {
  const Workload get = WorkloadOf(WorkloadOperation::kGet);
  for (const char* bytes :
       {"STORED\r\n", "ERROR\r\n", "VALUE k 0 x\r\n", "VALUE k 0 3\r\nabcd\r\n"}) {
    EXPECT_TRUE(absl::IsInternal(StatusOf<MemcachedProtocol>(get, bytes))) << bytes;
  }
}

}  // namespace
}  // namespace larder::bench
