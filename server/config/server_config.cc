#include "server/config/server_config.h"

#include "absl/strings/str_cat.h"
#include "server/config/flag_text.h"
#include "server/handlers/response_budget.h"
#include "storage/mutation_record.h"

namespace larder::server {
namespace {

// What a request has beside key and value.
constexpr size_t kRequestOverheadBytes = 1024;
// What the answer to one item of a multi-key call takes without a value.
constexpr size_t kItemBytes = ResponseBudget::kLeastItemBytes + ResponseBudget::kWriteItemBytes;

absl::Status CheckSizes(const ServerConfig& config) {
  const Limits& limits = config.limits;
  const size_t entry_bytes = limits.max_key_bytes + limits.max_value_bytes;
  if (entry_bytes + kRequestOverheadBytes > config.max_request_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_request_bytes is ", FormatBytes(config.max_request_bytes),
                     ", too little for --max_key_bytes (", FormatBytes(limits.max_key_bytes),
                     ") and --max_value_bytes (", FormatBytes(limits.max_value_bytes),
                     "): at least ", entry_bytes + kRequestOverheadBytes));
  }
  if (config.max_incomplete_bytes < config.max_request_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--max_incomplete_bytes is ", FormatBytes(config.max_incomplete_bytes),
        ", less than --max_request_bytes (", FormatBytes(config.max_request_bytes), ")"));
  }
  // One request of any size fits into the part that is for all.
  if (config.max_total_incomplete_bytes / 2 < config.max_request_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--max_total_incomplete_bytes is ", FormatBytes(config.max_total_incomplete_bytes),
        ", less than twice --max_request_bytes (", FormatBytes(config.max_request_bytes), ")"));
  }
  // One call of any size can be sent on.
  const size_t forwarded_bytes_min = config.max_request_bytes + limits.max_response_bytes;
  if (config.max_forwarded_bytes < forwarded_bytes_min) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_forwarded_bytes is ", FormatBytes(config.max_forwarded_bytes),
                     ", too little for --max_request_bytes (",
                     FormatBytes(config.max_request_bytes), ") and --max_response_bytes (",
                     FormatBytes(limits.max_response_bytes), "): at least ", forwarded_bytes_min));
  }
  if (entry_bytes + Limits::kEntryOverheadBytes > limits.max_response_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max_response_bytes is ", FormatBytes(limits.max_response_bytes),
                     ", too little for --max_key_bytes (", FormatBytes(limits.max_key_bytes),
                     ") and --max_value_bytes (", FormatBytes(limits.max_value_bytes),
                     "): at least ", entry_bytes + Limits::kEntryOverheadBytes));
  }
  if (limits.max_multi_items > limits.max_response_bytes / 2 / kItemBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--max_multi_items is ", limits.max_multi_items, ", too many for --max_response_bytes (",
        FormatBytes(limits.max_response_bytes), "): at most ",
        limits.max_response_bytes / 2 / kItemBytes));
  }
  if (limits.max_scan_limit > limits.max_response_bytes / 2 / Limits::kEntryOverheadBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--max_scan_limit is ", limits.max_scan_limit, ", too many for --max_response_bytes (",
        FormatBytes(limits.max_response_bytes), "): at most ",
        limits.max_response_bytes / 2 / Limits::kEntryOverheadBytes));
  }
  return absl::OkStatus();
}

absl::Status CheckTls(const TlsFiles& tls) {
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const bool lacks_key = tls.key_file.empty();
    return absl::InvalidArgumentError(
        absl::StrCat("--", lacks_key ? "tls_cert_file" : "tls_key_file", " is ",
                     lacks_key ? tls.cert_file : tls.key_file, " and --",
                     lacks_key ? "tls_key_file" : "tls_cert_file",
                     " is empty: TLS needs a certificate and its key"));
  }
  if (!tls.client_ca_file.empty() && !tls.is_on()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls_client_ca_file is ", tls.client_ca_file,
                     " and --tls_cert_file is empty: without TLS clients have no certificates"));
  }
  if (!tls.peer_ca_file.empty() && !tls.is_on()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tls_peer_ca_file is ", tls.peer_ca_file,
                     " and --tls_cert_file is empty: without TLS nodes have no certificates"));
  }
  return absl::OkStatus();
}

absl::Status Conflict(absl::string_view flag, absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, " is ", value, " and ", why));
}

