#include "server/node/random_words.h"

#include <sys/random.h>

namespace larder::server {

absl::Status FillWithRandom(absl::Span<uint64_t> words) {
  const size_t bytes = words.size() * sizeof(uint64_t);
  if (::getrandom(words.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    return absl::UnavailableError("the system gives no random bytes (getrandom)");
  }
  return absl::OkStatus();
}

}  // namespace larder::server
