#ifndef LARDER_SERVER_MESSAGES_REDIRECT_H_
#define LARDER_SERVER_MESSAGES_REDIRECT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace larder::v1 {
class Redirect;
}

namespace larder::server {

// Whom to ask in place of this node: larder.v1.Redirect.
struct Redirect {
  enum class Kind : uint8_t { kMoved, kAsk };

  uint32_t slot = 0;
  Kind kind = Kind::kMoved;
  std::string endpoint;
  uint64_t topology_version = 0;

  friend bool operator==(const Redirect&, const Redirect&) = default;
};

// A status with a redirect as a payload, which status_details.h turns into what clients see.
absl::Status WithRedirect(absl::Status status, const Redirect& redirect);
// Absent: the status carries none.
std::optional<Redirect> RedirectOf(const absl::Status& status);

void FillRedirect(const Redirect& redirect, v1::Redirect* message);
Redirect RedirectOf(const v1::Redirect& message);

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_REDIRECT_H_