// Those that do nothing, or not what they seem to, without a bus.
absl::Status CheckWithoutBus(const ReplicationConfig& replication) {
  constexpr char kNeedsBus[] = "--bus_listen is empty: without a bus there are no other nodes";
  if (replication.replica_of.has_value()) {
    return Conflict("replica_of", replication.replica_of->ToString(), kNeedsBus);
  }
  if (replication.advertise.has_value()) {
    return Conflict("advertise", replication.advertise->ToString(), kNeedsBus);
  }
  if (!replication.secret_file.empty()) {
    return Conflict("cluster_secret_file", replication.secret_file, kNeedsBus);
  }
  if (!replication.state_dir.empty()) {
    return Conflict("state_dir", replication.state_dir, kNeedsBus);
  }
  if (replication.min_replicas_to_write > 0) {
    return Conflict("min_replicas_to_write", absl::StrCat(replication.min_replicas_to_write),
                    kNeedsBus);
  }
  return absl::OkStatus();
}

bool IsAnyAddress(const Endpoint& endpoint) {
  return endpoint.host == "0.0.0.0" || endpoint.host == "::";
}

absl::Status CheckReplication(const ServerConfig& config) {
  const ReplicationConfig& replication = config.replication;
  const Limits& limits = config.limits;
  if (!replication.bus_listen.has_value()) return CheckWithoutBus(replication);
  if (config.transport == ServerConfig::Transport::kGrpcpp) {
    // A replica's data is replaced as a whole when all I/O threads have passed by, and gRPC does
    // not say when its own have.
    return Conflict("bus_listen", replication.bus_listen->ToString(),
                    "--transport is grpcpp: replication needs --transport=nghttp2");
  }
  const Endpoint& told = replication.advertise.value_or(config.listen);
  if (IsAnyAddress(told)) {
    return Conflict(
        replication.advertise.has_value() ? "advertise" : "listen", told.ToString(),
        absl::StrCat("--bus_listen is ", replication.bus_listen->ToString(),
                     ": other nodes cannot reach that address; give --advertise=HOST:PORT"));
  }
  if (replication.bus_listen->port != 0 && replication.bus_listen->port == config.listen.port &&
      replication.bus_listen->host == config.listen.host) {
    return Conflict("bus_listen", replication.bus_listen->ToString(),
                    "so is --listen: each needs a port of its own");
  }
  const uint64_t record_bytes =
      storage::kLogLineBytes * storage::LogLinesOf(storage::MutationRecordBytes(
                                   limits.max_key_bytes, limits.max_value_bytes));
  // One record may have a quarter of the log (MutationLog::RoomMax).
  if (record_bytes > replication.log_bytes / 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--log_bytes is ", FormatBytes(replication.log_bytes), ", too little for --max_key_bytes (",
        FormatBytes(limits.max_key_bytes), ") and --max_value_bytes (",
        FormatBytes(limits.max_value_bytes), "): at least ", 4 * record_bytes));
  }
  return absl::OkStatus();
}

}  // namespace

Endpoint AdvertisedEndpoint(const ServerConfig& config, const Endpoint& client) {
  Endpoint told = config.replication.advertise.value_or(client);
  if (told.port == 0) told.port = client.port;
  return told;
}

absl::Status CheckConfig(const ServerConfig& config) {
  const Limits& limits = config.limits;
  if (const absl::Status status = CheckSizes(config); !status.ok()) return status;
  if (const absl::Status status = CheckTls(config.tls); !status.ok()) return status;
  if (const absl::Status status = CheckReplication(config); !status.ok()) return status;
  if (limits.default_ttl != absl::InfiniteDuration() && limits.default_ttl > limits.max_ttl) {
    return absl::InvalidArgumentError(
        absl::StrCat("--default_ttl is ", absl::FormatDuration(limits.default_ttl),
                     ", more than --max_ttl (", absl::FormatDuration(limits.max_ttl), ")"));
  }
  if (limits.default_lease_hold > limits.max_lease_hold) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--default_lease_hold is ", absl::FormatDuration(limits.default_lease_hold),
        ", more than --max_lease_hold (", absl::FormatDuration(limits.max_lease_hold), ")"));
  }
  if ((config.keyspace.stripes & (config.keyspace.stripes - 1)) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--stripes is ", config.keyspace.stripes,
                                                   "; it must be a power of two, 1 to 16384"));
  }
  return storage::Keyspace::CheckOptions(config.keyspace);
}

}  // namespace larder::server
