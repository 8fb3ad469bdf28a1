#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// What a client sends is refused with INVALID_ARGUMENT and a message with all of `parts`.
void ExpectInvalid(const absl::Status& status, const std::vector<std::string>& parts) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  for (const std::string& part : parts) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(part));
  }
}

Limits SmallLimits() {
  Limits limits;
  limits.max_key_bytes = 8;
  limits.max_value_bytes = 16;
  limits.max_multi_items = 3;
  limits.max_scan_limit = 50;
  limits.max_ttl = absl::Hours(1);
  limits.max_serve_stale = absl::Minutes(10);
  limits.max_lease_hold = absl::Minutes(1);
  return limits;
}

class HandlerValidationTest : public HandlerTest {
 protected:
  HandlerValidationTest() : HandlerTest(SmallLimits()) {}

  uint64_t entries() const { return keyspace_.get()->Stats().entries; }
};

TEST_F(HandlerValidationTest, KeyMustHaveOneToMaxKeyBytes) {
  const std::string longest(8, 'k');
  const std::string too_long(9, 'k');
  EXPECT_TRUE(Set(longest, "v").status.ok());
  EXPECT_TRUE(Get(longest).answer.found);
  ExpectInvalid(Get("").status, {"Get", "key", "empty", "--max_key_bytes"});
  ExpectInvalid(Get(too_long).status, {"Get", "key", "9", "8", "--max_key_bytes"});
  ExpectInvalid(Set(too_long, "v").status, {"Set", "key", "--max_key_bytes"});
  ExpectInvalid(Delete({.key = ""}).status, {"Delete", "key"});
  ExpectInvalid(Lease({.key = ""}).status, {"Lease", "key"});
  ExpectInvalid(Touch({.key = ""}).status, {"Touch", "key"});
  ExpectInvalid(Increment({.key = ""}).status, {"Increment", "key"});
  ExpectInvalid(Append({.key = too_long, .value = "v"}).status, {"Append", "key"});
}

TEST_F(HandlerValidationTest, ValueMayHaveZeroToMaxValueBytes) {
  EXPECT_TRUE(Set("k", "").status.ok());
  EXPECT_TRUE(Get("k").answer.found);
  EXPECT_TRUE(Set("k", std::string(16, 'v')).status.ok());
  const std::string too_long(17, 'v');
  ExpectInvalid(Set("k", too_long).status, {"Set", "value", "17", "16", "--max_value_bytes"});
  ExpectInvalid(Append({.key = "k", .value = too_long}).status,
                {"Append", "value", "17", "--max_value_bytes"});
}

TEST_F(HandlerValidationTest, MessagesNeverHoldKeyOrValue) {
  const std::string secret(100, 's');
  const auto reply = Set(secret, secret);
  EXPECT_THAT(std::string(reply.status.message()), Not(HasSubstr("sss")));
  EXPECT_THAT(std::string(Set("k", secret).status.message()), Not(HasSubstr("sss")));
  EXPECT_THAT(std::string(Scan({.cursor = secret}).status.message()), Not(HasSubstr("sss")));
}

TEST_F(HandlerValidationTest, TtlMustBeMoreThanZeroAndAtMostMaxTtl) {
  const auto set = [&](WireDuration ttl) { return Set({.key = "k", .ttl = ttl}).status; };
  EXPECT_TRUE(set({3600, 0}).ok());
  EXPECT_TRUE(set({0, 1}).ok());
  ExpectInvalid(set({0, 0}), {"Set", "ttl", "is 0", "more than 0", "1h", "--max_ttl"});
  ExpectInvalid(set({-1, 0}), {"ttl", "-1s", "--max_ttl"});
  ExpectInvalid(set({3600, 1}), {"ttl", "1h0.000000001s", "limit 1h", "--max_ttl"});
  ExpectInvalid(set({std::numeric_limits<int64_t>::max(), 999999999}), {"ttl", "--max_ttl"});
  ExpectInvalid(set({std::numeric_limits<int64_t>::min(), -999999999}), {"ttl", "--max_ttl"});
  ExpectInvalid(Touch({.key = "k", .ttl = WireDuration{7200, 0}}).status, {"Touch", "2h"});
  ExpectInvalid(Increment({.key = "k", .ttl = WireDuration{0, 0}}).status, {"Increment", "ttl"});
  ExpectInvalid(Append({.key = "k", .ttl = WireDuration{0, -5}}).status, {"Append", "ttl"});
}

