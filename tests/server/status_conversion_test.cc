#include "server/grpcpp/status_conversion.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "larder/v1/error.pb.h"
#include "server/handlers/retry_hint.h"
#include "server/messages/redirect.h"
#include "server/messages/status_details.h"

namespace larder::server {
namespace {

TEST(StatusConversionTest, KeepsCodeAndMessage) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  const grpc::Status status = ToGrpcStatus(absl::InvalidArgumentError("Get: key is empty"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "Get: key is empty");
}

TEST(StatusConversionTest, DetailsShowThatTheNodeItselfGaveTheError) {
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(
      ToGrpcStatus(absl::UnavailableError("shutting down")).error_details()));
  EXPECT_EQ(details.code(), 14);
  EXPECT_EQ(details.message(), "shutting down");
  EXPECT_EQ(details.details_size(), 0);
}

TEST(StatusConversionTest, RetryHintBecomesRetryInfo) {
  const grpc::Status status =
      ToGrpcStatus(WithRetryHint(absl::ResourceExhaustedError("full"), absl::Milliseconds(2500)));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), 8);
  EXPECT_EQ(details.message(), "full");
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  v1::RetryInfo retry;
  ASSERT_TRUE(retry.ParseFromString(details.details(0).value()));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 500000000);
}

TEST(StatusConversionTest, ItemErrorsHaveTheSame) {
  v1::ItemError error;
  FillItemError(WithRetryHint(absl::ResourceExhaustedError("full"), absl::Milliseconds(100)),
                &error);
  EXPECT_EQ(error.code(), 8);
  EXPECT_EQ(error.message(), "full");
  EXPECT_EQ(error.retry_after().nanos(), 100000000);
  v1::ItemError plain;
  FillItemError(absl::NotFoundError("none"), &plain);
  EXPECT_FALSE(plain.has_retry_after());
}

TEST(StatusConversionTest, AnotherNodesErrorGoesOnAsItCame) {
  const absl::Status first = WithRedirect(
      WithRetryHint(absl::ResourceExhaustedError("full"), absl::Milliseconds(7)),
      {.slot = 3, .kind = Redirect::Kind::kAsk, .endpoint = "h:1", .topology_version = 9});
  const std::string details = StatusDetailsOf(first);
  const absl::Status second =
      StatusOfAnswer(static_cast<int>(first.code()), std::string(first.message()), details);
  EXPECT_EQ(second.code(), first.code());
  EXPECT_EQ(second.message(), first.message());
  EXPECT_EQ(StatusDetailsOf(second), details);
  // And in the error of an item.
  EXPECT_EQ(RetryHintOf(second), absl::Milliseconds(7));
  EXPECT_EQ(RedirectOf(second), RedirectOf(first));
  v1::ItemError error;
  FillItemError(second, &error);
  EXPECT_EQ(error.redirect().kind(), v1::REDIRECT_KIND_ASK);
  EXPECT_EQ(error.redirect().slot(), 3u);
}

TEST(StatusConversionTest, DetailsThatCannotBeReadAreLeftOut) {
  const absl::Status status = StatusOfAnswer(14, "gone", "\xff\xff");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RedirectOf(status), std::nullopt);
  EXPECT_TRUE(StatusOfAnswer(0, "", "").ok());
}

}  // namespace
}  // namespace larder::server
