#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <limits>

#include "absl/strings/str_cat.h"
#include "client/load/bench.h"
#include "client/load/replay.h"
#include "client/measure/value_pattern.h"
#include "tests/client/fake_node.h"

namespace larder::load {
namespace {

using ::testing::ElementsAre;
using testing::FakeNode;

// Both ways of sending operations must behave alike.
class LoadRunTest : public ::testing::TestWithParam<Api> {
 protected:
  ~LoadRunTest() override { std::remove(path_.c_str()); }

  EngineOptions Options(int connections = 1, int inflight = 1) {
    return {.address = node_.address(),
            .api = GetParam(),
            .connections = connections,
            .inflight = inflight,
            .timeout = absl::Seconds(30)};
  }

  BenchOptions Bench(uint64_t keys) {
    return {.engine = Options(4, 8), .workload = {.keys = keys, .read_share = 0.5}};
  }

  ReplayOptions Replay(const std::string& trace) {
    std::ofstream(path_) << trace;
    return {.engine = Options(), .value_bytes = 50};
  }

  // Of the trace that was written last.
  absl::Status Run(const ReplayOptions& options, Report& report) {
    absl::StatusOr<std::unique_ptr<TraceReader>> trace = TraceReader::Open(path_);
    return trace.ok() ? RunReplay(options, **trace, report) : trace.status();
  }

  // How the node's failures reach an operation: of its RPC, or in its stream.
  const char* Method() const { return GetParam() == Api::kUnary ? "Set" : "Pipeline"; }

