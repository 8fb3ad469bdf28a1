#include "client/multi_get_call.h"

#include <numeric>
#include <utility>

#include "client/hot_answers.h"
#include "client/hot_requests.h"

namespace larder {

MultiGetCall::MultiGetCall(ClientCore* core, std::vector<std::string> keys,
                           const MultiOptions& options, Callback<MultiGetResult> callback)
    : core_(core),
      keys_(std::move(keys)),
      deadline_(core_->runtime().Now() + core_->DeadlineOr(options.deadline)),
      callback_(std::move(callback)),
      missing_(keys_.size()) {
  std::iota(missing_.begin(), missing_.end(), size_t{0});
}

void MultiGetCall::Ask(const std::optional<absl::Duration>& deadline) {
  auto call = std::make_unique<DecodingCall<MultiGetResult>>(
      ClientCall::Options{.operation = "MultiGet",
                          .path = "/larder.v1.Cache/MultiGet",
                          .idempotent = true,
                          .deadline = deadline},
      &ReadMultiGetAnswer,
      [self = shared_from_this()](absl::StatusOr<MultiGetResult> answer) {
        self->Answered(std::move(answer));
      },
      missing_.size());
  WriteMultiGetRequest(keys_, missing_, *call);
  core_->Run(std::move(call));
}

void MultiGetCall::Answered(absl::StatusOr<MultiGetResult> answer) {
  const bool is_first = missing_.size() == keys_.size();
  if (!answer.ok()) {
    if (is_first) return callback_(answer.status());
    for (const size_t i : missing_) results_[i] = answer.status();
    return callback_(std::move(results_));
  }
  std::vector<size_t> left_out;
  for (size_t i = 0; i < missing_.size(); ++i) {
    if ((*answer)[i].status().code() == absl::StatusCode::kResourceExhausted) {
      left_out.push_back(missing_[i]);
    }
  }
  const bool progress = left_out.size() < missing_.size();
  if (is_first) {
    results_ = *std::move(answer);
  } else {
    for (size_t i = 0; i < missing_.size(); ++i) results_[missing_[i]] = std::move((*answer)[i]);
  }
  const absl::Duration remaining = deadline_ - core_->runtime().Now();
  if (left_out.empty() || !progress || remaining <= absl::ZeroDuration()) {
    return callback_(std::move(results_));
  }
  missing_ = std::move(left_out);
  Ask(remaining);
}

}  // namespace larder
