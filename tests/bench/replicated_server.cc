#include "tests/bench/replicated_server.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/bench/line_connection.h"
#include "tests/bench/peer.h"
#include "tests/bench/server_start.h"

namespace larder::bench {
namespace {

constexpr absl::Duration kWaitMax = absl::Minutes(1);

// Of a page of metrics or of an INFO, over a connection of its own: what is left of an answer would
// be taken for the next one's.
absl::StatusOr<std::string> Ask(uint16_t port, std::string_view request, std::string_view wanted) {
  const auto connection = LineConnection::Open(port);
  if (!connection.ok()) return connection.status();
  return AskFor(**connection, request, wanted);
}
absl::StatusOr<std::string> Metric(uint16_t port, std::string_view name) {
  return Ask(port, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", name);
}
absl::StatusOr<std::string> RedisInfo(uint16_t port, std::string_view name) {
  return Ask(port, "INFO replication\r\n", name);
}

// Behind the labels of a line of metrics.
double LastNumber(const std::string& line) {
  double number = -1;
  return absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &number) ? number : -1;
}

template <typename Condition>
absl::Status WaitFor(const char* what, Condition condition) {
  const absl::Time deadline = absl::Now() + kWaitMax;
  while (true) {
    const absl::StatusOr<bool> holds = condition();
    if (holds.ok() && *holds) return absl::OkStatus();
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(what, " within a minute",
                       holds.ok() ? "" : absl::StrCat(": ", holds.status().message())));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

absl::Status TakeFreePorts(std::initializer_list<uint16_t*> ports) {
  for (uint16_t* const port : ports) {
    const auto free = FreePort();
    if (!free.ok()) return free.status();
    *port = *free;
  }
  return absl::OkStatus();
}

}  // namespace

ReplicatedServer::ReplicatedServer(const Options& options)
    : options_(options),
      server_(is_redis() ? MakeRedisServer()
                         : MakeLarderServer(options.larderd, "nghttp2", /*io_threads=*/1)),
      keys_(kWorkloadKeyBytes, options.workload.keys()) {
  for (uint64_t i = 0; i < options.workload.keys(); ++i) keys_.Add(i);
}

ReplicatedServer::~ReplicatedServer() {
  for (Node* const node : {&replica_, &primary_}) {
    node->process.reset();
    // A replica of redis keeps the copy that it was sent as a file; one that was ended meanwhile,
    // under a name of its own.
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator(node->folder.path(), error)) {
      std::filesystem::remove(file.path(), error);
    }
  }
}

absl::StatusOr<std::unique_ptr<ReplicatedServer>> ReplicatedServer::Start(const Options& options) {
  std::unique_ptr<ReplicatedServer> server(new ReplicatedServer(options));
  absl::Status status = server->StartNode(server->primary_, /*is_replica=*/false);
  // A node with a bus listens before it says that it leads, and refuses writes until then.
  if (status.ok()) {
    status = WaitFor("the primary takes no writes", [&]() -> absl::StatusOr<bool> {
      const absl::Status filled = server->Fill(1);
      if (!filled.ok()) return filled;
      return true;
    });
  }
  if (status.ok()) status = server->Fill(server->keys_.size());
  if (!status.ok() || options.followers == Followers::kNone ||
      options.followers == Followers::kLater) {
    return status.ok() ? absl::StatusOr<std::unique_ptr<ReplicatedServer>>(std::move(server))
                       : status;
  }
  status = server->StartReplica();
  if (status.ok()) {
    status = WaitFor("the replica does not follow", [&] { return server->Follows(); });
  }
  if (!status.ok()) return status;
  if (options.followers == Followers::kGone) server->replica_.process.reset();
  return server;
}

absl::Status ReplicatedServer::StartReplica() { return StartNode(replica_, /*is_replica=*/true); }

absl::Status ReplicatedServer::StartNode(Node& node, bool is_replica) {
  if (!node.folder.ok()) return absl::InternalError("cannot make a folder in /tmp");
  const absl::Status free = TakeFreePorts({&node.port, &node.bus_port, &node.metrics_port});
  if (!free.ok()) return free;
  auto process = ChildProcess::Start(CommandOf(node, is_replica));
  if (!process.ok()) return process.status();
  node.process = *std::move(process);
  return WaitUntilReady(*node.process, node.port).status();
}

std::vector<std::string> ReplicatedServer::CommandOf(const Node& node, bool is_replica) const {
  std::vector<std::string> command =
      server_->Command(node.port, node.folder.path(), options_.workload);
  if (is_redis()) {
    command.insert(command.end(), {"--repl-diskless-sync-delay", "0"});
    if (is_replica) {
      command.insert(command.end(), {"--replicaof", "127.0.0.1", absl::StrCat(primary_.port)});
    }
    return command;
  }
  if (options_.followers == Followers::kNone) return command;
  std::ranges::replace(command, std::string("--metrics_listen="),
                       absl::StrCat("--metrics_listen=127.0.0.1:", node.metrics_port));
  command.push_back(absl::StrCat("--bus_listen=127.0.0.1:", node.bus_port));
  if (options_.log_bytes.has_value()) {
    command.push_back(absl::StrCat("--log_bytes=", *options_.log_bytes));
  }
  if (options_.copy_bytes_per_second.has_value()) {
    command.push_back(absl::StrCat("--copy_bytes_per_second=", *options_.copy_bytes_per_second));
  }
  if (is_replica) {
    command.push_back(
        absl::StrCat("--replica_of=127.0.0.1:", primary_.port, "@", primary_.bus_port));
  }
  return command;
}

absl::Status ReplicatedServer::Fill(uint64_t keys) {
  Workload fill = options_.workload;
  fill.operation = WorkloadOperation::kSet;
  const auto generator = LoadGenerator::Connect(
      {primary_.port, {1, 64}, [&](int /*connection*/) {
         return server_->MakeProtocol(fill, primary_.port, KeyPicker::InTurn(keys_));
       }});
  if (!generator.ok()) return generator.status();
  const auto result = (*generator)->Run(keys, /*rate=*/std::nullopt);
  if (!result.ok() || result->failures == 0) return result.status();
  return absl::InternalError(absl::StrCat("a Set failed: ", result->first_failure));
}

absl::StatusOr<std::unique_ptr<LoadGenerator>> ReplicatedServer::Connect(
    WorkloadOperation operation, const LoadShape& shape, uint64_t seed) {
  Workload workload = options_.workload;
  workload.operation = operation;
  return LoadGenerator::Connect({primary_.port, shape, [&](int connection) {
                                   return server_->MakeProtocol(
                                       workload, primary_.port,
                                       KeyPicker::AtRandom(keys_, seed + connection));
                                 }});
}

absl::Status ReplicatedServer::WaitUntilCaughtUp() {
  if (!replica().has_value()) return absl::OkStatus();
  return WaitFor("the replica does not catch up", [&] { return HasCaughtUp(); });
}

absl::StatusOr<bool> ReplicatedServer::Follows() {
  if (replica_.process->HasEnded()) return absl::AbortedError("the replica's process has ended");
  if (is_redis()) {
    const auto link = RedisInfo(replica_.port, "master_link_status:");
    if (!link.ok()) return link.status();
    return *link == "up";
  }
  const auto in_time = Metric(primary_.metrics_port, "larder_replication_replicas_in_time ");
  if (!in_time.ok()) return in_time.status();
  return LastNumber(*in_time) == 1;
}

absl::StatusOr<bool> ReplicatedServer::HasCaughtUp() {
  if (is_redis()) {
    const auto end = RedisInfo(primary_.port, "master_repl_offset:");
    if (!end.ok()) return end.status();
    const auto applied = RedisInfo(replica_.port, "slave_repl_offset:");
    if (!applied.ok()) return applied.status();
    return *end == *applied;
  }
  const auto lag = Metric(primary_.metrics_port, "larder_replication_replica_lag_bytes{");
  if (!lag.ok()) return lag.status();
  return LastNumber(*lag) == 0;
}

absl::StatusOr<uint64_t> ReplicatedServer::CountReplicaEntries() {
  if (is_redis()) {
    const auto connection = LineConnection::Open(replica_.port);
    if (!connection.ok()) return connection.status();
    return MakeRedisPeer()->CountEntries(**connection);
  }
  const auto entries = Metric(replica_.metrics_port, "larder_entries ");
  if (!entries.ok()) return entries.status();
  return static_cast<uint64_t>(std::max(0.0, LastNumber(*entries)));
}

absl::StatusOr<bool> ReplicatedServer::KeepsLog() {
  const auto bytes = Metric(primary_.metrics_port, "larder_replication_log_bytes ");
  if (!bytes.ok()) return bytes.status();
  return LastNumber(*bytes) > 0;
}

}  // namespace larder::bench