  FakeNode node_;
  const std::string path_ = absl::StrCat(::testing::TempDir(), "/larder_replay_", getpid(), ".csv");
};

TEST_P(LoadRunTest, FillWritesEachKeyOnce) {
  BenchOptions options = Bench(1000);
  options.fill = true;
  options.threads = 2;
  const absl::StatusOr<Report> report = RunBench(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->sets, 1000u);
  EXPECT_EQ(report->gets, 0u);
  EXPECT_TRUE(report->clean()) << report->first_error;
  EXPECT_EQ(report->set_latency.count(), 1000u);
  EXPECT_EQ(node_.size(), 1000u);
  EXPECT_EQ(node_.RequestLog().size(), 1000u);
}

TEST_P(LoadRunTest, ClosedLoopEndsByCount) {
  BenchOptions options = Bench(50);
  options.requests = 3000;
  options.threads = 3;
  const absl::StatusOr<Report> report = RunBench(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->operations(), 3000u);
  EXPECT_EQ(report->hits + report->misses, report->gets);
  EXPECT_GT(report->hits, 0u);
  EXPECT_TRUE(report->clean()) << report->first_error;
}

TEST_P(LoadRunTest, OpenLoopSendsWhatItsRateSays) {
  BenchOptions options = Bench(50);
  options.rate = 2000;
  options.threads = 2;
  options.duration = absl::Milliseconds(300);
  const absl::StatusOr<Report> report = RunBench(options);
  ASSERT_TRUE(report.ok()) << report.status();
  // On a slow machine some may find no room before the end, but none may get lost.
  EXPECT_NEAR(static_cast<double>(report->operations() + report->unsent), 600, 2);
  EXPECT_TRUE(report->clean()) << report->first_error;
}

TEST_P(LoadRunTest, OpenLoopEndsByCount) {
  BenchOptions options = Bench(50);
  options.rate = 100000;
  options.requests = 500;
  const absl::StatusOr<Report> report = RunBench(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->operations(), 500u);
}

TEST_P(LoadRunTest, ErrorsAreCountedByCode) {
  BenchOptions options = Bench(100);
  options.fill = true;
  node_.FailNext(Method(), {{absl::StatusCode::kResourceExhausted, true, {}, false},
                            {absl::StatusCode::kInternal, true, {}, false}});
  const absl::StatusOr<Report> report = RunBench(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->sets, 100u);
  EXPECT_EQ(report->errors_total(), 2u);
  EXPECT_EQ(report->errors.at(absl::StatusCode::kResourceExhausted), 1u);
  EXPECT_EQ(report->errors.at(absl::StatusCode::kInternal), 1u);
  EXPECT_EQ(report->set_latency.count(), 98u);
  EXPECT_EQ(node_.size(), 98u);
}

TEST_P(LoadRunTest, GoesOnAfterTheNodeEndsAStream) {
  BenchOptions options = Bench(200);
  options.engine = Options(1, 1);
  options.fill = true;
  node_.FailNext(Method(), {{absl::StatusCode::kUnavailable, true, {}, false}});
  const absl::StatusOr<Report> report = RunBench(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->errors.at(absl::StatusCode::kUnavailable), 1u);
  EXPECT_EQ(node_.size(), 199u);
}

TEST_P(LoadRunTest, ReplayGetsAndSetsOnAMissInTheOrderOfTheTrace) {
  Report report;
  const absl::Status status = Run(Replay("a\nb\na\nc\nb\n"), report);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(report.gets, 5u);
  EXPECT_EQ(report.hits, 2u);
  EXPECT_EQ(report.misses, 3u);
  EXPECT_EQ(report.sets, 3u);
  EXPECT_TRUE(report.clean()) << report.first_error;
  EXPECT_THAT(node_.RequestLog(),
              ElementsAre("Get a", "Set a", "Get b", "Set b", "Get a", "Get c", "Set c", "Get b"));
}

TEST_P(LoadRunTest, ReplayWritesTheSizesOfTheTrace) {
  Report report;
  ASSERT_TRUE(Run(Replay("a,7\nb\n"), report).ok());
  EXPECT_EQ(node_.Find("a")->size(), 7u);
  EXPECT_EQ(node_.Find("b")->size(), 50u);
}

TEST_P(LoadRunTest, ReplayNoticesAWrongValue) {
  std::string value;
  FillPattern("a", 50, value);
  node_.Put("a", value);
  node_.Put("b", value);
  Report report;
  ASSERT_TRUE(Run(Replay("a\nb\n"), report).ok());
  EXPECT_EQ(report.hits, 2u);
  EXPECT_EQ(report.wrong_values, 1u);
  EXPECT_FALSE(report.clean());
}

TEST_P(LoadRunTest, ReplayWithConcurrencyKeepsTheOrderOfEachKey) {
  std::string trace;
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&trace, i % 3 == 0 ? 0 : i * 7 % 101, "\n");
  ReplayOptions options = Replay(trace);
  options.concurrency = 16;
  Report report;
  const absl::Status status = Run(options, report);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(report.gets, 2000u);
  // A node that forgets nothing: one miss a key, as in sequence; overlapping would set some keys
  // twice.
  EXPECT_EQ(report.misses, node_.size());
  EXPECT_EQ(report.sets, node_.size());
  EXPECT_TRUE(report.clean()) << report.first_error;
}

TEST_P(LoadRunTest, ReplayRestsAfterAnErrorSoThatADeadNodeDoesNotEatTheTrace) {
  const bool unary = GetParam() == Api::kUnary;
  node_.FailNext(
      unary ? "Get" : "Pipeline",
      std::vector<FakeNode::Failure>(100000, {absl::StatusCode::kInternal, true, {}, false}));
  std::string trace;
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&trace, i, "\n");
  ReplayOptions options = Replay(trace);
  std::atomic<bool> stop{false};
  options.stop = &stop;
  int calls = 0;
  options.progress = [&stop, &calls](const Progress&) {
    if (++calls == 2) stop = true;
  };
  Report report;
  ASSERT_TRUE(Run(options, report).ok());
  EXPECT_GT(report.errors_total(), 0u);
  // One for each rest between two calls of `progress`, however slow the machine is.
  EXPECT_LT(report.errors_total(), 20u);
}

