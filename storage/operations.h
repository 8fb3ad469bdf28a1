#ifndef LARDER_STORAGE_OPERATIONS_H_
#define LARDER_STORAGE_OPERATIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/mutation.h"
#include "storage/time.h"

namespace larder::storage {

// The arguments and results of Keyspace's operations. Plain values; views are borrowed for the
// call.

// A key and its slot. REQUIRES: slot < kSlots, 1 <= key.size() <= kKeyBytesMax.
struct KeyRef {
  uint32_t slot = 0;
  std::string_view key;
};

inline constexpr uint32_t kSlots = 16384;
// A key and the addresses of a value's parts must fit into one segment.
inline constexpr size_t kKeyBytesMax = size_t{32} << 10;
inline constexpr size_t kValueBytesMax = size_t{512} << 20;

// Keys of one slot that may have the same hash; one more evicts one of them or is refused. By
// chance not even two do. So a Get compares no more keys than these, and a Scan, which never parts
// them, gives no more entries above its limit.
inline constexpr size_t kEqualHashesMax = 16;

// What is known of an entry beside key and value.
struct EntryInfo {
  uint64_t version = 0;
  TimePoint expires_at = kNever;  // for a stale entry: until when it is served
  uint32_t flags = 0;
  bool stale = false;
};

// Where an operation puts a value. Called under a stripe lock, so an implementation only provides
// memory: it must not block, log, or call into the keyspace.
class ValueSink {
 public:
  // Returns where to copy `value_bytes` bytes. nullptr, also when that is 0: there is no room,
  // nothing is copied. Called at most once per operation, when there is a value.
  virtual char* Reserve(const EntryInfo& info, size_t value_bytes) = 0;

 protected:
  ~ValueSink() = default;
};

// Where Scan puts entries; the same rules as for ValueSink.
class ScanSink {
 public:
  // Returns where to copy the value; nullptr leaves the value out. With ScanOptions::keys_only
  // there is none: value_bytes is 0.
  virtual char* Add(std::string_view key, const EntryInfo& info, size_t value_bytes) = 0;

 protected:
  ~ScanSink() = default;
};

enum class GetOutcome {
  kMiss,
  kHit,       // live or stale; the sink has it
  kRefused,   // there is an entry, but the sink had no room
  kNotOwner,  // another node owns the slot
};

// Permission to store a recomputed value. Never {0}.
struct LeaseToken {
  uint64_t number = 0;
  friend bool operator==(LeaseToken, LeaseToken) = default;
};

// What must hold for a Set to be stored.
struct Condition {
  enum class Kind : uint8_t { kNone, kIfAbsent, kIfPresent, kIfVersion, kLeaseToken };
  Kind kind = Kind::kNone;
  uint64_t version = 0;  // with kIfVersion
  LeaseToken token;      // with kLeaseToken
};

struct SetOptions {
  TimePoint expires_at = kNever;
  bool keep_expiry = false;  // a live entry that is replaced passes its expiry on
  uint32_t flags = 0;
  Condition condition;
  // Receives the live entry that was there, stored or not. If it has no room nothing is stored.
  ValueSink* previous = nullptr;
};

struct SetResult {
  enum class Outcome {
    kStored,
    kExists,
    kNotFound,
    kVersionMismatch,
    kLeaseLost,
    kRefused,  // SetOptions::previous had no room; nothing was done, whatever the condition says
  };
  Outcome outcome = Outcome::kStored;
  uint64_t version = 0;  // the new one if stored, else that of the live entry, 0 if there is none
  uint64_t log_end = 0;  // a change: where the log goes on behind it; 0: nobody keeps one
};

struct DeleteOptions {
  std::optional<uint64_t> if_version;
  std::optional<TimePoint> stale_until;  // keep the old value as stale until then
};

struct DeleteResult {
  bool deleted = false;
  uint64_t current_version = 0;  // if if_version did not match: that of the live entry, 0 if none
  uint64_t log_end = 0;          // a change: where the log goes on behind it; 0: nobody keeps one
};

struct LeaseOptions {
  Millis hold_for{0};             // REQUIRES: > 0
  double early_refresh_beta = 0;  // XFetch's beta; 0: never early
};

struct LeaseResult {
  enum class Kind { kHit, kGranted, kHeld };
  Kind kind = Kind::kHit;
  LeaseToken token;        // kGranted
  TimePoint deadline;      // kGranted, kHeld: when the token stops being valid
  bool early = false;      // kGranted: the live entry is to be refreshed ahead of its expiry
  bool has_value = false;  // the sink has a value: live for kHit and early grants, else stale
};

struct TouchResult {
  bool found = false;
  uint64_t version = 0;
  uint64_t log_end = 0;  // a change: where the log goes on behind it; 0: nobody keeps one
};

struct IncrementOptions {
  int64_t delta = 0;
  std::optional<int64_t> initial;         // stored as it is when the key has no live entry
  std::optional<TimePoint> expires_at;    // absent: an entry that exists keeps its expiry
  TimePoint created_expires_at = kNever;  // for an entry that this call creates
};

struct IncrementResult {
  bool found = false;
  bool created = false;
  int64_t value = 0;
  uint64_t version = 0;
  uint64_t log_end = 0;  // a change: where the log goes on behind it; 0: nobody keeps one
};

struct AppendOptions {
  bool if_present = false;
  TimePoint created_expires_at = kNever;
  size_t value_bytes_max = kValueBytesMax;  // of the result
};

struct AppendResult {
  bool stored = false;
  size_t value_bytes = 0;
  uint64_t version = 0;
  uint64_t log_end = 0;  // a change: where the log goes on behind it; 0: nobody keeps one
};

// A place in the order of Scan: the entries at and after (slot, hash of the key) are still to come.
struct ScanPosition {
  uint32_t slot = 0;
  uint64_t hash = 0;
  bool at_end() const { return slot >= kSlots; }
  friend bool operator==(const ScanPosition&, const ScanPosition&) = default;
};

struct ScanOptions {
  std::string_view prefix;
  size_t limit = 100;                  // entries; kEqualHashesMax - 1 more may come
  size_t bytes_max = size_t{1} << 20;  // of keys and values; the first entry always fits
  size_t visits_max = 100000;          // entries and slots looked at
  bool keys_only = false;
};

// Where Keyspace::ExportSlot puts entries; the same rules as for ValueSink.
class ExportSink {
 public:
  // `entry` is a kSet with all that there is, whether stale or expired.
  virtual void Add(const Mutation& entry) = 0;

