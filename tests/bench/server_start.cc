#include "tests/bench/server_start.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace larder::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(10);

}  // namespace

absl::StatusOr<std::unique_ptr<LineConnection>> WaitUntilReady(ChildProcess& server,
                                                               uint16_t port) {
  const absl::Time deadline = absl::Now() + kStartTimeout;
  while (true) {
    auto connection = LineConnection::Open(port);
    if (connection.ok()) return connection;
    if (server.HasEnded()) {
      return absl::InternalError(absl::StrCat(server.name(), " ends at once"));
    }
    if (absl::Now() > deadline) return connection.status();
    absl::SleepFor(absl::Milliseconds(10));
  }
}

}  // namespace larder::bench
