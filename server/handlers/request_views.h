#ifndef LARDER_SERVER_HANDLERS_REQUEST_VIEWS_H_
#define LARDER_SERVER_HANDLERS_REQUEST_VIEWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::server {

// The requests of cache.proto and admin.proto as a transport reads them: borrowed bytes and raw
// wire numbers, nothing checked. The bytes must stay until the reply is complete.

struct WireDuration {
  int64_t seconds = 0;
  int32_t nanos = 0;
};

struct AckView {
  // The numbers of AckLevel in cache.proto.
  static constexpr int32_t kDisk = 2;
  static constexpr int32_t kReplicas = 3;
  int32_t level = 0;
  uint32_t replicas = 0;
};

struct ConditionView {
  enum class Kind : uint8_t { kNone, kIfAbsent, kIfPresent, kIfVersion, kLeaseToken };
  Kind kind = Kind::kNone;
  bool flag = false;             // kIfAbsent, kIfPresent
  uint64_t version = 0;          // kIfVersion
  std::string_view lease_token;  // kLeaseToken
};

struct PositionView {
  uint32_t shard = 0;
  uint64_t term = 0;
  uint64_t incarnation = 0;
  std::string_view node;
  uint64_t sequence = 0;
};

struct GetView {
  std::string_view key;
  std::optional<WireDuration> max_staleness;
  std::optional<PositionView> min_position;
};

struct SetView {
  std::string_view key;
  std::string_view value;
  std::optional<WireDuration> ttl;
  uint32_t flags = 0;
  bool keep_ttl = false;
  ConditionView condition;
  AckView ack;
  bool return_previous = false;
};

struct DeleteView {
  std::string_view key;
  std::optional<uint64_t> if_version;
  std::optional<WireDuration> serve_stale_for;
};

struct LeaseView {
  std::string_view key;
  std::optional<WireDuration> hold_for;
  std::optional<double> early_refresh_beta;
};

struct TouchView {
  std::string_view key;
  std::optional<WireDuration> ttl;
};

struct IncrementView {
  std::string_view key;
  int64_t delta = 0;
  std::optional<int64_t> initial;
  std::optional<WireDuration> ttl;
};

struct AppendView {
  std::string_view key;
  std::string_view value;
  bool if_present = false;
  std::optional<WireDuration> ttl;
};

struct ScanView {
  std::string_view cursor;
  std::string_view prefix;
  uint32_t limit = 0;
  bool keys_only = false;
};

struct SlotStatsView {
  uint32_t first = 0;
  std::optional<uint32_t> last;
};

struct FlushView {
  std::optional<uint32_t> slot;
  std::string peer = {};  // who asks, for the log
};

struct DigestView {
  std::optional<uint32_t> slot;
};

struct ReplicaOfView {
  std::string_view endpoint;  // empty: nobody
  std::string peer = {};      // who asks, for the log
};

struct GetConfigView {
  std::string_view name;
};

struct ConfigSettingView {
  std::string_view name;
  std::string_view value;
};

struct SetConfigView {
  std::vector<ConfigSettingView> values;
  std::string peer = {};  // who asks, for the log
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REQUEST_VIEWS_H_
