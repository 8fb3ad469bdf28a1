#ifndef LARDER_TESTS_TESTING_LINK_PROXY_LINK_COMMAND_H_
#define LARDER_TESTS_TESTING_LINK_PROXY_LINK_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/testing/link_proxy/link_rule.h"

namespace larder::link_proxy {

// A line of the control connection:
//   set forward|backward|both [delay=MS] [bandwidth=BYTES_PER_SECOND]
//   cut forward|backward|both close|reset|stall [bytes=N|frames=N|messages=N] [once]
//   refuse | accept         new connections are reset | let through
//   heal                    no fault, no delay, no bound; stalled bytes go on
//   stats                   a line for each connection so far, then "ok"
//   quit
// Forward is from who connects to the target. Without a number a cut is at once, and of the
// connections that are open; with one also of later ones, until it is healed.
struct LinkCommand {
  enum class Kind : uint8_t { kSet, kCut, kRefuse, kAccept, kHeal, kStats, kQuit };

  Kind kind = Kind::kStats;
  bool forward = false;
  bool backward = false;
  std::optional<int64_t> delay_ns;
  std::optional<uint64_t> bytes_per_second;
  LinkFault fault;
};

// INVALID_ARGUMENT names the word that is wrong.
absl::StatusOr<LinkCommand> ParseLinkCommand(std::string_view line);

}  // namespace larder::link_proxy

#endif  // LARDER_TESTS_TESTING_LINK_PROXY_LINK_COMMAND_H_
