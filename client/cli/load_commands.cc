#include <atomic>
#include <csignal>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/address.h"
#include "client/cli/commands.h"
#include "client/cli/json.h"
#include "client/cli/progress_line.h"
#include "client/flags/arguments.h"
#include "client/flags/units.h"
#include "client/load/bench.h"
#include "client/load/replay.h"
#include "client/measure/trace_reader.h"

namespace larder::cli {
namespace {

constexpr absl::Duration kDefaultTimeout = absl::Seconds(5);
// How often a bench whose stderr is a file says how far it is; replays are read by programs that
// want no lines there.
constexpr absl::Duration kPlainProgressInterval = absl::Seconds(10);
constexpr uint64_t kValueBytesMax = uint64_t{1} << 30;

// A signal handler can reach nothing else.
std::atomic<bool> interrupted{false};

// While it lives an interrupt ends the load early, and its report is still printed.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupted = false;
    for (size_t i = 0; i < 2; ++i) {
      before_[i] = std::signal(kSignals[i], [](int) { interrupted = true; });
    }
  }
  ~InterruptGuard() {
    for (size_t i = 0; i < 2; ++i) std::signal(kSignals[i], before_[i]);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  static constexpr int kSignals[2] = {SIGINT, SIGTERM};
  void (*before_[2])(int);
};

void AppendLatency(const char* name, const load::Histogram& latency, std::string& text) {
  if (latency.count() == 0) return;
  absl::StrAppendFormat(&text, "  %-12s %9s %9s %9s %9s %9s %9s\n", name,
                        FormatLatency(latency.Mean()), FormatLatency(latency.Quantile(0.5)),
                        FormatLatency(latency.Quantile(0.9)), FormatLatency(latency.Quantile(0.99)),
                        FormatLatency(latency.Quantile(0.999)), FormatLatency(latency.max()));
}

std::string ReportText(const load::Report& report) {
  std::string text;
  absl::StrAppendFormat(&text, "operations     %d (%d gets, %d sets)\n", report.operations(),
                        report.gets, report.sets);
  absl::StrAppendFormat(&text, "elapsed        %.3f s\n", absl::ToDoubleSeconds(report.elapsed));
  absl::StrAppendFormat(&text, "throughput     %.0f /s\n", report.operations_per_second());
  if (report.hits + report.misses > 0) {
    absl::StrAppendFormat(&text, "hits           %d (hit ratio %.4f)\n", report.hits,
                          report.hit_ratio());
    absl::StrAppendFormat(&text, "misses         %d (miss ratio %.4f)\n", report.misses,
                          1 - report.hit_ratio());
  }
  absl::StrAppendFormat(&text, "errors         %d\n", report.errors_total());
  for (const auto& [code, count] : report.errors) {
    absl::StrAppendFormat(&text, "  %-12s %d\n", absl::StatusCodeToString(code), count);
  }
  if (report.wrong_values > 0) {
    absl::StrAppendFormat(&text, "wrong values   %d\n", report.wrong_values);
  }
  if (report.unsent > 0) {
    absl::StrAppendFormat(&text, "not sent       %d (due before the end, but no room in flight)\n",
                          report.unsent);
  }
  absl::StrAppendFormat(&text, "latency        %9s %9s %9s %9s %9s %9s\n", "mean", "p50", "p90",
                        "p99", "p99.9", "max");
  AppendLatency("get", report.get_latency, text);
  AppendLatency("set", report.set_latency, text);
  return text;
}

// Prints the report, with the reason why it ended early if there is one.
void Print(Session& session, const load::Report& report, const absl::Status& end) {
  Json json = ToJson(report);
  if (!end.ok()) json.update(ErrorJson(end));
  session.out().Write(session.json ? ToLine(json) : ReportText(report));
  session.out().Flush();
}

// Prints the report and says what was not right.
int Conclude(Session& session, const load::Report& report) {
  Print(session, report, absl::OkStatus());
  if (report.clean()) return kExitOk;
  session.Complain(absl::StrCat(report.errors_total(), " errors, ", report.wrong_values,
                                " wrong values",
                                report.gave_up ? ", gave up after 10s of nothing but errors" : "",
                                "; the first: ", report.first_error));
  return kExitError;
}

// One clear error instead of thousands when there is no node at all.
absl::Status CheckNode(Session& session) {
  absl::StatusOr<std::unique_ptr<Client>> client = session.Connect(kDefaultTimeout);
  if (!client.ok()) return client.status();
  return (*client)->Ping().status();
}

absl::Status SetUpEngine(Session& session, std::optional<absl::Duration> ttl,
                         load::EngineOptions& engine) {
  absl::StatusOr<std::string> address = NormalizeAddress(session.address);
  if (!address.ok()) return address.status();
  engine.address = *std::move(address);
  absl::StatusOr<std::optional<TlsMaterial>> tls = session.Tls();
  if (!tls.ok()) return tls.status();
  engine.tls = *std::move(tls);
  engine.timeout = session.timeout.value_or(kDefaultTimeout);
  engine.ttl = ttl;
  return CheckNode(session);
}

struct BenchArguments {
  load::BenchOptions options;
  std::optional<uint64_t> keys;
  uint64_t key_bytes = 16;
  std::pair<uint64_t, uint64_t> value_bytes = {100, 100};
  std::optional<absl::Duration> duration;
  std::string distribution = "uniform";
  double zipf_s = 0.99;
  std::string api = "unary";
  std::optional<absl::Duration> ttl;
  std::optional<int> connections;
};

load::Api ApiOf(const std::string& name) {
  return name == "pipeline" ? load::Api::kPipeline : load::Api::kUnary;
}

int RunBenchCommand(Session& session, BenchArguments& arguments) {
  load::BenchOptions& options = arguments.options;
  if (arguments.value_bytes.second > kValueBytesMax || arguments.key_bytes > (1 << 20)) {
    return session.FailUsage("bench: --value_bytes may be 1GiB, --key_bytes 1MiB at most");
  }
  options.workload.keys = arguments.keys.value_or(options.workload.keys);
  options.workload.key_bytes = arguments.key_bytes;
  options.workload.value_bytes_min = arguments.value_bytes.first;
  options.workload.value_bytes_max = arguments.value_bytes.second;
  if (arguments.distribution == "zipf") options.workload.zipf_s = arguments.zipf_s;
  options.duration = arguments.duration.value_or(options.duration);
  options.engine.api = ApiOf(arguments.api);
  options.engine.connections = arguments.connections.value_or(std::max(4, options.threads));
  const absl::Status valid = load::CheckBenchOptions(options);
  if (!valid.ok()) return session.FailUsage(absl::StrCat("bench: --", valid.message()));
  const absl::Status ready = SetUpEngine(session, arguments.ttl, options.engine);
  if (!ready.ok()) return session.Fail(ready);
  const InterruptGuard guard;
  options.stop = &interrupted;
  absl::StatusOr<load::Report> report = absl::UnknownError("not run");
  {
    ProgressLine progress(session.err(), kPlainProgressInterval);
    options.progress = progress.Callback();
    report = load::RunBench(options);
  }
  if (!report.ok()) return session.Fail(report.status());
  return Conclude(session, *report);
}

void AddBench(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<BenchArguments>();
  load::BenchOptions& options = arguments->options;
  options.engine.inflight = 16;
  CLI::App& bench = *app.add_subcommand("bench", "Load a node and measure it");
  CLI::Option* const fill =
      bench.add_flag("--fill", options.fill, "Write each key once, instead of a mixed load");
  AddCount(bench, "--keys", arguments->keys, "How many keys there are; else 100000");
  AddBytes(bench, "--key_bytes", arguments->key_bytes, "Size of keys; else 16");
  AddParsed<std::pair<uint64_t, uint64_t>>(
      bench, "--value_bytes", "SIZE[..SIZE]", &ParseByteRange,
      [arguments](std::pair<uint64_t, uint64_t> range) { arguments->value_bytes = range; },
      "Size of values, or a range with small ones more often; else 100");
  CLI::Option* const duration =
      AddDuration(bench, "--duration", arguments->duration, "How long; else 10s");
  CLI::Option* const requests =
      AddCount(bench, "--requests", options.requests, "How many operations, instead of how long");
  requests->excludes(duration);
  fill->excludes(duration)->excludes(requests);
  AddWhole<int>(bench, "--threads", options.threads, {1, load::kThreadsMax},
                "Client threads; else 1");
  AddWhole<int>(bench, "--connections", arguments->connections, {1, load::kConnectionsMax},
                "TCP connections over all threads; else 4, at least one a thread");
  AddWhole<int>(bench, "--inflight", options.engine.inflight, {1, load::kInflightMax},
                "Operations in flight per connection; else 16");
  AddReal(bench, "--rate", options.rate, {load::kRateMin, load::kRateMax},
          "Operations a second, begun whatever the answers (open loop); latency counts from when\n"
          "an operation was due");
  AddChoice(bench, "--distribution", {"uniform", "zipf"}, arguments->distribution,
            "Of keys; else uniform");
  AddReal(bench, "--zipf_s", arguments->zipf_s, {load::kZipfMin, load::kZipfMax},
          "Skew of zipf; else 0.99");
  AddReal(bench, "--read_share", options.workload.read_share, {0, 1},
          "Share of Gets, 0..1; else 0.9");
  AddDuration(bench, "--ttl", arguments->ttl, "Of the values; else the node's default");
  AddChoice(bench, "--api", {"unary", "pipeline"}, arguments->api,
            "One RPC an operation, or a stream; else unary");
  AddWhole<uint64_t>(bench, "--seed", options.workload.seed, {0, UINT64_MAX},
                     "Of the random numbers; else 1");
  bench.footer(
      "Exits with 3 if any operation failed.\n"
      "Example: larder bench --fill --keys=1M --value_bytes=100\n"
      "         larder bench --keys=1M --distribution=zipf --rate=20000 --duration=30s");
  bench.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunBenchCommand(session, *arguments); };
  });
}

