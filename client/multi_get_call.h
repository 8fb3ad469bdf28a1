#ifndef LARDER_CLIENT_MULTI_GET_CALL_H_
#define LARDER_CLIENT_MULTI_GET_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/core.h"

namespace larder {

// A MultiGet that asks again for the items that the node left out, while that makes progress.
// Keeps itself alive until its callback was called. Internal.
class MultiGetCall : public std::enable_shared_from_this<MultiGetCall> {
 public:
  MultiGetCall(ClientCore* core, std::vector<std::string> keys, const MultiOptions& options,
               Callback<MultiGetResult> callback);

  void Ask(const std::optional<absl::Duration>& deadline);

 private:
  void Answered(absl::StatusOr<MultiGetResult> answer);

  ClientCore* const core_;
  const std::vector<std::string> keys_;
  const absl::Time deadline_;
  const Callback<MultiGetResult> callback_;
  MultiGetResult results_;       // empty before the first answer
  std::vector<size_t> missing_;  // indices of results_
};

}  // namespace larder

#endif  // LARDER_CLIENT_MULTI_GET_CALL_H_
