#ifndef LARDER_CLIENT_TYPES_H_
#define LARDER_CLIENT_TYPES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace larder {

// The options and results of Client's calls: plain values. The proto files under proto/larder/v1
// say what each field means in full; absent options mean the server's default.
//
// In every options struct `deadline` is for the whole call, its retries included. Absent: that of
// the client. It must be finite.

// Receives the outcome of an asynchronous call.
template <typename T>
using Callback = std::function<void(absl::StatusOr<T>)>;

// One opening of a shard's log by one primary.
struct Epoch {
  uint64_t term = 0;
  uint64_t incarnation = 0;
  std::string node;  // 16 bytes
};

// A place in a shard's log, ordered by (epoch, sequence). To be given back as it is.
struct Position {
  uint32_t shard = 0;
  Epoch epoch;
  uint64_t sequence = 0;
};

// A value and what is known of it.
struct Entry {
  std::string value;
  uint64_t version = 0;                            // unique per write
  absl::Time expires_at = absl::InfiniteFuture();  // for a stale value: until when it is served
  uint32_t flags = 0;
};

struct GetOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<absl::Duration> max_staleness = {};  // let a replica answer
  std::optional<Position> min_position = {};         // read your writes
};

// A miss has found == false and nothing else.
struct GetResult {
  bool found = false;
  std::string value;
  uint64_t version = 0;
  absl::Time expires_at = absl::InfiniteFuture();
  uint32_t flags = 0;
  bool stale = false;  // deleted with serve_stale_for; this is the old value
};

// What must hold for a Set to be stored.
struct Condition {
  enum class Kind { kNone, kIfAbsent, kIfPresent, kIfVersion, kLeaseToken };

  static Condition IfAbsent() { return {Kind::kIfAbsent, 0, {}}; }
  static Condition IfPresent() { return {Kind::kIfPresent, 0, {}}; }
  static Condition IfVersion(uint64_t version) { return {Kind::kIfVersion, version, {}}; }
  static Condition LeaseToken(std::string token) {
    return {Kind::kLeaseToken, 0, std::move(token)};
  }

  Kind kind = Kind::kNone;
  uint64_t version = 0;     // with kIfVersion
  std::string lease_token;  // with kLeaseToken
};

// When a write is answered.
struct Ack {
  enum class Level { kDefault, kMemory, kDisk, kReplicas };
  Level level = Level::kDefault;
  uint32_t replicas = 0;  // with kReplicas, at least 1
};

struct SetOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<absl::Duration> ttl = {};
  bool keep_ttl = false;  // a live entry that is replaced passes its expiry on
  uint32_t flags = 0;     // opaque, for the client's own use
  Condition condition = {};
  Ack ack = {};
  bool return_previous = false;
};

enum class NotStoredReason { kNone, kExists, kNotFound, kVersionMismatch, kLeaseLost };

struct SetResult {
  bool stored = false;
  NotStoredReason reason = NotStoredReason::kNone;  // unless stored
  uint64_t version = 0;  // the new one if stored, else that of the live entry, 0 if there is none
  std::optional<Position> position;
  std::optional<Entry> previous;  // with return_previous
};

struct DeleteOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<uint64_t> if_version = {};
  std::optional<absl::Duration> serve_stale_for = {};
};

struct DeleteResult {
  bool deleted = false;
  uint64_t current_version = 0;  // with if_version and not deleted
};

struct LeaseOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<absl::Duration> hold_for = {};
  std::optional<double> early_refresh_beta = {};
};

struct LeaseResult {
  enum class State {
    kHit,      // use `value`
    kGranted,  // recompute, then Set with Condition::LeaseToken(token)
    kHeld,     // somebody else recomputes: use `value` if there is one, or ask again
  };
  State state = State::kHit;
  std::optional<Entry> value;  // kHit: the live one; kGranted, kHeld: one to use meanwhile
  std::string token;           // kGranted
  absl::Time deadline = absl::InfiniteFuture();  // kGranted: when the token stops being valid
  bool early = false;          // kGranted: `value` is live, refresh ahead of expiry
  absl::Duration retry_after;  // kHeld
};