struct ReplayArguments {
  load::ReplayOptions options;
  std::string path;
  uint64_t value_bytes = 100;
  std::string api = "unary";
  std::optional<absl::Duration> ttl;
};

int RunReplayCommand(Session& session, ReplayArguments& arguments) {
  load::ReplayOptions& options = arguments.options;
  if (arguments.value_bytes > kValueBytesMax) {
    return session.FailUsage("replay: --value_bytes may be 1GiB at most");
  }
  options.value_bytes = static_cast<uint32_t>(arguments.value_bytes);
  options.engine.api = ApiOf(arguments.api);
  // Opened once: what was read of a pipe is gone.
  absl::StatusOr<std::unique_ptr<load::TraceReader>> trace =
      load::TraceReader::Open(arguments.path);
  if (!trace.ok()) return session.FailUsage(std::string(trace.status().message()));
  const absl::Status ready = SetUpEngine(session, arguments.ttl, options.engine);
  if (!ready.ok()) return session.Fail(ready);
  const InterruptGuard guard;
  options.stop = &interrupted;
  load::Report report;
  absl::Status status;
  {
    ProgressLine progress(session.err(), std::nullopt);
    options.progress = progress.Callback();
    status = load::RunReplay(options, **trace, report);
  }
  if (status.ok()) return Conclude(session, report);
  if (session.json || report.operations() > 0) Print(session, report, status);
  session.FailItem(status);
  return kExitUsage;
}

