#include "cluster/wire/payload_compressor.h"

#include <zstd.h>

#include <algorithm>

namespace larder::cluster {
namespace {

// Of a payload: what compressing must save at least. For less, the processor time of both ends is
// worth more than the bytes.
constexpr size_t kSavedShare = 2;

}  // namespace

void PayloadCompressor::FreeContext::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

PayloadCompressor::PayloadCompressor(CompressionOptions options) : options_(options) {}

PayloadCompressor::~PayloadCompressor() = default;

std::optional<std::string> PayloadCompressor::Compress(std::string_view payload) {
  if (!options_.is_on || payload.size() < options_.bytes_min) return std::nullopt;
  if (passing_by_ > 0) {
    --passing_by_;
    return std::nullopt;
  }
  if (context_ == nullptr) context_.reset(ZSTD_createCCtx());
  if (context_ == nullptr) return std::nullopt;
  ++tries_;
  // With no more room than what pays, zstd gives up where it does not.
  std::string compressed(payload.size() - (payload.size() + kSavedShare - 1) / kSavedShare, '\0');
  const size_t size = ZSTD_compressCCtx(context_.get(), compressed.data(), compressed.size(),
                                        payload.data(), payload.size(), options_.level);
  if (ZSTD_isError(size)) {
    NoteFailure();
    return std::nullopt;
  }
  failures_ = 0;
  pass_by_ = 0;
  compressed.resize(size);
  saved_bytes_ += payload.size() - size;
  return compressed;
}

void PayloadCompressor::NoteFailure() {
  if (++failures_ < options_.failures_max) return;
  const uint32_t next = pass_by_ == 0 ? options_.pass_by_first : 2 * pass_by_;
  pass_by_ = std::min(next, options_.pass_by_max);
  passing_by_ = pass_by_;
}

}  // namespace larder::cluster
