#include "server/config/flag_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/flag_kinds.h"
#include "server/config/replication_flags.h"

namespace larder::server {
namespace {

using namespace flag_kinds;  // NOLINT(google-build-using-namespace): what this file is made of

absl::StatusOr<ServerConfig::LogLevel> ParseLogLevel(std::string_view text) {
  if (text == "info") return ServerConfig::LogLevel::kInfo;
  if (text == "warning") return ServerConfig::LogLevel::kWarning;
  if (text == "error") return ServerConfig::LogLevel::kError;
  return absl::InvalidArgumentError("not a log level");
}

std::string_view LogLevelName(ServerConfig::LogLevel level) {
  switch (level) {
    case ServerConfig::LogLevel::kInfo:
      return "info";
    case ServerConfig::LogLevel::kWarning:
      return "warning";
    case ServerConfig::LogLevel::kError:
      return "error";
  }
  return "";
}

absl::StatusOr<ServerConfig::Transport> ParseTransport(std::string_view text) {
  if (text == "nghttp2") return ServerConfig::Transport::kNghttp2;
  if (text == "grpcpp") return ServerConfig::Transport::kGrpcpp;
  return absl::InvalidArgumentError("not a transport");
}

std::string_view TransportName(ServerConfig::Transport transport) {
  return transport == ServerConfig::Transport::kNghttp2 ? "nghttp2" : "grpcpp";
}

void AddAddresses(std::vector<Flag>& flags) {
  constexpr char kRange[] = "HOST:PORT; port 0: any free one";
  flags.push_back({"listen", "HOST:PORT", "Where clients connect.", kRange,
                   [](ServerConfig& config, std::string_view text) {
                     return SetEndpoint("listen", text, config.listen);
                   },
                   [](const ServerConfig& config) { return config.listen.ToString(); }});
  flags.push_back({"metrics_listen", "HOST:PORT",
                   "Where /metrics, /healthz and /readyz are. Empty: nowhere.", kRange,
                   [](ServerConfig& config, std::string_view text) {
                     config.has_metrics = !text.empty();
                     if (text.empty()) return absl::OkStatus();
                     return SetEndpoint("metrics_listen", text, config.metrics_listen);
                   },
                   [](const ServerConfig& config) {
                     return config.has_metrics ? config.metrics_listen.ToString() : std::string();
                   }});
}

void AddMetrics(std::vector<Flag>& flags) {
  flags.push_back(
      Number({"metrics_max_connections",
              "Connections to the metrics port; with one more, the one that has stood still for "
              "longest is closed."},
             1, 10000, [](auto& c) -> auto& { return c.metrics_limits.connections_max; }));
  flags.push_back(Size({"metrics_max_request_bytes",
                        "The head of a request to the metrics port; and a body, which is ignored."},
                       kKi, 64 * kKi,
                       [](auto& c) -> auto& { return c.metrics_limits.request_bytes_max; }));
  flags.push_back(Duration({"metrics_timeout",
                            "How long a connection to the metrics port may take to send a request, "
                            "and then to read its answer."},
                           absl::Milliseconds(100), absl::Hours(1),
                           [](auto& c) -> auto& { return c.metrics_limits.timeout; }));
}

void AddTls(std::vector<Flag>& flags) {
  constexpr char kPem[] = "a file in PEM; empty: none";
  flags.push_back(Path({"tls_cert_file",
                        "The certificate by which the client port speaks TLS, and those up to a "
                        "root. Read again when it is replaced."},
                       "FILE", kPem, [](auto& c) -> auto& { return c.tls.cert_file; }));
  flags.push_back(Path({"tls_key_file", "The key of the certificate, without a passphrase."},
                       "FILE", kPem, [](auto& c) -> auto& { return c.tls.key_file; }));
  flags.push_back(Path(
      {"tls_client_ca_file", "Clients must present a certificate that one of these has signed."},
      "FILE", kPem, [](auto& c) -> auto& { return c.tls.client_ca_file; }));
  flags.push_back(
      Path({"tls_peer_ca_file",
            "Another node's certificate must be signed by one of these. Empty: by one of "
            "--tls_client_ca_file or, without that, by whom the system trusts."},
           "FILE", kPem, [](auto& c) -> auto& { return c.tls.peer_ca_file; }));
}

void AddKeyspace(std::vector<Flag>& flags) {
  flags.push_back(Size({"memory", "Memory for entries and all that is kept about them."},
                       storage::Keyspace::kMemoryBytesMin, 16 * kTi,
                       [](auto& c) -> auto& { return c.keyspace.memory_bytes; }));
  flags.push_back(Word(
      {"eviction", "Which entry makes room when memory is full."},
      "s3fifo, sieve, slru, lru, lru-sampled, lfu, fifo, ttl, random, none",
      [](auto& c) -> auto& { return c.keyspace.eviction; }, storage::ParseEvictionKind,
      storage::EvictionKindName));
  flags.push_back(Word(
      {"eviction_scope", "Evict any entry, or only those with a ttl."}, "all, ttl",
      [](auto& c) -> auto& { return c.keyspace.eviction_scope; }, storage::ParseEvictionScope,
      storage::EvictionScopeName));
  flags.push_back(Number({"eviction_samples", "Entries that a sampling eviction compares."}, 1, 64,
                         [](auto& c) -> auto& { return c.keyspace.eviction_samples; }));
  flags.push_back(
      Number({"stripes", "Lock stripes of the keyspace, a power of two; at most one for 16MiB."}, 1,
             16384, [](auto& c) -> auto& { return c.keyspace.stripes; }));
  flags.push_back(Number({"max_leases", "Leases that may be outstanding."}, 1, 1000000000,
                         [](auto& c) -> auto& { return c.keyspace.leases_max; }));
}

void AddTimes(std::vector<Flag>& flags) {
  const absl::Duration millisecond = absl::Milliseconds(1);
  const absl::Duration century = absl::Hours(876000);
  const absl::Duration day = absl::Hours(24);
  flags.push_back(DurationOrNone({"default_ttl",
                                  "How long an entry lives that is written without a "
                                  "ttl. none: for ever."},
                                 millisecond, century,
                                 [](auto& c) -> auto& { return c.limits.default_ttl; }));
  flags.push_back(Duration({"max_ttl", "The longest ttl that a request may ask for."}, millisecond,
                           century, [](auto& c) -> auto& { return c.limits.max_ttl; }));
  flags.push_back(Duration({"max_serve_stale", "The longest serve_stale_for of a Delete."},
                           millisecond, century,
                           [](auto& c) -> auto& { return c.limits.max_serve_stale; }));
  flags.push_back(Duration({"default_lease_hold", "How long a lease is held without hold_for."},
                           millisecond, day,
                           [](auto& c) -> auto& { return c.limits.default_lease_hold; }));
  flags.push_back(Duration({"max_lease_hold", "The longest hold_for of a Lease."}, millisecond, day,
                           [](auto& c) -> auto& { return c.limits.max_lease_hold; }));
  flags.push_back(Duration({"lease_retry_after",
                            "When a caller should ask again for a key that "
                            "somebody else recomputes."},
                           millisecond, absl::Minutes(1),
                           [](auto& c) -> auto& { return c.limits.lease_retry_after; }));
  flags.push_back(Duration({"ack_timeout",
                            "How long a write waits for the replicas that it asks for; then it is "
                            "DEADLINE_EXCEEDED, and stands."},
                           absl::Milliseconds(1), absl::Hours(1),
                           [](auto& c) -> auto& { return c.limits.ack_timeout; }));
  flags.push_back(Duration({"min_position_timeout",
                            "How long a Get waits for the min_position that it asks for; then it "
                            "is DEADLINE_EXCEEDED."},
                           absl::Milliseconds(1), absl::Hours(1),
                           [](auto& c) -> auto& { return c.limits.min_position_timeout; }));
  flags.push_back(Duration({"overload_retry_after",
                            "When a client should try again after "
                            "RESOURCE_EXHAUSTED."},
                           millisecond, absl::Minutes(1),
                           [](auto& c) -> auto& { return c.limits.overload_retry_after; }));
  flags.push_back(
      {"early_refresh_beta", "NUMBER",
       "How eager Lease is to refresh before expiry (XFetch's beta); 0: never.", "0 to 1000",
       [](ServerConfig& config, std::string_view text) {
         const auto beta = ParseDecimal(text);
         if (!beta.has_value() || *beta > kEarlyRefreshBetaMax) {
           return Refuse("early_refresh_beta", text, "number", "0 to 1000");
         }
         config.limits.early_refresh_beta = *beta;
         return absl::OkStatus();
       },
       [](const ServerConfig& config) { return absl::StrCat(config.limits.early_refresh_beta); }});
}

void AddSizes(std::vector<Flag>& flags) {
  constexpr uint64_t kMessageBytesMax = std::numeric_limits<int32_t>::max();  // gRPC's own limit
  flags.push_back(Size({"max_key_bytes", "The longest key."}, 1, storage::kKeyBytesMax,
                       [](auto& c) -> auto& { return c.limits.max_key_bytes; }));
  flags.push_back(Size({"max_value_bytes", "The longest value."}, 1, storage::kValueBytesMax,
                       [](auto& c) -> auto& { return c.limits.max_value_bytes; }));
  flags.push_back(Size({"max_request_bytes", "The longest request message."}, 4 * kKi,
                       kMessageBytesMax, [](auto& c) -> auto& { return c.max_request_bytes; }));
  flags.push_back(Size({"max_response_bytes",
                        "The longest answer. By default below the 4 MiB that "
                        "gRPC clients accept by default."},
                       4 * kKi, kMessageBytesMax,
                       [](auto& c) -> auto& { return c.limits.max_response_bytes; }));
  flags.push_back(Number({"max_multi_items", "Items of one multi-key call."}, 1, 1000000,
                         [](auto& c) -> auto& { return c.limits.max_multi_items; }));
  flags.push_back(Number({"max_scan_limit", "The largest limit of a Scan."}, 1, 1000000,
                         [](auto& c) -> auto& { return c.limits.max_scan_limit; }));
}

// Flags that bound one connection.
void AddConnection(std::vector<Flag>& flags) {
  const absl::Duration week = absl::Hours(168);
  flags.push_back(Number({"max_streams", "Calls of one connection at a time; one more is refused."},
                         1, 1000000, [](auto& c) -> auto& { return c.max_streams; }));
  flags.push_back(Size(
      {"max_header_bytes",
       "The header fields of a request; one with more is RESOURCE_EXHAUSTED, with eight times as "
       "many (at least 64 KiB) it ends its connection."},
      kKi, 256 * kKi, [](auto& c) -> auto& { return c.max_header_bytes; }));
  flags.push_back(Size({"max_incomplete_bytes",
                        "Requests of a connection that have come in part; with more, one is "
                        "RESOURCE_EXHAUSTED."},
                       4 * kKi, 16 * kTi, [](auto& c) -> auto& { return c.max_incomplete_bytes; }));
  flags.push_back(Size({"max_unread_bytes",
                        "Answers that a connection's client does not read; with more, unary calls "
                        "are RESOURCE_EXHAUSTED and streams are not read."},
                       4 * kKi, 16 * kTi, [](auto& c) -> auto& { return c.max_unread_bytes; }));
  flags.push_back(Size({"max_total_incomplete_bytes",
                        "The same for all connections together; the last quarter is for those "
                        "that hold little. Beyond seven eighths those are ended that hold most, "
                        "and for longest."},
                       8 * kKi, 16 * kTi,
                       [](auto& c) -> auto& { return c.max_total_incomplete_bytes; }));
  flags.push_back(Size({"max_total_unread_bytes",
                        "Answers that wait for all clients together, likewise; with more, unary "
                        "calls are RESOURCE_EXHAUSTED and streams are not read. Beyond seven "
                        "eighths those are ended that hold most, and for longest."},
                       8 * kKi, 16 * kTi,
                       [](auto& c) -> auto& { return c.max_total_unread_bytes; }));
  flags.push_back(Duration({"handshake_timeout", "How long a connection may take to begin."},
                           absl::Seconds(1), absl::Hours(1),
                           [](auto& c) -> auto& { return c.handshake_timeout; }));
  flags.push_back(Duration({"keepalive_time", "A connection that is silent for so long is pinged."},
                           absl::Seconds(1), absl::Hours(24),
                           [](auto& c) -> auto& { return c.keepalive_time; }));
  flags.push_back(Duration({"keepalive_timeout", "And closed when it does not answer for so long."},
                           absl::Seconds(1), absl::Hours(1),
                           [](auto& c) -> auto& { return c.keepalive_timeout; }));
  flags.push_back(Duration(
      {"unread_timeout", "How long a client may read nothing of an answer that waits for it."},
      absl::Seconds(1), absl::Hours(1), [](auto& c) -> auto& { return c.unread_timeout; }));
  flags.push_back(DurationOrNone({"max_connection_age",
                                  "A connection of that age, give or take a tenth, is told to open "
                                  "no more calls and ends with "
                                  "its last one."},
                                 absl::Seconds(1), week,
                                 [](auto& c) -> auto& { return c.max_connection_age; }));
  flags.push_back(DurationOrNone(
      {"max_connection_age_grace", "How long its calls may take to finish, or they are cut off."},
      absl::ZeroDuration(), week, [](auto& c) -> auto& { return c.max_connection_age_grace; }));
}

// Flags that bound what nodes do for each other.
void AddForwarding(std::vector<Flag>& flags) {
  flags.push_back(Number({"max_forwarded",
                          "Requests that are sent on to the nodes that own their slots, Pipeline "
                          "operations included; one more is RESOURCE_EXHAUSTED."},
                         1, 10000000, [](auto& c) -> auto& { return c.max_forwarded; }));
  flags.push_back(Number({"max_forwarded_received",
                          "Requests being served that other nodes have sent on; one more is "
                          "RESOURCE_EXHAUSTED."},
                         1, 10000000, [](auto& c) -> auto& { return c.max_forwarded_received; }));
  flags.push_back(Size({"max_forwarded_bytes",
                        "Requests that are sent on to other nodes, with their answers; with more, "
                        "one is RESOURCE_EXHAUSTED."},
                       8 * kKi, 16 * kTi, [](auto& c) -> auto& { return c.max_forwarded_bytes; }));
  flags.push_back(
      Duration({"peer_connect_timeout", "How long it may take to connect to another node."},
               absl::Milliseconds(10), absl::Hours(1),
               [](auto& c) -> auto& { return c.peer_connect_timeout; }));
  flags.push_back(Duration({"peer_keepalive_time",
                            "Another node that is silent for so long while it owes answers is "
                            "pinged."},
                           absl::Seconds(1), absl::Hours(24),
                           [](auto& c) -> auto& { return c.peer_keepalive_time; }));
  flags.push_back(Duration(
      {"peer_keepalive_timeout", "And taken for lost when it does not answer for so long."},
      absl::Seconds(1), absl::Hours(1), [](auto& c) -> auto& { return c.peer_keepalive_timeout; }));
}

void AddProcess(std::vector<Flag>& flags) {
  flags.push_back(Word(
      {"transport",
       "What serves the client port: nghttp2 is Larder's own gRPC server, grpcpp is gRPC's."},
      "nghttp2, grpcpp", [](auto& c) -> auto& { return c.transport; }, ParseTransport,
      TransportName));
  flags.push_back(Number({"io_threads",
                          "Threads that serve clients. With --transport=grpcpp, gRPC "
                          "sizes its own pool."},
                         1, 64, [](auto& c) -> auto& { return c.io_threads; }));
  flags.push_back(Number({"max_connections",
                          "Client connections; one more is refused. Fewer, where "
                          "the process may open too few files."},
                         1, 1000000, [](auto& c) -> auto& { return c.max_connections; }));
  flags.push_back(Number({"max_inflight",
                          "Requests being served, Pipeline operations included; "
                          "one more is RESOURCE_EXHAUSTED."},
                         1, 10000000, [](auto& c) -> auto& { return c.max_inflight; }));
  flags.push_back(Duration({"shutdown_delay",
                            "How long the node says after SIGTERM or SIGINT that it is not ready, "
                            "and serves on, before it drains; a second signal ends that."},
                           absl::ZeroDuration(), absl::Hours(1),
                           [](auto& c) -> auto& { return c.shutdown_delay; }));
  flags.push_back(Duration({"drain_timeout",
                            "How long requests in flight may take to finish after "
                            "SIGTERM or SIGINT."},
                           absl::ZeroDuration(), absl::Hours(1),
                           [](auto& c) -> auto& { return c.drain_timeout; }));
  flags.push_back(Number({"node_number",
                          "The number of this node in versions and lease tokens; no "
                          "other node of the cluster has it."},
                         0, 1023, [](auto& c) -> auto& { return c.node_number; }));
  flags.push_back(Word(
      {"log_level", "The least severity that is logged, to stderr."}, "info, warning, error",
      [](auto& c) -> auto& { return c.log_level; }, ParseLogLevel, LogLevelName));
  flags.push_back(Size({"max_log_bytes",
                        "Log lines that wait for who reads stderr; with more, a line is lost and "
                        "counted."},
                       4 * kKi, kKi * kMi, [](auto& c) -> auto& { return c.max_log_bytes; }));
}

}  // namespace

const std::vector<Flag>& Flags() {
  static const std::vector<Flag> flags = [] {
    std::vector<Flag> all;
    AddAddresses(all);
    AddMetrics(all);
    AddTls(all);
    AddReplicationFlags(all);
    AddKeyspace(all);
    AddTimes(all);
    AddSizes(all);
    AddConnection(all);
    AddForwarding(all);
    AddProcess(all);
    return all;
  }();
  return flags;
}

absl::Status SetFlag(ServerConfig& config, std::string_view name, std::string_view value) {
  const std::vector<Flag>& flags = Flags();
  const auto flag = std::find_if(flags.begin(), flags.end(),
                                 [&](const Flag& candidate) { return candidate.name == name; });
  if (flag == flags.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", std::string(name), " is not a flag; --help lists them all"));
  }
  return flag->set(config, value);
}

std::vector<ConfigEntry> ConfigEntries(const ServerConfig& config) {
  std::vector<ConfigEntry> entries;
  for (const Flag& flag : Flags()) entries.push_back({flag.name, flag.get(config)});
  std::sort(entries.begin(), entries.end(),
            [](const ConfigEntry& a, const ConfigEntry& b) { return a.name < b.name; });
  return entries;
}

std::vector<ConfigEntry> ChangedConfigEntries(const ServerConfig& config) {
  const ServerConfig defaults;
  std::vector<ConfigEntry> entries;
  for (const Flag& flag : Flags()) {
    if (flag.get(config) != flag.get(defaults)) entries.push_back({flag.name, flag.get(config)});
  }
  return entries;
}

}  // namespace larder::server
