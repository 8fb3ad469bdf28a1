#ifndef LARDER_SERVER_RPC_GZIP_H_
#define LARDER_SERVER_RPC_GZIP_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace larder::server {

// Puts what a gzip stream inflates to in place of `out`. Takes memory once, for as many bytes as
// the stream's end tells. RESOURCE_EXHAUSTED: it tells of more than bytes_max. INVALID_ARGUMENT: it
// is no whole gzip stream.
absl::Status GzipInflate(std::string_view compressed, size_t bytes_max, std::string& out);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_GZIP_H_
