#ifndef LARDER_CLIENT_ADDRESS_H_
#define LARDER_CLIENT_ADDRESS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace larder {

// Completes what a person typed as a node's address to host:port, port 7600 if there is none;
// leaves unix:/path as it is. INVALID_ARGUMENT: it cannot be an address.
absl::StatusOr<std::string> NormalizeAddress(std::string_view text);

}  // namespace larder

#endif  // LARDER_CLIENT_ADDRESS_H_
