#ifndef LARDER_SERVER_HANDLERS_LEASE_TOKEN_CODEC_H_
#define LARDER_SERVER_HANDLERS_LEASE_TOKEN_CODEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/operations.h"

namespace larder::server {

// Lease tokens as clients see them: 16 bytes of node number (2), boot nonce (6) and lease number
// (8), big-endian. The nonce is drawn once per process, so that a token of an earlier process is
// void. Thread-safe: immutable.
class LeaseTokenCodec {
 public:
  static constexpr size_t kTokenBytes = 16;
  using Encoded = std::array<char, kTokenBytes>;

  // Only the low 48 bits of `boot_nonce` are used. REQUIRES: node < 65536.
  LeaseTokenCodec(uint32_t node, uint64_t boot_nonce);

  Encoded Encode(storage::LeaseToken token) const;

  // Absent: it has not 16 bytes. A token of another node or process decodes to {0}, which no lease
  // has.
  std::optional<storage::LeaseToken> Decode(std::string_view token) const;

 private:
  const uint64_t origin_;  // node and nonce
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_LEASE_TOKEN_CODEC_H_
