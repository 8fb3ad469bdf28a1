#ifndef LARDER_SERVER_REPLICATION_COPY_CURSOR_H_
#define LARDER_SERVER_REPLICATION_COPY_CURSOR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/key_hasher.h"
#include "storage/operations.h"

namespace larder::server {

// How far a copy of a keyspace has come, as it travels between nodes: slot (2 bytes), hash (8), a
// fingerprint of the secret that the hash is under (4), big-endian; empty is the beginning. Under
// another secret the place inside the slot means nothing, so a copy goes on from where the slot
// begins: a chunk says by itself what it replaces.
class CopyCursor {
 public:
  static constexpr size_t kBytes = 14;

  explicit CopyCursor(const storage::KeyHasher& hasher);

  std::string Encode(const storage::ScanPosition& position) const;
  // INVALID_ARGUMENT: it is none.
  absl::StatusOr<storage::ScanPosition> Decode(std::string_view cursor) const;
  // Whether a part of its slot lies before it, under whatever secret. REQUIRES: it is a cursor.
  static bool IsInsideSlot(std::string_view cursor);

 private:
  const uint32_t fingerprint_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_COPY_CURSOR_H_
