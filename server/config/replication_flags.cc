#include "server/config/replication_flags.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/flag_kinds.h"

namespace larder::server {
namespace {

using flag_kinds::kKi;
using flag_kinds::kMi;
using flag_kinds::kTi;

// A log is a ring of whole pieces.
Flag LogBytes() {
  Flag flag = flag_kinds::Size(
      {"log_bytes",
       "The mutation log, beside --memory; a replica that falls further behind takes a full copy."},
      kMi, kTi, [](auto& c) -> auto& { return c.replication.log_bytes; });
  flag.range += ", a multiple of 64KiB";
  flag.set = [set = flag.set](ServerConfig& config, std::string_view text) {
    ServerConfig changed = config;
    if (const absl::Status status = set(changed, text); !status.ok()) return status;
    if (changed.replication.log_bytes % ReplicationConfig::kLogPieceBytes != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--log_bytes: '", std::string(text), "' is not a multiple of 64KiB"));
    }
    config = std::move(changed);
    return absl::OkStatus();
  };
  return flag;
}

}  // namespace

void AddReplicationFlags(std::vector<Flag>& flags) {
  flags.push_back(flag_kinds::OptionalAddress(
      {"bus_listen", "Where other nodes connect. Empty: nowhere, and nothing is replicated."},
      "HOST:PORT", "HOST:PORT; port 0: any free one",
      [](auto& c) -> auto& { return c.replication.bus_listen; }, ParseEndpoint));
  flags.push_back(flag_kinds::OptionalAddress(
      {"advertise", "The client address that this node tells others. Empty: that of --listen."},
      "HOST:PORT", "HOST:PORT; port 0: that of --listen",
      [](auto& c) -> auto& { return c.replication.advertise; }, ParseEndpoint));
  flags.push_back(flag_kinds::OptionalAddress(
      {"replica_of",
       "Follow the node at this client address, whose bus is at port + 10000 or at BUS_PORT. "
       "Empty: nobody. What --state_dir says of whom this node followed, or that it led, goes "
       "first."},
      "HOST:PORT[@BUS_PORT]", "HOST:PORT or HOST:PORT@BUS_PORT",
      [](auto& c) -> auto& { return c.replication.replica_of; }, ParsePeerAddress));
  flags.push_back(
      flag_kinds::Path({"cluster_secret_file", "What nodes prove to each other that they know."},
                       "FILE", "a file; empty: any node is trusted",
                       [](auto& c) -> auto& { return c.replication.secret_file; }));
  flags.push_back(flag_kinds::Path(
      {"state_dir",
       "Where the small file is that says who this node is and how far its data goes. Empty: "
       "nowhere, and after a restart it is another node."},
      "FOLDER", "a folder; empty: none", [](auto& c) -> auto& { return c.replication.state_dir; }));
  flags.push_back(LogBytes());
  // A chunk is some 64 KiB, or a large value: at a pace far below that a copy would stand for
  // hours.
  flags.push_back(flag_kinds::SizeOrZero(
      {"copy_bytes_per_second",
       "Full copies to replicas send so much of the data, all together, to leave the rest of the "
       "machine to clients; 0: as fast as it is taken."},
      64 * kKi, kTi, [](auto& c) -> auto& { return c.replication.copy_bytes_per_second; }));
  flags.push_back(flag_kinds::Size(
      {"max_held_write_bytes",
       "Requests of writes that wait until replicas have made room in the log; with more, a write "
       "is RESOURCE_EXHAUSTED."},
      0, kTi, [](auto& c) -> auto& { return c.replication.held_write_bytes; }));
  flags.push_back(flag_kinds::Duration(
      {"held_write_timeout",
       "How long a write waits for room in the log; then it is RESOURCE_EXHAUSTED."},
      absl::Milliseconds(1), absl::Hours(1),
      [](auto& c) -> auto& { return c.replication.held_write_timeout; }));
  flags.push_back(flag_kinds::Number(
      {"min_replicas_to_write",
       "Writes are FAILED_PRECONDITION while fewer replicas follow in time; 0: never."},
      0, ReplicationConfig::kReplicasMax,
      [](auto& c) -> auto& { return c.replication.min_replicas_to_write; }));
  flags.push_back(flag_kinds::Duration(
      {"replica_in_time",
       "A replica that has acknowledged nothing for so long is not in time; it does so some ten "
       "times a second."},
      absl::Milliseconds(200), absl::Hours(1),
      [](auto& c) -> auto& { return c.replication.in_time; }));
  flags.push_back(flag_kinds::Duration(
      {"restart_wait",
       "How long a primary that was started again waits for replicas that have its data; one that "
       "has most leads then, and this node follows it."},
      absl::ZeroDuration(), absl::Hours(1),
      [](auto& c) -> auto& { return c.replication.restart_wait; }));
}

}  // namespace larder::server
