#include "server/handlers/lease_token_codec.h"

#include "proto/wire/big_endian.h"

namespace larder::server {

LeaseTokenCodec::LeaseTokenCodec(uint32_t node, uint64_t boot_nonce)
    : origin_(uint64_t{node} << 48 | (boot_nonce & ((uint64_t{1} << 48) - 1))) {}

LeaseTokenCodec::Encoded LeaseTokenCodec::Encode(storage::LeaseToken token) const {
  Encoded encoded;
  StoreBigEndian(origin_, 8, encoded.data());
  StoreBigEndian(token.number, 8, encoded.data() + 8);
  return encoded;
}

std::optional<storage::LeaseToken> LeaseTokenCodec::Decode(std::string_view token) const {
  if (token.size() != kTokenBytes) return std::nullopt;
  if (LoadBigEndian(token.data(), 8) != origin_) return storage::LeaseToken{0};
  return storage::LeaseToken{LoadBigEndian(token.data() + 8, 8)};
}

}  // namespace larder::server
