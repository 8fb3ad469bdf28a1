#ifndef LARDER_STORAGE_COMMANDS_H_
#define LARDER_STORAGE_COMMANDS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/mutation.h"
#include "storage/need.h"
#include "storage/operations.h"
#include "storage/time.h"

namespace larder::storage {

class KeyAccess;

// What Keyspace::Execute carries out: the arguments of an operation, and its result. Arguments are
// borrowed, so that a command which has to wait can be executed again. Run is one attempt, under
// the lock of the key's stripe; it does all or nothing.
//
// Each has `value_bytes()`: of the value that it writes, as far as it is known beforehand;
// `kMutates`: it writes a record; `kOwn`: it is this node's own, and not a copy's: needs the slot
// and the authority, and may evict.

struct SetCommand {
  KeyRef key;
  std::string_view value;
  const SetOptions& options;
  SetResult result = {};

  static constexpr bool kMutates = true;
  static constexpr bool kOwn = true;
  size_t value_bytes() const { return value.size(); }
  Need Run(KeyAccess& access);
};

struct DeleteCommand {
  KeyRef key;
  const DeleteOptions& options;
  DeleteResult result = {};

  static constexpr bool kMutates = true;
  static constexpr bool kOwn = true;
  size_t value_bytes() const { return 0; }
  Need Run(KeyAccess& access);
};

struct TouchCommand {
  KeyRef key;
  TimePoint expires_at;
  TouchResult result = {};

  static constexpr bool kMutates = true;
  static constexpr bool kOwn = true;
  size_t value_bytes() const { return 0; }
  Need Run(KeyAccess& access);
};

struct LeaseCommand {
  KeyRef key;
  const LeaseOptions& options;
  ValueSink& sink;
  absl::StatusOr<LeaseResult> result = LeaseResult();

  static constexpr bool kMutates = false;
  static constexpr bool kOwn = true;
  size_t value_bytes() const { return 0; }
  Need Run(KeyAccess& access);
};

struct IncrementCommand {
  KeyRef key;
  const IncrementOptions& options;
  absl::StatusOr<IncrementResult> result = IncrementResult();

  static constexpr bool kMutates = true;
  static constexpr bool kOwn = true;
  size_t value_bytes() const { return 20; }  // at most
  Need Run(KeyAccess& access);
};

struct AppendCommand {
  KeyRef key;
  std::string_view bytes;
  const AppendOptions& options;
  absl::StatusOr<AppendResult> result = AppendResult();

  static constexpr bool kMutates = true;
  static constexpr bool kOwn = true;
  size_t value_bytes() const { return bytes.size(); }
  Need Run(KeyAccess& access);
};

// A mutation of another copy of the keyspace. Without conditions or leases; takes its version.
struct ApplyCommand {
  KeyRef key;
  const Mutation& mutation;  // of a key
  bool applied = false;      // false: there is no entry to touch or to remove

  static constexpr bool kMutates = true;
  static constexpr bool kOwn = false;
  size_t value_bytes() const { return mutation.value.size(); }
  Need Run(KeyAccess& access);
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_COMMANDS_H_
