#ifndef LARDER_STORAGE_LASTING_FAILURE_H_
#define LARDER_STORAGE_LASTING_FAILURE_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace larder::storage {

inline constexpr char kLastingFailureTypeUrl[] = "larder.dev/lasting_failure";

// Marks an error that does not pass by waiting: the same call fails again until somebody changes
// what is stored, or a flag.
inline absl::Status LastingFailure(absl::Status status) {
  status.SetPayload(kLastingFailureTypeUrl, absl::Cord(absl::string_view("1")));
  return status;
}

inline bool IsLasting(const absl::Status& status) {
  return status.GetPayload(kLastingFailureTypeUrl).has_value();
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LASTING_FAILURE_H_
