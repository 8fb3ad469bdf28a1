#include "server/handlers/multi_key_handler.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "server/handlers/response_budget.h"
#include "server/handlers/retry_hint.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

class MultiKeyHandlerTest : public HandlerTest {
 protected:
  using HandlerTest::HandlerTest;

  RecordingMultiGet MultiGet(const std::vector<GetView>& items) {
    RecordingMultiGet reply;
    MultiKeyProgress progress;
    multi_key_.MultiGet(items, progress, reply);
    EXPECT_EQ(reply.completions, 1);
    for (const auto& item : reply.items) EXPECT_EQ(item.completions, 1);
    return reply;
  }
  RecordingMultiSet MultiSet(const std::vector<SetView>& items) {
    RecordingMultiSet reply;
    MultiKeyProgress progress;
    multi_key_.MultiSet(items, progress, reply);
    EXPECT_EQ(reply.completions, 1);
    for (const auto& item : reply.items) EXPECT_EQ(item.completions, 1);
    return reply;
  }
};

TEST_F(MultiKeyHandlerTest, AnswersEachItemInOrderWithDuplicatesKept) {
  Set("a", "1");
  Set("b", "2");
  const auto reply = MultiGet({{.key = "b"}, {.key = "none"}, {.key = "a"}, {.key = "b"}});
  ASSERT_EQ(reply.items.size(), 4u);
  EXPECT_EQ(reply.items[0].value, "2");
  EXPECT_FALSE(reply.items[1].answer.found);
  EXPECT_EQ(reply.items[2].value, "1");
  EXPECT_EQ(reply.items[3].value, "2");
}

