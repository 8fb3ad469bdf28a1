#ifndef LARDER_SERVER_HANDLERS_DIGEST_WALK_H_
#define LARDER_SERVER_HANDLERS_DIGEST_WALK_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "server/handlers/served_keyspace.h"
#include "storage/content_digest.h"
#include "storage/keyspace.h"
#include "storage/operations.h"

namespace larder::server {

// A Digest under way: so many slots at a time that others have their turn between. Not thread-safe.
class DigestWalk {
 public:
  // Of one slot, or of all. `is_busy` is cleared when the walk ends; both are borrowed.
  DigestWalk(const ServedKeyspace* served, std::optional<uint32_t> slot,
             std::atomic<bool>* is_busy);
  ~DigestWalk() { is_busy_->store(false, std::memory_order_release); }
  DigestWalk(const DigestWalk&) = delete;
  DigestWalk& operator=(const DigestWalk&) = delete;

  // Goes on for about a millisecond. Whether it has come to the end. UNAVAILABLE: there is no data,
  // or not the one that was there before.
  absl::StatusOr<bool> Step();
  const storage::ContentDigest& digest() const { return digest_; }

 private:
  const ServedKeyspace* const served_;
  std::atomic<bool>* const is_busy_;
  const uint32_t slots_end_;
  storage::ScanPosition next_;
  const storage::Keyspace* walked_ = nullptr;  // only to be compared
  storage::ContentDigest digest_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_DIGEST_WALK_H_
