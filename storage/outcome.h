#ifndef LARDER_STORAGE_OUTCOME_H_
#define LARDER_STORAGE_OUTCOME_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"

namespace larder::storage {

// How the execution of a command ended. Unless it is done nothing has changed, and it may be
// executed again.
struct [[nodiscard]] Outcome {
  enum class Kind : uint8_t {
    kDone,
    kNeedsMemory,   // none can be freed
    kNeedsLogRoom,  // for the command, or for what it would evict: comes as readers of the log go
                    // on
    kNotOwner,
    kNoAuthority,
  };

  bool done() const { return kind == Kind::kDone; }

  Kind kind = Kind::kDone;
  // Unless done. RESOURCE_EXHAUSTED: kNeedsMemory; UNAVAILABLE: kNeedsLogRoom, kNoAuthority;
  // FAILED_PRECONDITION: kNotOwner.
  absl::Status status;
  uint64_t log_room = 0;  // kNeedsLogRoom: how much, for Keyspace::AwaitLogRoom
};

inline Outcome NoAuthority() {
  return {Outcome::Kind::kNoAuthority,
          absl::UnavailableError("this node has no authority to write now; nothing was changed")};
}

inline Outcome NoLogRoom(uint64_t bytes) {
  return {Outcome::Kind::kNeedsLogRoom,
          absl::UnavailableError("the log has no room now; nothing was changed"), bytes};
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_OUTCOME_H_
