#include "client/status.h"

#include <gtest/gtest.h>

#include "client/client.h"
#include "larder/v1/error.pb.h"

namespace larder {
namespace {

constexpr int kUnavailable = 14;
constexpr int kResourceExhausted = 8;

std::string Details(int code, std::optional<int> retry_after_seconds = {}) {
  v1::StatusDetails details;
  details.set_code(code);
  if (retry_after_seconds) {
    v1::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(*retry_after_seconds);
    google::protobuf::Any& any = *details.add_details();
    any.set_type_url("type.googleapis.com/google.rpc.RetryInfo");
    any.set_value(info.SerializeAsString());
  }
  return details.SerializeAsString();
}

TEST(InterpretRpcStatusTest, KeepsCodeAndMessage) {
  const RpcError error = InterpretRpcStatus({kUnavailable, "gone", ""});
  EXPECT_EQ(error.status, absl::UnavailableError("gone"));
  EXPECT_EQ(error.failure.code, absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryAfter(error.status), std::nullopt);
}

TEST(InterpretRpcStatusTest, OnlyDetailsThatRepeatTheCodeProveTheNodeSaidIt) {
  EXPECT_FALSE(InterpretRpcStatus({kUnavailable, "", ""}).failure.from_server);
  EXPECT_FALSE(InterpretRpcStatus({kUnavailable, "", Details(13)}).failure.from_server);
  EXPECT_FALSE(InterpretRpcStatus({kUnavailable, "", "\xff\xff garbage"}).failure.from_server);
  EXPECT_TRUE(InterpretRpcStatus({kUnavailable, "", Details(kUnavailable)}).failure.from_server);
}

TEST(InterpretRpcStatusTest, ReadsRetryInfo) {
  const RpcError error =
      InterpretRpcStatus({kResourceExhausted, "full", Details(kResourceExhausted, 3)});
  EXPECT_EQ(error.failure.retry_after, absl::Seconds(3));
  EXPECT_EQ(RetryAfter(error.status), absl::Seconds(3));
}

TEST(InterpretRpcStatusTest, ANegativeRetryInfoIsNoWait) {
  const RpcError error =
      InterpretRpcStatus({kResourceExhausted, "full", Details(kResourceExhausted, -3)});
  EXPECT_EQ(error.failure.retry_after, absl::ZeroDuration());
}

TEST(InterpretRpcStatusTest, CodesThatDoNotExistAreUnknown) {
  EXPECT_EQ(InterpretRpcStatus({99, "", ""}).failure.code, absl::StatusCode::kUnknown);
  EXPECT_EQ(InterpretRpcStatus({-1, "", ""}).failure.code, absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace larder