struct MultiOptions {
  std::optional<absl::Duration> deadline = {};
};

// `options.deadline` of an item is ignored: the call has one deadline.
struct SetItem {
  std::string key;
  std::string value;
  SetOptions options = {};
};

struct DeleteItem {
  std::string key;
  DeleteOptions options = {};
};

// One result per item, in the order asked.
using MultiGetResult = std::vector<absl::StatusOr<GetResult>>;
using MultiSetResult = std::vector<absl::StatusOr<SetResult>>;
using MultiDeleteResult = std::vector<absl::StatusOr<DeleteResult>>;

struct TouchOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<absl::Duration> ttl = {};
};

struct TouchResult {
  bool found = false;
  uint64_t version = 0;
  absl::Time expires_at = absl::InfiniteFuture();
};

struct IncrementOptions {
  std::optional<absl::Duration> deadline = {};
  int64_t delta = 1;
  std::optional<int64_t> initial = {};  // stored as it is when there is no live entry
  std::optional<absl::Duration> ttl = {};
};

struct IncrementResult {
  bool found = false;
  int64_t value = 0;
  uint64_t version = 0;
  bool created = false;
};

struct AppendOptions {
  std::optional<absl::Duration> deadline = {};
  bool if_present = false;
  std::optional<absl::Duration> ttl = {};  // of an entry that the call creates
};

struct AppendResult {
  bool stored = false;
  uint64_t value_bytes = 0;
  uint64_t version = 0;
};

struct ScanOptions {
  std::optional<absl::Duration> deadline = {};
  std::string cursor = {};  // `next_cursor` of the answer before; empty: begin
  std::string prefix = {};
  uint32_t limit = 0;  // entries, about; 0: the server's choice
  bool keys_only = false;
};

struct ScanEntry {
  std::string key;
  Entry entry;
};

struct ScanResult {
  std::vector<ScanEntry> entries;  // may be empty while more is to come
  std::string next_cursor;         // empty: the walk is complete
};

struct StatsOptions {
  std::optional<absl::Duration> deadline = {};
};

// The figures of a node; counters since its start.
struct StatsResult {
  std::string version;
  absl::Duration uptime;
  uint64_t entries = 0;
  uint64_t memory_bytes = 0;
  uint64_t memory_limit_bytes = 0;
  uint64_t resident_bytes = 0;
  std::string eviction;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t evictions = 0;
  uint64_t expirations = 0;
  uint64_t leases_granted = 0;
  uint64_t leases_granted_early = 0;
  uint64_t leases_held = 0;
  uint64_t leases_lost = 0;
  uint64_t connections = 0;
  std::map<std::string, uint64_t> requests;  // finished, by "Method/CODE"
};

struct FlushOptions {
  std::optional<absl::Duration> deadline = {};
  std::optional<uint32_t> slot = {};  // only this one, 0..16383
};

struct FlushResult {
  uint64_t entries = 0;  // removed
};

struct GetConfigOptions {
  std::optional<absl::Duration> deadline = {};
  std::string name = {};  // of one flag, without dashes; empty: all
};

// A flag of the node.
struct ConfigValue {
  std::string name;         // without dashes
  std::string value;        // as it would be written on the command line
  bool changeable = false;  // by SetConfig
};

struct GetConfigResult {
  std::vector<ConfigValue> values;  // by name
};

struct SetConfigOptions {
  std::optional<absl::Duration> deadline = {};
};

// What a flag becomes.
struct ConfigSetting {
  std::string name;   // without dashes
  std::string value;  // as it would be written on the command line
};

struct SetConfigResult {};

struct PingOptions {
  std::optional<absl::Duration> deadline = {};
};

struct PingResult {
  bool serving = false;
  absl::Duration round_trip;
};

}  // namespace larder

#endif  // LARDER_CLIENT_TYPES_H_
