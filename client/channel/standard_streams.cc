#include "client/channel/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace larder {
namespace {

// Before main gRPC's library tries whether there are eventfds, and leaves the one that it made
// open.
bool IsOpenByItsOwner(int stream) {
  char target[64];
  const std::string link = "/proc/self/fd/" + std::to_string(stream);
  const ssize_t bytes = readlink(link.c_str(), target, sizeof(target));
  if (bytes < 0) return fcntl(stream, F_GETFD) >= 0;
  return std::string_view(target, static_cast<size_t>(bytes)) != "anon_inode:[eventfd]";
}

}  // namespace

void HoldStandardStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (IsOpenByItsOwner(stream)) continue;
    const int held = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (held < 0 || held == stream) continue;
    dup2(held, stream);
    close(held);
  }
}

}  // namespace larder
