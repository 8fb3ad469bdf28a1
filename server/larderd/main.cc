#include <glog/logging.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "client/channel/standard_streams.h"
#include "server/config/command_line.h"
#include "server/config/file_limit.h"
#include "server/config/flag_table.h"
#include "server/config/version.h"
#include "server/larderd/process_log.h"
#include "server/larderd/signal_waiter.h"
#include "server/node/node.h"

namespace larder::server {
namespace {

constexpr int kUsageError = 2;
constexpr int kStartError = 1;
constexpr int kCutShort = 3;
constexpr absl::Duration kLastLinesWithin = absl::Seconds(1);

std::string ErrorLine(const absl::Status& status) {
  return absl::StrCat("larderd: ", status.message(), "\n");
}

// Lets the process open as many files as it may, since a connection is a file; returns how many.
uint64_t RaiseFileLimit() {
  rlimit limit{};
  PCHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return limit.rlim_cur;
  PLOG(WARNING) << "cannot raise RLIMIT_NOFILE";
  return before;
}

// Allows no more clients' connections than there are files for.
absl::Status FitFileLimit(ServerConfig& config) {
  const uint64_t files_max = RaiseFileLimit();
  const absl::StatusOr<uint32_t> connections = ConnectionsWithin(config, files_max);
  if (!connections.ok()) return connections.status();
  if (*connections < config.max_connections) {
    LOG(WARNING) << "this process may open " << files_max << " files (RLIMIT_NOFILE), so "
                 << *connections << " clients may connect and not " << config.max_connections
                 << " (--max_connections)";
  }
  config.max_connections = *connections;
  return absl::OkStatus();
}

void LogChange(const ConfigChange& change) {
  LOG(INFO) << "SetConfig: --" << change.name << "=" << change.new_value << ", was "
            << change.old_value;
}

void LogTls(const TlsNotice& notice, const char* why) {
  if (notice.severity == TlsNotice::Severity::kWarning) {
    LOG(WARNING) << why << notice.text;
  } else {
    LOG(INFO) << why << notice.text;
  }
}

void LogReplication(const ReplicationNotice& notice) {
  if (notice.severity == ReplicationNotice::Severity::kWarning) {
    LOG(WARNING) << notice.text;
  } else {
    LOG(INFO) << notice.text;
  }
}

// Waits for a signal to end, or until a time; reads certificates again meanwhile. Returns as
// SignalWaiter::Wait.
int WaitForEnd(SignalWaiter& signals, Node& node, SignalWaiter::Time until) {
  while (true) {
    const int signal = signals.Wait(until);
    if (signal != SIGHUP) return signal;
    LogTls(node.Reload(), "SIGHUP: ");
  }
}

// A second signal ends the process at once.
void DrainUnlessSignalled(Node& node, SignalWaiter& signals, LogWriter& log) {
  std::thread drain([&] {
    node.Drain();
    signals.Wake();
  });
  if (WaitForEnd(signals, node, SignalWaiter::Time::max()) != SignalWaiter::kWoken) {
    LOG(WARNING) << "second signal: ending without waiting for requests in flight";
    log.Flush(kLastLinesWithin);
    ::_exit(kCutShort);
  }
  drain.join();
}

bool IsOfThisMachine(const Endpoint& endpoint) {
  return endpoint.host.starts_with("127.") || endpoint.host == "::1" ||
         endpoint.host == "localhost";
}

// Whoever reaches the port of such a node may do everything.
void WarnOfStrangers(const ServerConfig& config, const Endpoint& endpoint) {
  if (IsOfThisMachine(endpoint) || !config.tls.client_ca_file.empty()) return;
  LOG(WARNING) << "EVERYBODY who reaches " << endpoint.ToString()
               << " may read, write and flush this node and change its flags: clients need no "
                  "certificate (--tls_client_ca_file)"
               << (config.tls.is_on()
                       ? ""
                       : ", and what they say can be read on the way (--tls_cert_file)");
}

// Whoever reaches such a bus is given all data as a replica.
void WarnOfStrangeNodes(const ServerConfig& config, const Endpoint& bus) {
  if (IsOfThisMachine(bus) || !config.tls.client_ca_file.empty() ||
      !config.replication.secret_file.empty()) {
    return;
  }
  LOG(WARNING) << "EVERYBODY who reaches the bus on " << bus.ToString()
               << " may follow this node and so read all it has: nodes need no secret "
                  "(--cluster_secret_file) and no certificate (--tls_client_ca_file)"
               << (config.tls.is_on()
                       ? ""
                       : ", and what they say can be read on the way (--tls_cert_file)");
}

int Serve(const ServerConfig& config, SignalWaiter& signals, LogWriter& log) {
  absl::StatusOr<std::unique_ptr<Node>> node =
      Node::Start(config, {.on_change = LogChange,
                           .on_tls = [](const TlsNotice& notice) { LogTls(notice, ""); },
                           .on_intervention = [](const std::string& line) { LOG(INFO) << line; },
                           .on_incident = [](const std::string& line) { LOG(WARNING) << line; },
                           .on_replication = LogReplication,
                           .log = &log});
  if (!node.ok()) {
    log.Append(ErrorLine(node.status()));
    return kStartError;
  }
  const std::string client = (*node)->client_endpoint().ToString();
  const auto metrics_endpoint = (*node)->metrics_endpoint();
  const std::string metrics =
      metrics_endpoint.has_value() ? absl::StrCat("on ", metrics_endpoint->ToString()) : "off";
  const auto bus_endpoint = (*node)->bus_endpoint();
  const std::string bus =
      bus_endpoint.has_value() ? absl::StrCat(", bus on ", bus_endpoint->ToString()) : "";
  WarnOfStrangers(config, (*node)->client_endpoint());
  if (bus_endpoint.has_value()) WarnOfStrangeNodes(config, *bus_endpoint);
  LOG(INFO) << "serving on " << client << ", metrics " << metrics << bus;
  log.Flush(kLastLinesWithin);
  // For programs that start a node on port 0: this line is part of the interface.
  std::printf("larderd: serving on %s, metrics %s%s\n", client.c_str(), metrics.c_str(),
              bus.c_str());
  std::fflush(stdout);
  const int signal = WaitForEnd(signals, **node, SignalWaiter::Time::max());
  if (config.shutdown_delay > absl::ZeroDuration()) {
    (*node)->BeginShutdown();
    LOG(INFO) << ::strsignal(signal) << ": not ready any more, serving on for "
              << absl::FormatDuration(config.shutdown_delay);
    WaitForEnd(signals, **node,
               std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(config.shutdown_delay));
  }
  LOG(INFO) << ::strsignal(signal) << ": draining for up to "
            << absl::FormatDuration(config.drain_timeout);
  DrainUnlessSignalled(**node, signals, log);
  node->reset();
  LOG(INFO) << "ended";
  return 0;
}

int Main(std::vector<std::string> arguments) {
  HoldStandardStreams();
  SignalWaiter signals;
  // Costs more than the locks themselves in Debian's build of absl.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(std::move(arguments));
  if (!command_line.ok()) {
    std::fputs(ErrorLine(command_line.status()).c_str(), stderr);
    return kUsageError;
  }
  if (command_line->print.has_value()) {
    std::fputs(command_line->print->c_str(), stdout);
    return 0;
  }
  ServerConfig config = command_line->config;
  ProcessLog log(config.log_level, config.max_log_bytes);
  LOG(INFO) << "larderd " << kVersion << " starts";
  for (const ConfigEntry& entry : ChangedConfigEntries(config)) {
    LOG(INFO) << "--" << entry.name << "=" << entry.value;
  }
  if (const absl::Status status = FitFileLimit(config); !status.ok()) {
    log.writer().Append(ErrorLine(status));
    return kStartError;
  }
  return Serve(config, signals, log.writer());
}

}  // namespace
}  // namespace larder::server

int main(int argc, char** argv) {
  return larder::server::Main(std::vector<std::string>(argv + 1, argv + argc));
}