 protected:
  ~ExportSink() = default;
};

struct ExportOptions {
  size_t entries_max = 1000;           // kEqualHashesMax - 1 more may come
  size_t bytes_max = size_t{1} << 20;  // of keys and values; the first entry always fits
  uint32_t slots_end = kSlots;         // of a chunk: nothing of this slot and those behind it
};

struct ExportedPart {
  ScanPosition next;          // where to go on: in the next slot when this one is done
  uint64_t log_position = 0;  // what the log says up to here is in the part
  // What it says from here on is not. A chunk of many slots, each read at a time of its own, has
  // the greatest of theirs: between the two it is ahead of the log. So a copy that is cut is what
  // there was at its position, which a source with another log needs to go on, only if that is not
  // before the greatest exact_from of its chunks.
  uint64_t exact_from = 0;
};

// Slots in a row of which the same can be said.
struct SlotRun {
  uint32_t end = 0;  // behind the last of them
  bool is_unchanged = false;
  uint64_t log_position = 0;  // where the log stood when that was found of the first
};

struct SlotStats {
  uint64_t entries = 0;
  uint64_t memory_bytes = 0;  // entries and table
};

// Bytes of memory by what they are for.
struct MemoryUsage {
  uint64_t entries = 0;  // records and values that are alive
  uint64_t slack = 0;    // what segments waste, or may come to waste
  uint64_t tables = 0;
  uint64_t policy = 0;  // ghosts and indexes; what is kept in the entries counts there
  uint64_t leases = 0;
  uint64_t fixed = 0;
  uint64_t total() const { return entries + slack + tables + policy + leases + fixed; }
};

// Counts since the keyspace was made; `entries` and `leases` are what is there now.
struct KeyspaceStats {
  uint64_t entries = 0;
  uint64_t leases = 0;
  uint64_t hits = 0;  // Get and Lease that found a live or stale entry
  uint64_t misses = 0;
  uint64_t stale_hits = 0;  // of `hits`
  uint64_t evictions = 0;
  uint64_t expirations = 0;
  uint64_t leases_granted = 0;        // on a miss or a stale value
  uint64_t leases_granted_early = 0;  // ahead of expiry
  uint64_t leases_held = 0;           // answers
  uint64_t leases_lost = 0;           // Sets with a void token
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_OPERATIONS_H_