void AddReplay(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<ReplayArguments>();
  load::ReplayOptions& options = arguments->options;
  CLI::App& replay =
      *app.add_subcommand("replay", "Replay a trace: Get each key, and Set it on a miss");
  AddPositional(replay, "FILE", arguments->path,
                "One request a line, KEY or KEY,BYTES; may be packed by xz, or a pipe; - is stdin")
      ->required();
  AddBytes(replay, "--value_bytes", arguments->value_bytes,
           "Size of the values of lines that name none; else 100");
  AddWhole<int>(replay, "--concurrency", options.concurrency, {1, load::kConcurrencyMax},
                "Requests in flight; else 1, which shows the node exactly the trace. With N,\n"
                "requests of different keys may trade places within 2 N lines");
  AddCount(replay, "--limit", options.limit, "Stop after this many requests");
  AddDuration(replay, "--ttl", arguments->ttl, "Of the values; else the node's default");
  AddChoice(replay, "--api", {"unary", "pipeline"}, arguments->api,
            "One RPC an operation, or a stream; else unary");
  replay.footer(
      "Values follow from the key and are checked on each hit.\n"
      "Exits with 3 if any operation failed or any value was wrong.\n"
      "Example: larder replay web12.csv.xz --value_bytes=64KiB");
  replay.callback([&session, arguments] {
    session.command = [&session, arguments] { return RunReplayCommand(session, *arguments); };
  });
}

}  // namespace

void AddLoadCommands(CLI::App& app, Session& session) {
  AddBench(app, session);
  AddReplay(app, session);
}

}  // namespace larder::cli