// Outcomes of writes take room, too: after many of them a previous value of full size must wait.
TEST(MultiKeyHandlerBudgetTest, APreviousValueAfterManyOutcomesDoesNotPassTheLimit) {
  ResponseBudget budget(10'000, 100);
  EXPECT_TRUE(budget.FitsValue(9'900)) << "a value that is alone is always admitted";
  ASSERT_TRUE(budget.Take(ResponseBudget::kWriteItemBytes));
  EXPECT_TRUE(budget.TakeValue(9'900)) << "beside the outcome of its own item, too";
  ResponseBudget crowded(10'000, 100);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(crowded.Take(ResponseBudget::kWriteItemBytes));
  EXPECT_FALSE(crowded.FitsValue(9'900));
  EXPECT_FALSE(crowded.TakeValue(9'900));
  EXPECT_TRUE(crowded.TakeValue(5'000));
}

TEST_F(MultiKeyHandlerTest, ErrorOfAnItemDoesNotFailTheCall) {
  const auto reply = MultiSet({{.key = "a", .value = "1"},
                               {.key = "", .value = "2"},
                               {.key = "c", .value = "3", .ack = {.level = 2}},
                               {.key = "d", .value = "4"}});
  EXPECT_TRUE(reply.status.ok());
  ASSERT_EQ(reply.items.size(), 4u);
  EXPECT_TRUE(reply.items[0].status.ok());
  EXPECT_EQ(reply.items[1].status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(reply.items[1].status.message()), HasSubstr("MultiSet"));
  EXPECT_EQ(reply.items[2].status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(reply.items[3].status.ok());
  EXPECT_EQ(Get("d").value, "4");
  EXPECT_FALSE(Get("c").answer.found);
}

TEST_F(MultiKeyHandlerTest, DeletesEachItemOnce) {
  Set("a", "1");
  const std::vector<DeleteView> items = {{.key = "a"}, {.key = "a"}, {.key = ""}};
  RecordingMultiDelete reply;
  MultiKeyProgress progress;
  multi_key_.MultiDelete(items, progress, reply);
  ASSERT_EQ(reply.items.size(), 3u);
  EXPECT_TRUE(reply.items[0].answer.deleted);
  EXPECT_FALSE(reply.items[1].answer.deleted);
  EXPECT_EQ(reply.items[2].status.code(), absl::StatusCode::kInvalidArgument);
}

class CappedAnswerTest : public MultiKeyHandlerTest {
 protected:
  static constexpr size_t kResponseBytes = 100000;
  static constexpr size_t kValueBytes = 60000;

  static Limits SmallAnswers() {
    Limits limits;
    limits.max_response_bytes = kResponseBytes;
    limits.max_value_bytes = kValueBytes;
    return limits;
  }
  CappedAnswerTest() : MultiKeyHandlerTest(SmallAnswers()) {}

  // No less than what protobuf needs for the items.
  static size_t EncodedBytes(const RecordingMultiGet& reply) {
    size_t bytes = 0;
    for (const auto& item : reply.items) {
      if (!item.status.ok()) {
        const size_t message_bytes = item.status.message().size();
        bytes += message_bytes == 0 ? ResponseBudget::kLeastItemBytes
                                    : message_bytes + Limits::kEntryOverheadBytes;
      } else if (item.answer.found) {
        bytes += item.value->size() + Limits::kEntryOverheadBytes;
      } else {
        bytes += ResponseBudget::kLeastItemBytes;
      }
    }
    return bytes;
  }
};

TEST_F(CappedAnswerTest, ItemsThatDoNotFitAreResourceExhausted) {
  for (const char* key : {"a", "b", "c"}) Set(key, std::string(40000, 'v'));
  Set("small", "s");
  const auto reply = MultiGet({{.key = "a"}, {.key = "b"}, {.key = "c"}, {.key = "small"}});
  ASSERT_EQ(reply.items.size(), 4u);
  EXPECT_TRUE(reply.items[0].answer.found);
  EXPECT_TRUE(reply.items[1].answer.found);
  EXPECT_EQ(reply.items[2].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(reply.items[2].status.message()), HasSubstr("--max_response_bytes"));
  EXPECT_EQ(RetryHintOf(reply.items[2].status), absl::ZeroDuration());
  EXPECT_TRUE(reply.items[3].answer.found);
  EXPECT_LE(EncodedBytes(reply), kResponseBytes);
}

TEST_F(CappedAnswerTest, AnswerStaysBelowTheCapHoweverManyItemsFail) {
  Set("big", std::string(kValueBytes, 'v'));
  std::vector<GetView> items(5000, GetView{.key = "big"});
  for (size_t i = 1; i < items.size(); i += 2) items[i].key = "";
  const auto reply = MultiGet(items);
  EXPECT_TRUE(reply.items[0].answer.found);
  EXPECT_LE(EncodedBytes(reply), kResponseBytes);
  EXPECT_EQ(reply.items[4999].status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(reply.items[4999].status.message(), "");
}

TEST_F(CappedAnswerTest, AskingAgainForWhatWasRefusedEnds) {
  Set("big", std::string(kValueBytes, 'v'));
  size_t wanted = 20;
  int calls = 0;
  for (; wanted > 0 && calls < 100; ++calls) {
    const auto reply = MultiGet(std::vector<GetView>(wanted, GetView{.key = "big"}));
    size_t refused = 0;
    for (const auto& item : reply.items) refused += item.status.ok() ? 0 : 1;
    ASSERT_LT(refused, wanted);
    wanted = refused;
  }
  EXPECT_EQ(wanted, 0u);
}

TEST_F(MultiKeyHandlerTest, AsManySetsAsMayReturnTheirSmallPreviousValues) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < Limits().max_multi_items; ++i) keys.push_back("k" + std::to_string(i));
  std::vector<SetView> items;
  for (const std::string& key : keys) {
    items.push_back({.key = key, .value = "1", .return_previous = true});
  }
  for (const std::optional<std::string>& previous : {std::optional<std::string>(), {"1"}}) {
    const auto reply = MultiSet(items);
    ASSERT_EQ(reply.items.size(), items.size());
    for (const auto& item : reply.items) {
      ASSERT_TRUE(item.status.ok()) << item.status;
      ASSERT_EQ(item.value, previous);
    }
  }
}

TEST_F(CappedAnswerTest, SetsWhosePreviousValuesDoNotFitAreNotDone) {
  for (int i = 0; i < 50; ++i) Set("k" + std::to_string(i), std::string(9000, 'v'));
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i) keys.push_back("k" + std::to_string(i));
  std::vector<SetView> items;
  for (const std::string& key : keys) {
    items.push_back({.key = key, .value = "new", .return_previous = true});
  }
  const auto reply = MultiSet(items);
  size_t bytes = 0;
  size_t done = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto& item = reply.items[i];
    const std::string now = *Get(keys[i]).value;
    if (item.status.ok()) {
      ++done;
      EXPECT_EQ(item.value, std::string(9000, 'v'));
      EXPECT_EQ(now, "new");
      bytes += 9000 + Limits::kEntryOverheadBytes + ResponseBudget::kWriteItemBytes;
      continue;
    }
    EXPECT_EQ(item.status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(now, std::string(9000, 'v')) << "nothing was done";
    const std::string message(item.status.message());
    if (message.empty()) continue;
    EXPECT_THAT(message, HasSubstr("nothing was done"));
    EXPECT_EQ(RetryHintOf(item.status), absl::ZeroDuration());
    bytes += message.size() + Limits::kEntryOverheadBytes;
  }
  EXPECT_EQ(done, kResponseBytes /
                      (9000 + Limits::kEntryOverheadBytes + ResponseBudget::kWriteItemBytes));
  EXPECT_FALSE(reply.items[done].status.message().empty()) << "says which limit it was";
  EXPECT_LE(bytes, kResponseBytes);
}

TEST_F(CappedAnswerTest, AnEmptyValueThatDoesNotFitIsRefusedAndNotLeftOut) {
  Set("large", std::string(kValueBytes, 'v'));
  Set("fits", std::string(kResponseBytes - kValueBytes - 3 * Limits::kEntryOverheadBytes, 'v'));
  Set("empty", "");
  const auto got = MultiGet({{.key = "large"}, {.key = "fits"}, {.key = "empty"}});
  EXPECT_TRUE(got.items[1].answer.found);
  EXPECT_EQ(got.items[2].status.code(), absl::StatusCode::kResourceExhausted);
  // The outcome of the last one fits, but not its value.
  constexpr size_t kOutcomes =
      3 * (ResponseBudget::kLeastItemBytes + ResponseBudget::kWriteItemBytes);
  Set("fits",
      std::string(kResponseBytes - kValueBytes - 2 * Limits::kEntryOverheadBytes - kOutcomes - 10,
                  'v'));
  const auto set = MultiSet({{.key = "large", .value = "new", .return_previous = true},
                             {.key = "fits", .value = "new", .return_previous = true},
                             {.key = "empty", .value = "new", .return_previous = true}});
  EXPECT_TRUE(set.items[1].status.ok());
  EXPECT_EQ(set.items[2].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Get("empty").value, "");
}

TEST_F(CappedAnswerTest, SetThatWouldReturnTooMuchIsNotDone) {
  for (const char* key : {"a", "b", "c"}) Set(key, std::string(kValueBytes, 'v'));
  const auto reply = MultiSet({{.key = "a", .value = "new", .return_previous = true},
                               {.key = "b", .value = "new", .return_previous = true},
                               {.key = "c", .value = "new"}});
  EXPECT_EQ(reply.items[0].value, std::string(kValueBytes, 'v'));
  EXPECT_EQ(reply.items[1].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(reply.items[1].status.message()), HasSubstr("nothing was done"));
  EXPECT_EQ(Get("b").value, std::string(kValueBytes, 'v'));
  EXPECT_TRUE(reply.items[2].status.ok());
  EXPECT_EQ(Get("c").value, "new");
}

// Counts how often it is asked to pause, and pauses if it is to.
class PausingMultiGet final : public MultiGetReply {
 public:
  GetReply& Item(size_t index) override { return all.Item(index); }
  bool Pause() override {
    ++asked;
    return pauses;
  }
  void Complete() override { all.Complete(); }
  void Fail(const absl::Status& status) override { all.Fail(status); }

  int asked = 0;
  bool pauses = true;
  RecordingMultiGet all;
};

class MultiKeyPauseTest : public MultiKeyHandlerTest {
 protected:
  // How often a MultiGet of so many times the same key asks whether to pause, when it need not.
  int TimesAskedToPause(size_t count, const std::string& key) {
    PausingMultiGet reply;
    reply.pauses = false;
    MultiKeyProgress progress;
    multi_key_.MultiGet(std::vector<GetView>(count, GetView{.key = key}), progress, reply);
    EXPECT_EQ(reply.all.completions, 1);
    return reply.asked;
  }
};

TEST_F(MultiKeyPauseTest, ACallIsPausedAfterSomeItemsAndGoesOnBehindThem) {
  Set("a", "1");
  const std::vector<GetView> items(10000, GetView{.key = "a"});
  PausingMultiGet reply;
  MultiKeyProgress progress;
  size_t calls = 0;
  for (; reply.all.completions == 0 && calls < items.size(); ++calls) {
    multi_key_.MultiGet(items, progress, reply);
  }
  EXPECT_GE(calls, items.size() / 128);
  EXPECT_LE(calls, items.size() / 100);
  ASSERT_EQ(reply.all.items.size(), items.size());
  for (const auto& item : reply.all.items) {
    ASSERT_EQ(item.completions, 1);
    ASSERT_EQ(item.value, "1");
  }
}

TEST_F(MultiKeyPauseTest, LargeValuesAreMoreWorkThanSmallOnes) {
  Set("large", std::string(100'000, 'v'));
  EXPECT_EQ(TimesAskedToPause(20, "large"), 19);
}

TEST_F(MultiKeyPauseTest, LongKeysAreMoreWorkThanShortOnes) {
  EXPECT_EQ(TimesAskedToPause(20, std::string(10'000, 'k')), 19);
}

TEST_F(MultiKeyPauseTest, AShortCallNeverAsksWhetherToPause) {
  Set("a", std::string(100, 'v'));
  EXPECT_EQ(TimesAskedToPause(100, "a"), 0);
}

}  // namespace
}  // namespace larder::server