TEST_P(LoadRunTest, ReplayThatIsStoppedDropsWhatWaitsForAKey) {
  std::string trace;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&trace, "a\n");
  ReplayOptions options = Replay(trace);
  options.concurrency = 1000;
  std::atomic<bool> stop{false};
  options.stop = &stop;
  options.progress = [&stop](const Progress&) { stop = true; };
  Report report;
  ASSERT_TRUE(Run(options, report).ok());
  EXPECT_LT(report.gets, 1000u);
}

TEST_P(LoadRunTest, ReplayStopsAtItsLimit) {
  ReplayOptions options = Replay("a\nb\nc\nd\n");
  options.limit = 2;
  Report report;
  ASSERT_TRUE(Run(options, report).ok());
  EXPECT_EQ(report.gets, 2u);
}

TEST_P(LoadRunTest, ReplayReportsWhatCameBeforeABrokenLine) {
  Report report;
  const absl::Status status = Run(Replay("a\nb\n,x\n"), report);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(report.gets, 2u);
}

TEST_P(LoadRunTest, ReplayOfAPipeGoesOnWithWhatThereIsAndCanBeStopped) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "a\nb\nunfinished", 14), 14);
  absl::StatusOr<std::unique_ptr<TraceReader>> trace =
      TraceReader::Open(absl::StrCat("/dev/fd/", ends[0]));
  ASSERT_TRUE(trace.ok()) << trace.status();
  std::atomic<bool> stop{false};
  Report report;
  ReplayOptions options = {.engine = Options(), .concurrency = 8, .stop = &stop};
  options.progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.share, std::nullopt);
    stop = progress.operations == 4;  // Get and Set of both
  };
  const absl::Status status = RunReplay(options, **trace, report);
  close(ends[0]);
  close(ends[1]);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(report.gets, 2u);
  EXPECT_EQ(report.sets, 2u);
}

INSTANTIATE_TEST_SUITE_P(BothApis, LoadRunTest, ::testing::Values(Api::kUnary, Api::kPipeline),
                         [](const auto& api) {
                           return api.param == Api::kUnary ? "Unary" : "Pipeline";
                         });

TEST(RunBenchTest, NamesTheOptionThatIsOutOfRange) {
  const auto message = [](BenchOptions options) {
    const absl::Status status = RunBench(options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message({.workload = {.keys = 0}}), HasSubstr("keys"));
  EXPECT_THAT(message({.workload = {.keys = 1001, .key_bytes = 3}}), HasSubstr("key_bytes"));
  EXPECT_THAT(message({.workload = {.read_share = 1.5}}), HasSubstr("read_share"));
  EXPECT_THAT(message({.workload = {.zipf_s = 0}}), HasSubstr("zipf_s"));
  EXPECT_THAT(message({.workload = {.value_bytes_min = 2, .value_bytes_max = 1}}),
              HasSubstr("value_bytes"));
  EXPECT_THAT(message({.threads = 0}), HasSubstr("threads"));
  EXPECT_THAT(message({.threads = 2}), HasSubstr("connections"));
  EXPECT_THAT(message({.engine = {.inflight = 0}}), HasSubstr("inflight"));
  EXPECT_THAT(message({.engine = {.connections = 17, .inflight = 65536}}),
              HasSubstr("connections * inflight must be at most 1048576"));
  EXPECT_THAT(message({.rate = -1.0}), HasSubstr("rate"));
  EXPECT_THAT(message({.requests = 0}), HasSubstr("requests"));
  EXPECT_THAT(message({.duration = absl::ZeroDuration()}), HasSubstr("duration must be 1ms.."));
  EXPECT_THAT(message({.duration = absl::InfiniteDuration()}), HasSubstr("duration"));
  for (const double number : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(message({.workload = {.read_share = number}}),
                HasSubstr("read_share must be 0..1"));
    EXPECT_THAT(message({.workload = {.zipf_s = number}}), HasSubstr("zipf_s must be 0.01..10"));
    EXPECT_THAT(message({.rate = number}), HasSubstr("rate must be 0.001..10000000"));
  }
}

}  // namespace
}  // namespace larder::load
