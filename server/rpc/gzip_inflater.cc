#include "server/rpc/gzip_inflater.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

constexpr int kGzipWindowBits = 15 + 16;
// RFC 1952: a header of 10 bytes, a checksum, and the size of what was compressed, modulo 2^32.
constexpr size_t kFrameBytesMin = 18;
constexpr size_t kSizeBytes = 4;
// A deflate code of 2 bits stands for 258 bytes at most, so that no stream inflates more than so.
constexpr size_t kRatioMax = 1032;
// How many times its size a compressed message may have without counting as a flood, and for how
// many bytes more it counts as one frame of it.
constexpr size_t kFreeInflation = 32;
constexpr size_t kFloodBytes = size_t{16} << 10;
// A step inflates so much.
constexpr size_t kStepBytes = size_t{64} << 10;

size_t ClaimedBytes(std::string_view compressed) {
  const std::string_view field = compressed.substr(compressed.size() - kSizeBytes);
  size_t bytes = 0;
  for (size_t i = kSizeBytes; i > 0; --i) {
    bytes = bytes << 8 | static_cast<unsigned char>(field[i - 1]);
  }
  return bytes;
}

absl::Status Damaged() { return absl::InternalError("a compressed message is damaged"); }

}  // namespace

void GzipInflater::End::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

GzipInflater::GzipInflater(std::string_view compressed, size_t bytes_max)
    : compressed_bytes_(compressed.size()), status_(Begin(compressed, bytes_max)) {}

GzipInflater::~GzipInflater() = default;

absl::Status GzipInflater::Begin(std::string_view compressed, size_t bytes_max) {
  if (compressed.size() < kFrameBytesMin) return Damaged();
  // zlib refuses a stream whose end tells another size, so the end is believed before it is
  // reached: what is too much is not begun, and the rest takes its memory once and no more than it
  // needs.
  bytes_ = ClaimedBytes(compressed);
  if (bytes_ > bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat("a compressed message of more than ",
                                                     bytes_max, " bytes (--max_request_bytes)"));
  }
  if (bytes_ > kRatioMax * compressed.size()) return Damaged();
  auto stream = std::make_unique<z_stream>();
  if (inflateInit2(stream.get(), kGzipWindowBits) != Z_OK) {
    return absl::ResourceExhaustedError("no memory to inflate the request");
  }
  stream_.reset(stream.release());
  message_.reserve(bytes_);
  return absl::OkStatus();
}

uint32_t GzipInflater::flood_frames() const {
  const size_t paid_for = kFreeInflation * compressed_bytes_;
  const size_t beyond = message_.size() - std::min(message_.size(), paid_for);
  return static_cast<uint32_t>(beyond / kFloodBytes);
}

bool GzipInflater::Step(std::string_view compressed) {
  if (!status_.ok()) return false;
  const size_t before = message_.size();
  const size_t room = std::min(kStepBytes, bytes_ - before);
  message_.resize(before + room);
  const size_t read = stream_->total_in;
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data())) + read;
  stream_->avail_in = static_cast<uInt>(compressed.size() - read);
  stream_->next_out = reinterpret_cast<Bytef*>(message_.data()) + before;
  stream_->avail_out = static_cast<uInt>(room);
  const bool is_last = before + room == bytes_;
  const int result = inflate(stream_.get(), is_last ? Z_FINISH : Z_NO_FLUSH);
  if (!is_last && result == Z_OK && stream_->avail_out == 0) return true;
  const bool is_whole =
      is_last && result == Z_STREAM_END && stream_->avail_in == 0 && stream_->avail_out == 0;
  if (!is_whole) status_ = Damaged();
  stream_.reset();
  return false;
}

}  // namespace larder::server
