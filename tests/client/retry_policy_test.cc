#include "client/retry_policy.h"

#include <gtest/gtest.h>

namespace larder {
namespace {

constexpr absl::Duration kPlenty = absl::Seconds(60);

AttemptFailure Failure(absl::StatusCode code, bool from_server = false,
                       std::optional<absl::Duration> retry_after = {}) {
  return {code, from_server, retry_after};
}

RetryPolicy Policy(int attempts_max = 4) {
  return RetryPolicy({attempts_max, absl::Milliseconds(20), absl::Milliseconds(100)});
}

TEST(RetryPolicyTest, RetriesOnlyIdempotentCallsWhenTheAnswerMayBeLost) {
  for (const absl::StatusCode code : {absl::StatusCode::kUnavailable, absl::StatusCode::kUnknown}) {
    EXPECT_TRUE(Policy().DelayBeforeRetry(Failure(code), {true, 1, kPlenty, 0.5}));
    EXPECT_FALSE(Policy().DelayBeforeRetry(Failure(code), {false, 1, kPlenty, 0.5}));
  }
}

TEST(RetryPolicyTest, RetriesAnyCallThatTheNodeSaysItDidNotApply) {
  EXPECT_TRUE(Policy().DelayBeforeRetry(Failure(absl::StatusCode::kUnavailable, true),
                                        {false, 1, kPlenty, 0.5}));
  EXPECT_TRUE(Policy().DelayBeforeRetry(
      Failure(absl::StatusCode::kResourceExhausted, true, absl::Seconds(1)),
      {false, 1, kPlenty, 0.5}));
  // UNKNOWN means that it may have been, whoever says it.
  EXPECT_FALSE(Policy().DelayBeforeRetry(Failure(absl::StatusCode::kUnknown, true),
                                         {false, 1, kPlenty, 0.5}));
}

TEST(RetryPolicyTest, NeverRetriesOtherErrors) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kCancelled, absl::StatusCode::kInvalidArgument,
        absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kFailedPrecondition,
        absl::StatusCode::kUnimplemented, absl::StatusCode::kInternal, absl::StatusCode::kDataLoss,
        absl::StatusCode::kUnauthenticated, absl::StatusCode::kResourceExhausted}) {
    EXPECT_FALSE(Policy().DelayBeforeRetry(Failure(code, true), {true, 1, kPlenty, 0.5}))
        << absl::StatusCodeToString(code);
  }
}

TEST(RetryPolicyTest, BackoffDoublesUpToItsMaximumAndIsFullyJittered) {
  const AttemptFailure failure = Failure(absl::StatusCode::kUnavailable);
  const RetryPolicy policy = Policy(100);
  const auto delay = [&](int attempts_made, double jitter) {
    return *policy.DelayBeforeRetry(failure, {true, attempts_made, kPlenty, jitter});
  };
  EXPECT_EQ(delay(1, 0.5), absl::Milliseconds(10));
  EXPECT_EQ(delay(2, 0.5), absl::Milliseconds(20));
  EXPECT_EQ(delay(3, 0.5), absl::Milliseconds(40));
  EXPECT_EQ(delay(4, 0.5), absl::Milliseconds(50));
  EXPECT_EQ(delay(90, 0.5), absl::Milliseconds(50));
  EXPECT_EQ(delay(3, 0), absl::ZeroDuration());
}

TEST(RetryPolicyTest, WaitsAtLeastAsLongAsTheNodeAsks) {
  const AttemptFailure failure =
      Failure(absl::StatusCode::kResourceExhausted, true, absl::Milliseconds(700));
  EXPECT_EQ(*Policy().DelayBeforeRetry(failure, {false, 1, kPlenty, 0}), absl::Milliseconds(700));
  EXPECT_EQ(*Policy().DelayBeforeRetry(failure, {false, 1, kPlenty, 0.5}), absl::Milliseconds(710));
}

TEST(RetryPolicyTest, GivesUpWhenTheWaitWouldOutlastTheDeadline) {
  const AttemptFailure failure =
      Failure(absl::StatusCode::kResourceExhausted, true, absl::Milliseconds(700));
  EXPECT_FALSE(Policy().DelayBeforeRetry(failure, {true, 1, absl::Milliseconds(700), 0}));
  EXPECT_TRUE(Policy().DelayBeforeRetry(failure, {true, 1, absl::Milliseconds(701), 0}));
}

TEST(RetryPolicyTest, AttemptsAreBounded) {
  const AttemptFailure failure = Failure(absl::StatusCode::kUnavailable, true);
  EXPECT_TRUE(Policy(2).DelayBeforeRetry(failure, {true, 1, kPlenty, 0}));
  EXPECT_FALSE(Policy(2).DelayBeforeRetry(failure, {true, 2, kPlenty, 0}));
  EXPECT_FALSE(Policy(1).DelayBeforeRetry(failure, {true, 1, kPlenty, 0}));
}

}  // namespace
}  // namespace larder
