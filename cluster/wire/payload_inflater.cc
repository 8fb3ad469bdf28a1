#include "cluster/wire/payload_inflater.h"

#include <zstd.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

// What one compressed byte can become at most: a block of 128 KiB takes four bytes.
constexpr uint64_t kInflationMax = uint64_t{128} << 10;

absl::Status Refuse(const char* why) {
  return absl::InvalidArgumentError(absl::StrCat("a compressed payload ", why));
}

}  // namespace

void PayloadInflater::FreeContext::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

PayloadInflater::PayloadInflater() = default;

PayloadInflater::~PayloadInflater() = default;

absl::StatusOr<std::string> PayloadInflater::Inflate(std::string_view compressed, uint64_t claimed,
                                                     size_t bytes_max) {
  if (claimed > bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("a compressed payload that claims ", claimed, " bytes; at most ", bytes_max));
  }
  if (claimed == 0) return Refuse("that claims no bytes");
  if (claimed / kInflationMax > compressed.size()) return Refuse("that claims what it can not be");
  const size_t frame = ZSTD_findFrameCompressedSize(compressed.data(), compressed.size());
  if (ZSTD_isError(frame)) return Refuse("that is not a zstd frame, or not a whole one");
  if (frame != compressed.size()) return Refuse("with bytes behind its zstd frame");
  // An unknown size and an error are the two largest numbers.
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != claimed) {
    return Refuse("whose zstd frame is not of the size that it claims");
  }
  if (context_ == nullptr) context_.reset(ZSTD_createDCtx());
  if (context_ == nullptr) return absl::ResourceExhaustedError("no memory to inflate a payload");
  std::string payload(claimed, '\0');
  const size_t size = ZSTD_decompressDCtx(context_.get(), payload.data(), payload.size(),
                                          compressed.data(), compressed.size());
  if (ZSTD_isError(size) || size != claimed) return Refuse("that zstd can not inflate");
  return payload;
}

}  // namespace larder::cluster
