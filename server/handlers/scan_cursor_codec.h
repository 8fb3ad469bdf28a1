#ifndef LARDER_SERVER_HANDLERS_SCAN_CURSOR_CODEC_H_
#define LARDER_SERVER_HANDLERS_SCAN_CURSOR_CODEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/key_hasher.h"
#include "storage/operations.h"

namespace larder::server {

// Scan cursors as clients see them: version (1 byte, now 2), fingerprint of the hash's secret (4),
// slot (2), hash, veiled (8), checksum (4), big-endian. A walk goes by the hash, so a cursor is
// good wherever keys are hashed under the same secret, and nowhere else. The hash is veiled since
// hashes of known keys would tell the secret. Thread-safe: immutable.
class ScanCursorCodec {
 public:
  static constexpr size_t kCursorBytes = 19;
  using Encoded = std::array<char, kCursorBytes>;

  explicit ScanCursorCodec(const storage::KeyHasher& hasher);

  // REQUIRES: !position.at_end().
  Encoded Encode(storage::ScanPosition position) const;

  // INVALID_ARGUMENT, with a message for the client: it was made under another secret, or by
  // nobody.
  absl::StatusOr<storage::ScanPosition> Decode(std::string_view cursor) const;

 private:
  static constexpr size_t kRounds = 6;

  // A keyed permutation of 64 bits, and its inverse.
  uint64_t Veil(uint64_t hash) const;
  uint64_t Unveil(uint64_t veiled) const;

  uint32_t fingerprint_;
  std::array<uint64_t, kRounds> round_keys_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_SCAN_CURSOR_CODEC_H_
