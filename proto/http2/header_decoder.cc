#include "proto/http2/header_decoder.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <new>

#include "proto/http2/header_field.h"

namespace larder::http2 {
namespace {

nghttp2_hd_inflater* NewInflater() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) != 0) throw std::bad_alloc();
  return inflater;
}

// How the fields of a block begin (RFC 7541, section 6).
constexpr unsigned char kIndexedField = 0x80;
constexpr unsigned char kIncrementalIndexing = 0x40;
constexpr unsigned char kTableSize = 0x20;

// Takes an integer off (RFC 7541, section 5.1).
size_t TakeInteger(int prefix_bits, std::string_view& block) {
  if (block.empty()) return 0;
  const size_t prefix_max = (size_t{1} << prefix_bits) - 1;
  size_t number = static_cast<unsigned char>(block.front()) & prefix_max;
  block.remove_prefix(1);
  if (number < prefix_max) return number;
  for (int shift = 0; shift < 32 && !block.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(block.front());
    block.remove_prefix(1);
    number += size_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  return number;
}

void TakeString(std::string_view& block) {
  const size_t bytes = TakeInteger(7, block);
  block.remove_prefix(std::min(bytes, block.size()));
}

}  // namespace

void HeaderDecoder::Deleter::operator()(nghttp2_hd_inflater* inflater) const {
  nghttp2_hd_inflate_del(inflater);
}

HeaderDecoder::HeaderDecoder() : inflater_(NewInflater()) {}

HeaderDecoder::~HeaderDecoder() = default;

HeaderDecoder::Block HeaderDecoder::Decode(std::string_view block, size_t bytes_max, Visit visit) {
  const auto* next = reinterpret_cast<const uint8_t*>(block.data());
  size_t left = block.size();
  size_t bytes = 0;
  for (;;) {
    nghttp2_nv field;
    int flags = 0;
    const ssize_t taken =
        nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, next, left, /*in_final=*/1);
    if (taken < 0) return Block::kDamaged;
    next += taken;
    left -= static_cast<size_t>(taken);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      bytes += field.namelen + field.valuelen + kFieldOverheadBytes;
      if (bytes > bytes_max) return Block::kTooLarge;
      visit({reinterpret_cast<const char*>(field.name), field.namelen},
            {reinterpret_cast<const char*>(field.value), field.valuelen});
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && taken == 0) return Block::kDamaged;
  }
  return nghttp2_hd_inflate_end_headers(inflater_.get()) == 0 ? Block::kWhole : Block::kDamaged;
}

bool HeaderDecoder::IsStateless(std::string_view block) {
  while (!block.empty()) {
    const auto first = static_cast<unsigned char>(block.front());
    if ((first & kIndexedField) != 0) {
      TakeInteger(7, block);
      continue;
    }
    if ((first & (kIncrementalIndexing | kTableSize)) != 0) return false;
    const bool has_name = TakeInteger(4, block) == 0;
    if (has_name) TakeString(block);
    TakeString(block);
  }
  return true;
}

}  // namespace larder::http2
