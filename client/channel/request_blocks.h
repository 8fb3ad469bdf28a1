#ifndef LARDER_CLIENT_CHANNEL_REQUEST_BLOCKS_H_
#define LARDER_CLIENT_CHANNEL_REQUEST_BLOCKS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace larder {

// The value of grpc-timeout for what is left of a deadline: never less, up to 1/16 more, so that
// the calls of a client that uses one timeout say the same. The client itself keeps the deadline.
std::string GrpcTimeout(absl::Duration left);

// Whom requests are to, and what all of them say.
struct RequestOrigin {
  enum class Scheme : uint8_t { kHttp, kHttps };

  std::string authority;
  Scheme scheme = Scheme::kHttp;
  std::vector<std::pair<std::string, std::string>> metadata = {};  // of each request
};

// The header blocks of requests to one origin: HPACK without a dynamic table, kept, since most
// requests have the same as one before. Not thread-safe.
class RequestBlocks {
 public:
  explicit RequestBlocks(RequestOrigin origin) : origin_(std::move(origin)) {}

  // Valid until the next call. `path` outlives this object; paths are told apart by their address.
  std::string_view BlockOf(std::string_view path, absl::Duration left);

 private:
  struct Block {
    const char* path;
    int64_t timeout_min_ms;  // what is left of the deadlines that share the block
    int64_t timeout_max_ms;
    std::string bytes;
  };

  const RequestOrigin origin_;
  std::vector<Block> blocks_;  // one for each path
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_REQUEST_BLOCKS_H_
