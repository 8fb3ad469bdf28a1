#include <CLI/App.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/client.h"
#include "client/flags/arguments.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client_load.h"
#include "tests/bench/find_larderd.h"
#include "tests/bench/line_connection.h"
#include "tests/bench/median.h"
#include "tests/bench/node_certificate.h"
#include "tests/bench/processor_choice.h"
#include "tests/bench/server_start.h"
#include "tests/bench/subcommands.h"

namespace larder::bench {
namespace {

constexpr int kRoundsMax = 1000;
constexpr uint64_t kOperations = 100000;
constexpr size_t kValueBytes = 100;
// A MultiGet is so much more work.
constexpr uint64_t kOperationsOfAMultiGet = 50;

struct ClientArguments {
  std::string larderd;  // empty: beside this program
  std::optional<uint64_t> operations;
  int rounds = 5;
  bool tls = false;  // also with it
  bool json = false;
};

using Operation = ClientLoad::Operation;

constexpr ClientLoad kLoads[] = {{Operation::kGet, true, 1},   {Operation::kGet, true, 16},
                                 {Operation::kGet, false, 1},  {Operation::kGet, false, 50},
                                 {Operation::kSet, false, 50}, {Operation::kMultiGet, false, 4}};

// What calls travel on.
struct Way {
  const char* name;
  ClientOptions::Transport transport;
  bool is_tls = false;
};
constexpr Way kWays[] = {{"native", ClientOptions::Transport::kNative},
                         {"grpcpp", ClientOptions::Transport::kGrpcpp},
                         {"native+tls", ClientOptions::Transport::kNative, true},
                         {"grpcpp+tls", ClientOptions::Transport::kGrpcpp, true}};
constexpr size_t kPlaintextWays = 2;

size_t WaysOf(const ClientArguments& arguments) {
  return arguments.tls ? std::size(kWays) : kPlaintextWays;
}

// Figures of one load on one way, one of each round.
struct Figures {
  std::vector<double> cpu_micros;
  std::vector<double> operations_per_second;
};
using FiguresOfLoads = std::vector<std::vector<Figures>>;  // by load, by way

// A larderd on a port of its own.
struct Node {
  uint16_t port = 0;
  std::unique_ptr<ChildProcess> process;
};

absl::StatusOr<Node> StartNode(const std::string& larderd, const std::vector<std::string>& flags) {
  const auto port = FreePort();
  if (!port.ok()) return port.status();
  std::vector<std::string> command = {larderd, absl::StrCat("--listen=127.0.0.1:", *port),
                                      "--metrics_listen=", "--log_level=error", "--io_threads=1"};
  command.insert(command.end(), flags.begin(), flags.end());
  auto process = ChildProcess::Start(command);
  if (!process.ok()) return process.status();
  if (const auto ready = WaitUntilReady(**process, *port); !ready.ok()) return ready.status();
  return Node{*port, *std::move(process)};
}

// `nodes`: without TLS and, if there are ways with it, the one with TLS.
absl::Status RunRound(const std::vector<Node>& nodes, const std::string& ca_file,
                      uint64_t operations, FiguresOfLoads& figures) {
  for (size_t w = 0; w < figures.front().size(); ++w) {
    ClientOptions options;
    options.address = absl::StrCat("127.0.0.1:", nodes[kWays[w].is_tls ? 1 : 0].port);
    options.deadline = absl::Seconds(10);
    options.transport = kWays[w].transport;
    if (kWays[w].is_tls) options.tls = TlsOptions{.ca_file = ca_file};
    const auto client = Client::Create(std::move(options));
    if (!client.ok()) return client.status();
    const absl::Status filled = FillForClientLoad(**client, kValueBytes);
    if (!filled.ok()) return filled;
    for (size_t i = 0; i < std::size(kLoads); ++i) {
      const bool is_multi_get = kLoads[i].operation == Operation::kMultiGet;
      const auto result = RunClientLoad(
          **client, kLoads[i], is_multi_get ? 1 + operations / kOperationsOfAMultiGet : operations,
          kValueBytes);
      if (!result.ok()) return result.status();
      figures[i][w].cpu_micros.push_back(result->cpu_micros);
      figures[i][w].operations_per_second.push_back(result->operations_per_second);
    }
  }
  return absl::OkStatus();
}

nlohmann::ordered_json ToJson(const ClientArguments& arguments, const FiguresOfLoads& figures) {
  nlohmann::ordered_json json = {{"rounds", arguments.rounds}, {"loads", nlohmann::json::array()}};
  for (size_t i = 0; i < std::size(kLoads); ++i) {
    nlohmann::ordered_json load = {{"name", kLoads[i].name()}, {"rows", nlohmann::json::array()}};
    for (size_t w = 0; w < figures[i].size(); ++w) {
      load["rows"].push_back(nlohmann::ordered_json{
          {"transport", kWays[w].name},
          {"cpu_micros", Median(figures[i][w].cpu_micros)},
          {"operations_per_second", Median(figures[i][w].operations_per_second)}});
    }
    json["loads"].push_back(load);
  }
  return json;
}

std::string ToText(const ClientArguments& arguments, const FiguresOfLoads& figures) {
  std::string text = absl::StrFormat(
      "Processor time of the client's process for an operation (us) and operations a second,\n"
      "median of %d rounds, values of %d B\n\n%-32s",
      arguments.rounds, kValueBytes, "");
  for (size_t w = 0; w < WaysOf(arguments); ++w)
    absl::StrAppendFormat(&text, "%18s", kWays[w].name);
  text += "\n";
  for (size_t i = 0; i < std::size(kLoads); ++i) {
    absl::StrAppendFormat(&text, "%-32s", kLoads[i].name());
    for (const Figures& each : figures[i]) {
      absl::StrAppendFormat(&text, "%8.2f%8.0f/s", Median(each.cpu_micros),
                            Median(each.operations_per_second));
    }
    text += "\n";
  }
  return text;
}

absl::Status Run(const ClientArguments& arguments, Invocation& invocation) {
  const uint64_t operations = arguments.operations.value_or(kOperations);
  if (operations < 1) return absl::InvalidArgumentError("--operations=0: nothing to time");
  const auto larderd = FindLarderd(arguments.larderd);
  if (!larderd.ok()) return larderd.status();
  const NodeCertificate certificate;
  if (!certificate.ok()) return absl::UnavailableError("cannot write a certificate to /tmp");
  std::vector<std::vector<std::string>> flags(1);
  if (arguments.tls) {
    flags.push_back(
        {"--tls_cert_file=" + certificate.cert_file(), "--tls_key_file=" + certificate.key_file()});
  }
  const ProcessorChoice processors;
  processors.UseLast();
  std::vector<Node> nodes;
  for (const std::vector<std::string>& each : flags) {
    auto node = StartNode(*larderd, each);
    if (!node.ok()) return node.status();
    nodes.push_back(*std::move(node));
  }
  processors.UseOthers();
  FiguresOfLoads figures(std::size(kLoads), std::vector<Figures>(WaysOf(arguments)));
  for (int round = 0; round < arguments.rounds; ++round) {
    const absl::Status status = RunRound(nodes, certificate.ca_file(), operations, figures);
    if (!status.ok()) return status;
  }
  invocation.out << (arguments.json ? ToJson(arguments, figures).dump() + "\n"
                                    : ToText(arguments, figures));
  return absl::OkStatus();
}

}  // namespace

void AddClientCommand(CLI::App& app, Invocation& invocation) {
  auto arguments = std::make_shared<ClientArguments>();
  CLI::App& command = *app.add_subcommand(
      "client", "Processor time of larder::Client for an operation, by its transport");
  cli::AddText(command, "--larderd", "PROGRAM", arguments->larderd,
               "The program; else the one beside this");
  cli::AddCount(command, "--operations", arguments->operations,
                "Of each load, a round, MultiGets a 50th of it; else 100k");
  cli::AddWhole<int>(command, "--rounds", arguments->rounds, {1, kRoundsMax},
                     "Of which the median counts; else 5");
  command.add_flag("--tls", arguments->tls, "Also each transport with TLS, to a second larderd");
  command.add_flag("--json", arguments->json, "Print JSON");
  command.footer(
      "larderd has the last processor, the client all others; the transports have their turns one\n"
      "after the other in each round. Example: larder_bench client --rounds=5");
  command.callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return Run(*arguments, invocation); };
  });
}

}  // namespace larder::bench
