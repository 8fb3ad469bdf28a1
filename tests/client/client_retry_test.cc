#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "client/client.h"
#include "tests/client/fake_node.h"
#include "tests/client/transports.h"

namespace larder {
namespace {

using ::testing::ElementsAre;
using testing::FakeNode;
using ::testing::IsEmpty;

// Time passes only while a retry waits, which it does at once.
class FakeRuntime final : public ClientRuntime {
 public:
  absl::Time Now() override {
    std::lock_guard<std::mutex> lock(mutex_);
    return now_;
  }
  double Random() override { return 0.5; }
  void RunAfter(absl::Duration delay, std::function<void()> callback) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      delays_.push_back(delay);
      now_ += delay;
    }
    callback();
  }

  std::vector<absl::Duration> delays() {
    std::lock_guard<std::mutex> lock(mutex_);
    return delays_;
  }

 private:
  std::mutex mutex_;
  absl::Time now_ = absl::UnixEpoch();
  std::vector<absl::Duration> delays_;
};

class ClientRetryTest : public testing::OnEachTransport {
 protected:
  ClientRetryTest() {
    ClientOptions options;
    options.address = node_.address();
    options.deadline = absl::Seconds(60);
    options.runtime = runtime_;
    options.transport = GetParam();
    client_ = *Client::Create(options);
  }

  static constexpr FakeNode::Failure kLost = {absl::StatusCode::kUnavailable, false, {}, true};
  static constexpr FakeNode::Failure kRefused = {absl::StatusCode::kUnavailable, true, {}, false};

  FakeNode node_;
  std::shared_ptr<FakeRuntime> runtime_ = std::make_shared<FakeRuntime>();
  std::unique_ptr<Client> client_;
};

TEST_P(ClientRetryTest, IdempotentCallsAreTriedAgainWhenTheAnswerIsLost) {
  for (const char* method : {"Get", "Set", "Delete", "Touch", "Lease", "MultiGet", "MultiSet",
                             "MultiDelete", "Scan", "Stats", "GetConfig", "SetConfig"}) {
    node_.FailNext(method, {kLost});
  }
  EXPECT_TRUE(client_->Set("k", "v").ok());
  EXPECT_EQ(client_->Get("k")->value, "v");
  EXPECT_TRUE(client_->Touch("k")->found);
  EXPECT_EQ(client_->Lease("k")->state, LeaseResult::State::kHit);
  EXPECT_EQ(client_->MultiGet({"k"})->at(0)->value, "v");
  EXPECT_TRUE(client_->MultiSet({{"k", "w"}}).ok());
  EXPECT_TRUE(client_->Scan().ok());
  EXPECT_TRUE(client_->Stats().ok());
  EXPECT_TRUE(client_->GetConfig().ok());
  EXPECT_TRUE(client_->SetConfig({{"memory", "2GiB"}}).ok());
  EXPECT_TRUE(client_->Delete("k").ok());
  EXPECT_TRUE(client_->MultiDelete({{"k"}}).ok());
  EXPECT_EQ(runtime_->delays().size(), 12u);
}

TEST_P(ClientRetryTest, OtherCallsAreAppliedAtMostOnceWhenTheAnswerIsLost) {
  node_.Put("n", "1");
  for (const char* method : {"Increment", "Append", "Flush"}) node_.FailNext(method, {kLost});
  EXPECT_EQ(client_->Increment("n").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node_.Find("n"), "2");
  EXPECT_EQ(client_->Append("n", "x").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node_.Find("n"), "2x");
  EXPECT_EQ(client_->Flush().status().code(), absl::StatusCode::kUnavailable);

  node_.FailNext("Set", {kLost, kLost, kLost, kLost, kLost});
  for (const Condition& condition : {Condition::IfAbsent(), Condition::IfPresent(),
                                     Condition::IfVersion(1), Condition::LeaseToken("t")}) {
    EXPECT_FALSE(client_->Set("k", "v", {.condition = condition}).ok());
  }
  EXPECT_FALSE(client_->Set("k", "v", {.return_previous = true}).ok());
  EXPECT_EQ(node_.calls("Set"), 5);
  node_.FailNext("Delete", {kLost});
  EXPECT_FALSE(client_->Delete("k", {.if_version = 1}).ok());
  EXPECT_EQ(node_.calls("Delete"), 1);
  node_.FailNext("MultiSet", {kLost});
  EXPECT_FALSE(
      client_->MultiSet({{"a", "1"}, {"b", "2", {.condition = Condition::IfAbsent()}}}).ok());
  EXPECT_EQ(node_.calls("MultiSet"), 1);
  EXPECT_THAT(runtime_->delays(), IsEmpty());
}

