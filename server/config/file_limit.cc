#include "server/config/file_limit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

// Standard streams, listening sockets, connections that are refused (up to 64, while they linger),
// files that are read, what gRPC opens.
constexpr uint64_t kOtherFiles = 128;
constexpr uint64_t kFilesOfALoop = 4;

}  // namespace

absl::StatusOr<uint32_t> ConnectionsWithin(const ServerConfig& config, uint64_t files_max) {
  // One that is accepted when there are as many as may be is there before another is closed.
  const uint64_t metrics_files =
      config.has_metrics ? kFilesOfALoop + config.metrics_limits.connections_max + 1 : 0;
  const uint64_t other_files = kOtherFiles + kFilesOfALoop * config.io_threads + metrics_files;
  if (files_max <= other_files) {
    return absl::FailedPreconditionError(
        absl::StrCat("the process may open ", files_max, " files (RLIMIT_NOFILE), and needs ",
                     other_files, " without any client's connection, ", metrics_files,
                     " of them for the metrics port (--metrics_max_connections)"));
  }
  return static_cast<uint32_t>(std::min<uint64_t>(config.max_connections, files_max - other_files));
}

}  // namespace larder::server
