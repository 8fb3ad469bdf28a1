#include "server/http/gzip_text.h"

#include <zlib.h>

namespace larder::server {

std::optional<std::string> GzipText(std::string_view text) {
  constexpr int kGzipWindowBits = 15 + 16;  // 16: with gzip's header and trailer
  constexpr int kMemoryLevel = 8;           // zlib's default
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string compressed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const bool is_whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (!is_whole) return std::nullopt;
  compressed.shrink_to_fit();
  return compressed;
}

}  // namespace larder::server
