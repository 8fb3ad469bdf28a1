#include "server/rpc/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

namespace larder::server {
namespace {

constexpr int kGzipWindowBits = 15 + 16;
constexpr size_t kFirstBytes = 4096;

}  // namespace

absl::Status GzipInflate(std::string_view compressed, size_t bytes_max, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) {
    return absl::ResourceExhaustedError("no memory to inflate the request");
  }
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> ends(&stream, &inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  out.clear();
  int result = Z_OK;
  while (result == Z_OK) {
    const size_t used = out.size();
    // One byte more than allowed shows that there is more.
    out.resize(std::min(std::max(2 * used, kFirstBytes), bytes_max + 1));
    if (out.size() == used) return absl::ResourceExhaustedError("inflates to too much");
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (result == Z_BUF_ERROR && stream.avail_out == 0) result = Z_OK;
    if (result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) break;
  }
  if (result != Z_STREAM_END || stream.avail_in > 0) {
    return absl::InvalidArgumentError("no whole gzip stream");
  }
  if (out.size() > bytes_max) return absl::ResourceExhaustedError("inflates to too much");
  return absl::OkStatus();
}

}  // namespace larder::server
