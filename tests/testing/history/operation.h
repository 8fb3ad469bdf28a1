#ifndef LARDER_TESTS_TESTING_HISTORY_OPERATION_H_
#define LARDER_TESTS_TESTING_HISTORY_OPERATION_H_

#include <compare>
#include <cstdint>
#include <limits>
#include <string>

namespace larder::history {

// Who did an operation, and which of its operations it was. Also the name of the value that a write
// stores: no two writes store the same one.
struct OperationId {
  uint32_t client = 0;
  uint32_t number = 0;
  auto operator<=>(const OperationId&) const = default;
};

enum class OperationKind : uint8_t { kSet, kDelete, kIncrement, kAppend, kTouch, kGet, kLease };

// What the client knows of an operation's effect.
enum class Outcome : uint8_t {
  kOk,          // it took effect once, between its begin and its end
  kNotApplied,  // it never did and never will
  kUnknown,     // it takes effect at some time after its begin, or never
};

enum class AckLevel : uint8_t { kMemory, kReplicas, kDisk };

enum class SetCondition : uint8_t { kNone, kIfAbsent, kIfPresent, kIfVersion, kLease };

// A place in a shard's log. Epoch 0: none is known.
struct LogPosition {
  uint32_t shard = 0;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  bool is_known() const { return epoch != 0; }
  auto operator<=>(const LogPosition&) const = default;
};

// The end of what has not ended.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// The begin of what always was.
inline constexpr int64_t kAlways = std::numeric_limits<int64_t>::min();

// One operation on one key by one client: what was asked, when, and what came of it. Times are
// nanoseconds of the machine's monotonic clock. `state` is what WrittenValue says of a value.
struct Operation {
  OperationId id;
  OperationKind kind = OperationKind::kGet;
  Outcome outcome = Outcome::kUnknown;
  uint32_t key = 0;   // in History::keys
  uint32_t node = 0;  // in History::nodes: who was asked
  int64_t begin = 0;
  int64_t end = kNever;

  // Asked.
  int64_t delta = 0;   // kIncrement: at least 1
  int64_t ttl_ms = 0;  // 0: none
  SetCondition condition = SetCondition::kNone;
  uint64_t condition_version = 0;  // also that of a kDelete; 0: none
  OperationId lease;               // with kLease: the operation that was granted the token
  AckLevel ack = AckLevel::kMemory;
  uint32_t replicas = 0;          // with kReplicas
  int64_t max_staleness_ms = -1;  // -1: only a primary may answer
  LogPosition min_position;
  bool is_final = false;  // a read after quiet: every node is to answer the same

  // Answered, with kOk.
  bool done = false;  // found, stored, deleted, hit
  std::string state;  // what was found; of a kIncrement: what it made
  uint64_t version = 0;
  LogPosition position;
  bool is_stale = false;    // found is what was deleted before
  bool is_granted = false;  // kLease: the caller may write
  bool is_created = false;  // kIncrement: it created the key

  bool is_mutation() const { return kind != OperationKind::kGet && kind != OperationKind::kLease; }
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_OPERATION_H_