TEST_P(ClientRetryTest, AnyCallIsTriedAgainWhenTheNodeSaysItWasNotApplied) {
  node_.Put("n", "1");
  node_.FailNext("Increment", {kRefused, kRefused});
  EXPECT_EQ(client_->Increment("n")->value, 2);
  EXPECT_EQ(node_.calls("Increment"), 3);
  node_.FailNext("Set", {kRefused});
  EXPECT_TRUE(client_->Set("k", "v", {.condition = Condition::IfAbsent()})->stored);
}

TEST_P(ClientRetryTest, WaitsAsLongAsRetryInfoSays) {
  node_.FailNext("Increment",
                 {{absl::StatusCode::kResourceExhausted, true, absl::Seconds(5), false}});
  EXPECT_TRUE(client_->Increment("n", {.initial = 1})->created);
  EXPECT_THAT(runtime_->delays(), ElementsAre(absl::Seconds(5) + absl::Milliseconds(10)));
}

TEST_P(ClientRetryTest, GivesUpAtOnceWhenRetryInfoOutlastsTheDeadline) {
  node_.FailNext("Get", {{absl::StatusCode::kResourceExhausted, true, absl::Seconds(5), false}});
  const absl::Status status = client_->Get("k", {.deadline = absl::Seconds(4)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryAfter(status), absl::Seconds(5));
  EXPECT_THAT(runtime_->delays(), IsEmpty());
}

TEST_P(ClientRetryTest, AttemptsAndBackoffAreBounded) {
  node_.FailNext("Get", std::vector<FakeNode::Failure>(10, kLost));
  EXPECT_EQ(client_->Get("k").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node_.calls("Get"), 4);
  EXPECT_THAT(runtime_->delays(),
              ElementsAre(absl::Milliseconds(10), absl::Milliseconds(20), absl::Milliseconds(40)));
}

TEST_P(ClientRetryTest, OtherErrorsAndPingsAreNotTriedAgain) {
  node_.FailNext("Get", {{absl::StatusCode::kFailedPrecondition, true, {}, false}});
  const absl::Status status = client_->Get("k").status();
  EXPECT_EQ(status, absl::FailedPreconditionError("Get: said by the node"));
  node_.FailNext("Check", {kRefused});
  EXPECT_EQ(client_->Ping().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node_.calls("Check"), 1);
  EXPECT_THAT(runtime_->delays(), IsEmpty());
}

TEST_P(ClientRetryTest, MultiGetAsksAgainForWhatWasLeftOut) {
  std::vector<std::string> keys;
  for (int i = 0; i < 7; ++i) {
    keys.push_back("k" + std::to_string(i));
    if (i != 4) node_.Put(keys.back(), "v" + std::to_string(i));
  }
  node_.LimitMultiGet(3);
  const absl::StatusOr<MultiGetResult> results = client_->MultiGet(keys);
  ASSERT_TRUE(results.ok());
  EXPECT_EQ(node_.calls("MultiGet"), 3);
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE((*results)[i].ok()) << i;
    EXPECT_EQ((*results)[i]->found, i != 4);
    EXPECT_EQ((*results)[i]->value, i == 4 ? "" : "v" + std::to_string(i));
  }
}

TEST_P(ClientRetryTest, MultiGetStopsAskingWithoutProgress) {
  node_.LimitMultiGet(0);
  const absl::StatusOr<MultiGetResult> results = client_->MultiGet({"a", "b"});
  ASSERT_TRUE(results.ok());
  EXPECT_EQ((*results)[1].status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(node_.calls("MultiGet"), 1);
}

INSTANTIATE_TEST_SUITE_P(Transports, ClientRetryTest, testing::kTransports, testing::TransportName);

}  // namespace
}  // namespace larder
