#include "server/rpc/header_decoder.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <new>

namespace larder::server::http2 {
namespace {

nghttp2_hd_inflater* NewInflater() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) != 0) throw std::bad_alloc();
  return inflater;
}

}  // namespace

void HeaderDecoder::Deleter::operator()(nghttp2_hd_inflater* inflater) const {
  nghttp2_hd_inflate_del(inflater);
}

HeaderDecoder::HeaderDecoder() : inflater_(NewInflater()) {}

HeaderDecoder::~HeaderDecoder() = default;

bool HeaderDecoder::Decode(std::string_view block, Visit visit) {
  const auto* next = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t taken =
        nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, next, left, /*in_final=*/1);
    if (taken < 0) return false;
    next += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      visit({reinterpret_cast<const char*>(field.name), field.namelen},
            {reinterpret_cast<const char*>(field.value), field.valuelen});
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && taken == 0) return false;
  }
  return nghttp2_hd_inflate_end_headers(inflater_.get()) == 0;
}

bool HeaderDecoder::IsStateless(std::string_view block) {
  // An index of up to 126 in one byte. Larger ones, which are rare, have bytes that look different.
  return std::all_of(block.begin(), block.end(), [](char byte) {
    const auto bits = static_cast<unsigned char>(byte);
    return bits > 0x80 && bits < 0xff;
  });
}

}  // namespace larder::server::http2