TEST_F(HandlerValidationTest, DurationsMustBeWellFormed) {
  const auto set = [&](WireDuration ttl) { return Set({.key = "k", .ttl = ttl}).status; };
  ExpectInvalid(set({1, 1000000000}), {"ttl", "malformed", "1000000000"});
  ExpectInvalid(set({-1, -1000000000}), {"ttl", "malformed"});
  ExpectInvalid(set({1, -1}), {"ttl", "malformed", "sign"});
  ExpectInvalid(set({-1, 1}), {"ttl", "malformed", "sign"});
  EXPECT_EQ(entries(), 0u);
}

TEST_F(HandlerValidationTest, TtlIsRoundedUpToTheMillisecond) {
  const storage::TimePoint now = time_.Now();
  ASSERT_TRUE(Set({.key = "k", .ttl = WireDuration{0, 1}}).status.ok());
  EXPECT_EQ(Get("k").info.expires_at, now + storage::Millis(1));
  ASSERT_TRUE(Set({.key = "k", .ttl = WireDuration{0, 1000000}}).status.ok());
  EXPECT_EQ(Get("k").info.expires_at, now + storage::Millis(1));
  ASSERT_TRUE(Set({.key = "k", .ttl = WireDuration{1, 1000001}}).status.ok());
  EXPECT_EQ(Get("k").info.expires_at, now + storage::Millis(1002));
}

TEST_F(HandlerValidationTest, KeepTtlExcludesTtlAndIfAbsent) {
  ExpectInvalid(Set({.key = "k", .ttl = WireDuration{1, 0}, .keep_ttl = true}).status,
                {"Set", "keep_ttl", "ttl"});
  ExpectInvalid(Set({.key = "k",
                     .keep_ttl = true,
                     .condition = {.kind = ConditionView::Kind::kIfAbsent, .flag = true}})
                    .status,
                {"Set", "keep_ttl", "if_absent"});
  EXPECT_EQ(entries(), 0u);
}

TEST_F(HandlerValidationTest, ConditionsMustSaySomething) {
  using Kind = ConditionView::Kind;
  const auto set = [&](ConditionView condition) {
    return Set({.key = "k", .condition = condition}).status;
  };
  ExpectInvalid(set({.kind = Kind::kIfAbsent, .flag = false}), {"Set", "if_absent"});
  ExpectInvalid(set({.kind = Kind::kIfPresent, .flag = false}), {"Set", "if_present"});
  ExpectInvalid(set({.kind = Kind::kIfVersion, .version = 0}), {"Set", "if_version", "0"});
  ExpectInvalid(set({.kind = Kind::kLeaseToken, .lease_token = ""}), {"lease_token", "0", "16"});
  ExpectInvalid(set({.kind = Kind::kLeaseToken, .lease_token = "123456789012345"}),
                {"lease_token", "15", "16"});
  ExpectInvalid(Delete({.key = "k", .if_version = 0}).status, {"Delete", "if_version"});
  EXPECT_EQ(entries(), 0u);
}

TEST_F(HandlerValidationTest, AckLevelIsCheckedBeforeAnythingIsWritten) {
  const auto set = [&](AckView ack) { return Set({.key = "k", .value = "v", .ack = ack}).status; };
  ExpectInvalid(set({.level = 4}), {"Set", "ack.level", "4"});
  ExpectInvalid(set({.level = -1}), {"ack.level", "-1"});
  ExpectInvalid(set({.level = 0, .replicas = 1}), {"ack.replicas", "1"});
  ExpectInvalid(set({.level = 1, .replicas = 2}), {"ack.replicas", "2"});
  ExpectInvalid(set({.level = 2, .replicas = 2}), {"ack.replicas", "2"});
  ExpectInvalid(set({.level = 3, .replicas = 0}), {"ack.replicas", "at least 1"});
  const absl::Status disk = set({.level = 2});
  EXPECT_EQ(disk.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(disk.message()), AllOf(HasSubstr("Set"), HasSubstr("durable storage")));
  const absl::Status replicas = set({.level = 3, .replicas = 2});
  EXPECT_EQ(replicas.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(replicas.message()), AllOf(HasSubstr("2 replicas"), HasSubstr("has 0")));
  EXPECT_EQ(entries(), 0u);
  EXPECT_TRUE(set({.level = 0}).ok());
  EXPECT_TRUE(set({.level = 1}).ok());
}

TEST_F(HandlerValidationTest, MinPositionNeedsAMutationLog) {
  const auto reply = Get(
      GetView{.key = "k",
              .min_position = PositionView{.term = 1, .node = "sixteen bytes id", .sequence = 1}});
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(reply.status.message()), HasSubstr("min_position"));
}

