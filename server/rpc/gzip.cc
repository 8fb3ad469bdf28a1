#include "server/rpc/gzip.h"

#include <zlib.h>

#include <memory>

namespace larder::server {
namespace {

constexpr int kGzipWindowBits = 15 + 16;
// RFC 1952: a header of 10 bytes, a checksum, and the size of what was compressed, modulo 2^32.
constexpr size_t kFrameBytesMin = 18;
constexpr size_t kSizeBytes = 4;
// A deflate code of 2 bits stands for 258 bytes at most, so that no stream inflates more than so.
constexpr size_t kRatioMax = 1032;

size_t ClaimedBytes(std::string_view compressed) {
  const std::string_view field = compressed.substr(compressed.size() - kSizeBytes);
  size_t bytes = 0;
  for (size_t i = kSizeBytes; i > 0; --i) {
    bytes = bytes << 8 | static_cast<unsigned char>(field[i - 1]);
  }
  return bytes;
}

absl::Status NotWhole() { return absl::InvalidArgumentError("no whole gzip stream"); }

}  // namespace

absl::Status GzipInflate(std::string_view compressed, size_t bytes_max, std::string& out) {
  out.clear();
  if (compressed.size() < kFrameBytesMin) return NotWhole();
  // zlib refuses a stream whose end tells another size, so the end is believed before it is
  // reached: what is too much is not begun, and the rest takes its memory once and no more than it
  // needs.
  const size_t bytes = ClaimedBytes(compressed);
  if (bytes > bytes_max) return absl::ResourceExhaustedError("inflates to too much");
  if (bytes > kRatioMax * compressed.size()) return NotWhole();
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) {
    return absl::ResourceExhaustedError("no memory to inflate the request");
  }
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> ends(&stream, &inflateEnd);
  out.resize(bytes);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(bytes);
  if (inflate(&stream, Z_FINISH) != Z_STREAM_END) return NotWhole();
  return stream.avail_in == 0 && stream.avail_out == 0 ? absl::OkStatus() : NotWhole();
}

}  // namespace larder::server
