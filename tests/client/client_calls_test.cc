#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "client/client.h"
#include "tests/client/fake_node.h"
#include "tests/client/transports.h"

namespace larder {
namespace {

using testing::FakeNode;

class ClientCallsTest : public testing::OnEachTransport {
 protected:
  void SetUp() override { client_ = Connect({}); }

  std::unique_ptr<Client> Connect(ClientOptions options) {
    options.address = node_.address();
    options.deadline = absl::Seconds(30);
    options.transport = GetParam();
    return *Client::Create(std::move(options));
  }

  FakeNode node_;
  std::unique_ptr<Client> client_;
};

TEST_P(ClientCallsTest, ASetIsReadBackWithAllItsBytes) {
  const std::string key("k\0\xff", 3);
  const std::string value("v\0\n\xfe", 4);
  const absl::StatusOr<SetResult> set = client_->Set(key, value, {.flags = 7});
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->stored);
  const absl::StatusOr<GetResult> get = client_->Get(key);
  ASSERT_TRUE(get.ok()) << get.status();
  EXPECT_TRUE(get->found);
  EXPECT_EQ(get->value, value);
  EXPECT_EQ(get->version, set->version);
  EXPECT_EQ(get->flags, 7u);
  EXPECT_EQ(get->expires_at, absl::InfiniteFuture());
}

TEST_P(ClientCallsTest, AMissIsNoError) {
  const absl::StatusOr<GetResult> get = client_->Get("nothing");
  ASSERT_TRUE(get.ok()) << get.status();
  EXPECT_FALSE(get->found);
}

TEST_P(ClientCallsTest, ConditionsSayWhyNothingWasStored) {
  node_.Put("k", "old");
  const uint64_t version = client_->Get("k")->version;
  const auto reason = [&](const char* key, Condition condition) {
    const absl::StatusOr<SetResult> set =
        client_->Set(key, "new", {.condition = std::move(condition)});
    EXPECT_TRUE(set.ok() && !set->stored);
    return set->reason;
  };
  EXPECT_EQ(reason("k", Condition::IfAbsent()), NotStoredReason::kExists);
  EXPECT_EQ(reason("x", Condition::IfPresent()), NotStoredReason::kNotFound);
  EXPECT_EQ(reason("k", Condition::IfVersion(version + 1)), NotStoredReason::kVersionMismatch);
  EXPECT_EQ(reason("k", Condition::LeaseToken("void")), NotStoredReason::kLeaseLost);
  const absl::StatusOr<SetResult> set = client_->Set(
      "k", "new", {.condition = Condition::IfVersion(version), .return_previous = true});
  ASSERT_TRUE(set.ok() && set->stored);
  EXPECT_EQ(set->previous->value, "old");
}

TEST_P(ClientCallsTest, ALeaseIsGrantedThenHeldThenHit) {
  const absl::StatusOr<LeaseResult> granted = client_->Lease("k");
  ASSERT_EQ(granted->state, LeaseResult::State::kGranted);
  EXPECT_EQ(granted->deadline, absl::FromUnixSeconds(100));
  const absl::StatusOr<LeaseResult> held = client_->Lease("k");
  ASSERT_EQ(held->state, LeaseResult::State::kHeld);
  EXPECT_EQ(held->retry_after, absl::Milliseconds(50));
  EXPECT_TRUE(client_->Set("k", "v", {.condition = Condition::LeaseToken(granted->token)})->stored);
  EXPECT_EQ(client_->Lease("k")->value->value, "v");
}

TEST_P(ClientCallsTest, MultiKeyCallsHaveOneResultPerItem) {
  const absl::StatusOr<MultiSetResult> sets =
      client_->MultiSet({{"a", "1"}, {"", "2"}, {"c", "3"}});
  ASSERT_EQ(sets->size(), 3u);
  EXPECT_TRUE((*sets)[0]->stored);
  EXPECT_EQ((*sets)[1].status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE((*sets)[2]->stored);
  const absl::StatusOr<MultiGetResult> gets = client_->MultiGet({"c", "b", "a", "a"});
  EXPECT_EQ((*gets)[0]->value, "3");
  EXPECT_FALSE((*gets)[1]->found);
  EXPECT_EQ((*gets)[3]->value, "1");
  const absl::StatusOr<MultiDeleteResult> deletes = client_->MultiDelete({{"a"}, {"b"}});
  EXPECT_TRUE((*deletes)[0]->deleted);
  EXPECT_FALSE((*deletes)[1]->deleted);
}

TEST_P(ClientCallsTest, TheOtherCalls) {
  EXPECT_FALSE(client_->Increment("n")->found);
  EXPECT_EQ(client_->Increment("n", {.delta = 5, .initial = 10})->value, 10);
  EXPECT_EQ(client_->Increment("n", {.delta = -15})->value, -5);
  EXPECT_FALSE(client_->Append("s", "x", {.if_present = true})->stored);
  EXPECT_EQ(client_->Append("s", "xy")->value_bytes, 2u);
  EXPECT_EQ(client_->Touch("s", {.ttl = absl::Seconds(9)})->expires_at, absl::FromUnixSeconds(9));
  EXPECT_FALSE(client_->Touch("none")->found);
  const absl::StatusOr<StatsResult> stats = client_->Stats();
  EXPECT_EQ(stats->version, "1.2.3");
  EXPECT_EQ(stats->requests.at("Get/OK"), 4u);
  EXPECT_EQ(client_->Flush()->entries, 2u);
  EXPECT_TRUE(client_->Ping()->serving);
  node_.SetServing(false);
  EXPECT_FALSE(client_->Ping()->serving);
}

TEST_P(ClientCallsTest, ReplicationIsSeenAndChanged) {
  ASSERT_TRUE(client_->ReplicaOf("node-1:7600").ok());
  ASSERT_TRUE(client_->ReplicaOf("").ok());
  EXPECT_EQ(node_.ReplicaOfLog(), (std::vector<std::string>{"node-1:7600", ""}));
  node_.SetReplication("role: NODE_ROLE_PRIMARY replicas { lag { sequences: 3 bytes: 192 } }");
  const absl::StatusOr<ReplicationResult> result = client_->Replication();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->role, ReplicationResult::Role::kPrimary);
  EXPECT_FALSE(result->epoch.has_value());
  EXPECT_FALSE(result->source.has_value());
  ASSERT_EQ(result->replicas.size(), 1u);
  EXPECT_EQ(result->replicas[0].lag->bytes, 192u);
  EXPECT_FALSE(result->replicas[0].lag->time.has_value());
  EXPECT_FALSE(result->replicas[0].applied.has_value());
  // What is lost on its way is asked for again, but a word to lead is not given twice.
  node_.FailNext("Replication", {{absl::StatusCode::kUnavailable, false}});
  EXPECT_TRUE(client_->Replication().ok());
  node_.FailNext("ReplicaOf", {{absl::StatusCode::kUnavailable, false, {}, true}});
  EXPECT_EQ(client_->ReplicaOf("").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(node_.ReplicaOfLog().size(), 3u);
}

TEST_P(ClientCallsTest, ADigestIsOfAllOrOfASlot) {
  node_.Put("k", "v");
  EXPECT_EQ(client_->Digest()->digest, std::string(16, '\xff'));
  EXPECT_EQ(client_->Digest()->entries, 1u);
  EXPECT_EQ(client_->Digest({.slot = 7})->digest, std::string(16, '\x07'));
  node_.SetDigestBytes(15);
  EXPECT_EQ(client_->Digest().status().code(), absl::StatusCode::kInternal);
}

TEST_P(ClientCallsTest, FlagsAreReadAndChanged) {
  EXPECT_EQ(client_->GetConfig()->values.size(), 3u);
  ASSERT_TRUE(client_->SetConfig({{"memory", "2GiB"}}).ok());
  const absl::StatusOr<GetConfigResult> memory = client_->GetConfig({.name = "memory"});
  ASSERT_EQ(memory->values.size(), 1u);
  EXPECT_EQ(memory->values[0].name, "memory");
  EXPECT_EQ(memory->values[0].value, "2GiB");
  EXPECT_TRUE(memory->values[0].changeable);
  EXPECT_FALSE(client_->GetConfig({.name = "eviction"})->values[0].changeable);
  EXPECT_EQ(client_->GetConfig({.name = "none"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status refused = client_->SetConfig({{"eviction", "lfu"}}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "SetConfig: only memory can change");
}

TEST_P(ClientCallsTest, ScanGoesOnFromItsCursor) {
  for (const char* key : {"a1", "a2", "a3", "b1", "a4"}) node_.Put(key, "v");
  ScanOptions options = {.prefix = "a"};
  std::vector<std::string> keys;
  do {
    absl::StatusOr<ScanResult> page = client_->Scan(options);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const ScanEntry& entry : page->entries) keys.push_back(entry.key);
    options.cursor = page->next_cursor;
  } while (!options.cursor.empty());
  EXPECT_THAT(keys, ::testing::ElementsAre("a1", "a2", "a3", "a4"));
  const absl::StatusOr<ScanResult> empty = client_->Scan({.prefix = "b"});
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_TRUE(empty->entries.empty());
  EXPECT_FALSE(empty->next_cursor.empty()) << "more is to come";
}

TEST_P(ClientCallsTest, TheDeadlineEndsACall) {
  node_.HoldGets();
  EXPECT_EQ(client_->Get("k", {.deadline = absl::Milliseconds(50)}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  node_.ReleaseGets();
}

TEST_P(ClientCallsTest, DeadlinesMustBeFiniteAndPositive) {
  for (const absl::Duration deadline :
       {absl::ZeroDuration(), absl::Seconds(-1), absl::InfiniteDuration()}) {
    EXPECT_EQ(client_->Get("k", {.deadline = deadline}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(node_.calls("Get"), 0);
}

TEST_P(ClientCallsTest, ATooLargeAnswerIsNamed) {
  node_.Put("big", std::string(5000, 'x'));
  const std::unique_ptr<Client> client = Connect({.max_receive_bytes = 4096});
  const absl::Status status = client->Get("big").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "Get: the answer is larger than max_receive_bytes (4096)");
  EXPECT_TRUE(client->Get("small").ok());
}

TEST_P(ClientCallsTest, ManyAsynchronousCallsOverManyConnections) {
  const std::unique_ptr<Client> client = Connect({.connections = 3});
  constexpr int kCalls = 500;
  std::atomic<int> ended{0};
  std::promise<void> all;
  for (int i = 0; i < kCalls; ++i) {
    client->SetAsync("k" + std::to_string(i), "v", {}, [&](absl::StatusOr<SetResult> result) {
      EXPECT_TRUE(result.ok()) << result.status();
      if (++ended == kCalls) all.set_value();
    });
  }
  all.get_future().wait();
  EXPECT_EQ(node_.size(), static_cast<size_t>(kCalls));
}

TEST_P(ClientCallsTest, DestructionWaitsForCallbacks) {
  node_.HoldGets();
  std::unique_ptr<Client> client = Connect({});
  std::atomic<int> ended{0};
  for (int i = 0; i < 10; ++i) {
    client->GetAsync("k", {}, [&](absl::StatusOr<GetResult>) { ++ended; });
  }
  EXPECT_EQ(ended, 0);
  node_.ReleaseGets();
  client.reset();
  EXPECT_EQ(ended, 10);
}

// The last call's callback may still be returning while the client goes away; see ClientCore.
TEST_P(ClientCallsTest, AClientMayGoAsSoonAsItsLastCallHasEnded) {
  client_.reset();  // only a client that is the last one is in danger
  for (int i = 0; i < 300; ++i) {
    const std::unique_ptr<Client> client = Connect({});
    ASSERT_TRUE(client->Ping().ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Transports, ClientCallsTest, testing::kTransports, testing::TransportName);

TEST(ClientCreateTest, NamesTheOptionThatIsWrong) {
  const auto message = [](ClientOptions options) {
    const absl::Status status = Client::Create(std::move(options)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(message({.address = "x:y"}), ::testing::HasSubstr("x:y"));
  EXPECT_THAT(message({.deadline = absl::InfiniteDuration()}), ::testing::HasSubstr("deadline"));
  EXPECT_THAT(message({.connect_timeout = absl::ZeroDuration()}),
              ::testing::HasSubstr("connect_timeout"));
  EXPECT_THAT(message({.retry = {.attempts_max = 0}}), ::testing::HasSubstr("attempts_max"));
  EXPECT_THAT(message({.connections = 0}), ::testing::HasSubstr("connections"));
  EXPECT_THAT(message({.io_threads = 0}), ::testing::HasSubstr("io_threads"));
  EXPECT_THAT(message({.max_receive_bytes = 1}), ::testing::HasSubstr("max_receive_bytes"));
}

class ClientConnectTest : public testing::OnEachTransport {};

TEST_P(ClientConnectTest, ANodeThatIsNotThereIsUnavailable) {
  std::string address;
  {
    const FakeNode node;
    address = node.address();
  }
  const std::unique_ptr<Client> client =
      *Client::Create({.address = address, .transport = GetParam()});
  const absl::Status status = client->Get("k").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(address));
}

INSTANTIATE_TEST_SUITE_P(Transports, ClientConnectTest, testing::kTransports,
                         testing::TransportName);

}  // namespace
}  // namespace larder