TEST_F(HandlerValidationTest, MaxStalenessMustNotBeNegative) {
  const auto get = [&](WireDuration staleness) {
    return Get(GetView{.key = "k", .max_staleness = staleness}).status;
  };
  EXPECT_TRUE(get({0, 0}).ok());
  EXPECT_TRUE(get({std::numeric_limits<int64_t>::max(), 0}).ok());
  ExpectInvalid(get({-1, 0}), {"Get", "max_staleness", "-1s"});
  ExpectInvalid(get({1, -1}), {"Get", "max_staleness", "malformed"});
}

TEST_F(HandlerValidationTest, ServeStaleForHasBounds) {
  const auto remove = [&](WireDuration stale_for) {
    return Delete({.key = "k", .serve_stale_for = stale_for}).status;
  };
  EXPECT_TRUE(remove({600, 0}).ok());
  ExpectInvalid(remove({0, 0}), {"Delete", "serve_stale_for", "--max_serve_stale"});
  ExpectInvalid(remove({601, 0}), {"serve_stale_for", "10m1s", "10m", "--max_serve_stale"});
}

TEST_F(HandlerValidationTest, HoldForHasBounds) {
  const auto lease = [&](WireDuration hold_for) {
    return Lease({.key = "k", .hold_for = hold_for}).status;
  };
  ExpectInvalid(lease({0, 0}), {"Lease", "hold_for", "--max_lease_hold"});
  ExpectInvalid(lease({-5, 0}), {"Lease", "hold_for", "-5s"});
  ExpectInvalid(lease({61, 0}), {"Lease", "hold_for", "1m1s", "--max_lease_hold"});
  EXPECT_EQ(keyspace_.get()->Stats().leases, 0u);
  EXPECT_TRUE(lease({60, 0}).ok());
}

TEST_F(HandlerValidationTest, EarlyRefreshBetaHasBounds) {
  const auto lease = [&](double beta) {
    return Lease({.key = "k", .early_refresh_beta = beta}).status;
  };
  EXPECT_TRUE(lease(0).ok());
  EXPECT_TRUE(lease(1000).ok());
  ExpectInvalid(lease(-0.5), {"Lease", "early_refresh_beta", "-0.5", "1000"});
  ExpectInvalid(lease(1000.5), {"Lease", "early_refresh_beta"});
  ExpectInvalid(lease(std::nan("")), {"Lease", "early_refresh_beta"});
  ExpectInvalid(lease(std::numeric_limits<double>::infinity()), {"early_refresh_beta"});
}

TEST_F(HandlerValidationTest, ScanFieldsHaveBounds) {
  EXPECT_TRUE(Scan({.prefix = "12345678", .limit = 50}).status.ok());
  ExpectInvalid(Scan({.prefix = "123456789"}).status, {"Scan", "prefix", "9", "--max_key_bytes"});
  ExpectInvalid(Scan({.limit = 51}).status, {"Scan", "limit", "51", "50", "--max_scan_limit"});
  ExpectInvalid(Scan({.cursor = "garbage"}).status, {"Scan", "cursor"});
}

TEST_F(HandlerValidationTest, MultiKeyCallsHaveOneToMaxMultiItems) {
  const std::vector<GetView> gets(4, GetView{.key = "k"});
  RecordingMultiGet none;
  MultiKeyProgress none_progress;
  multi_key_.MultiGet({}, none_progress, none);
  ExpectInvalid(none.status, {"MultiGet", "items", "empty", "--max_multi_items"});
  RecordingMultiGet too_many;
  MultiKeyProgress too_many_progress;
  multi_key_.MultiGet(gets, too_many_progress, too_many);
  ExpectInvalid(too_many.status, {"MultiGet", "items", "4", "3", "--max_multi_items"});
  EXPECT_TRUE(too_many.items.empty());

  const std::vector<SetView> sets(4, SetView{.key = "k"});
  RecordingMultiSet set_reply;
  MultiKeyProgress set_reply_progress;
  multi_key_.MultiSet(sets, set_reply_progress, set_reply);
  ExpectInvalid(set_reply.status, {"MultiSet", "--max_multi_items"});
  const std::vector<DeleteView> deletes(4, DeleteView{.key = "k"});
  RecordingMultiDelete delete_reply;
  MultiKeyProgress delete_reply_progress;
  multi_key_.MultiDelete(deletes, delete_reply_progress, delete_reply);
  ExpectInvalid(delete_reply.status, {"MultiDelete", "--max_multi_items"});
  EXPECT_EQ(entries(), 0u);
}

}  // namespace
}  // namespace larder::server
