#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>

#include "gtest/gtest.h"
#include "tests/bench/hot_path/floor_loop.h"
#include "tests/bench/hot_path/floor_protocol.h"
#include "tests/bench/hot_path/load_generator.h"
#include "tests/bench/hot_path/load_schedule.h"
#include "tests/bench/hot_path/load_thread.h"
#include "tests/bench/hot_path/process_sleeps.h"
#include "tests/bench/hot_path/system_call_counter.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {
namespace {

TEST(LoadScheduleTest, ClosedLoopIsDueAtOnceUntilAllAreIssued) {
  LoadSchedule schedule(2, std::nullopt, 1000);
  EXPECT_EQ(schedule.NextDue(5000), 5000);
  schedule.Issue();
  EXPECT_EQ(schedule.NextDue(7000), 7000);
  schedule.Issue();
  EXPECT_EQ(schedule.NextDue(8000), std::nullopt);
}

TEST(LoadScheduleTest, OpenLoopIsDueAtItsRateHoweverLateItIs) {
  LoadSchedule schedule(4, 1000, 1'000'000);
  for (const int64_t due : {1'000'000, 2'000'000, 3'000'000, 4'000'000}) {
    EXPECT_EQ(schedule.NextDue(9'000'000), due);
    schedule.Issue();
  }
  EXPECT_EQ(schedule.NextDue(9'000'000), std::nullopt);
}

TEST(LoadScheduleTest, WaitsUntilTheNextIsDueOrForAnAnswer) {
  LoadSchedule schedule(1, 1000, 5000);
  EXPECT_EQ(schedule.WaitNanos(2000, /*is_a_connection_free=*/true), 3000);
  EXPECT_EQ(schedule.WaitNanos(6000, /*is_a_connection_free=*/true), 0);
  EXPECT_EQ(schedule.WaitNanos(2000, /*is_a_connection_free=*/false), std::nullopt);
  schedule.Issue();
  EXPECT_EQ(schedule.WaitNanos(2000, /*is_a_connection_free=*/true), std::nullopt);
}

TEST(LoadScheduleTest, WhatIsDueByItsEndIsStillToBeDone) {
  LoadSchedule schedule(100, 1000, 1'000'000);
  schedule.Issue();
  schedule.End(4'500'000);  // the first is due at 1, the last at 4 ms
  EXPECT_EQ(schedule.operations(), 4u);
  schedule.End(90'000'000);
  EXPECT_EQ(schedule.operations(), 4u);
  for (const int64_t due : {2'000'000, 3'000'000, 4'000'000}) {
    EXPECT_EQ(schedule.NextDue(90'000'000), due);
    schedule.Issue();
  }
  EXPECT_EQ(schedule.NextDue(90'000'000), std::nullopt);
}

TEST(LoadScheduleTest, AClosedLoopEndsWithWhatWasIssued) {
  LoadSchedule schedule(100, std::nullopt, 0);
  schedule.Issue();
  schedule.End(5000);
  EXPECT_EQ(schedule.NextDue(5000), std::nullopt);
  EXPECT_EQ(schedule.operations(), 1u);
}

TEST(LoadScheduleTest, AnEndThatComesLateAddsNothing) {
  LoadSchedule schedule(2, 1000, 0);
  schedule.End(90'000'000);
  EXPECT_EQ(schedule.operations(), 2u);
}

// Also counts how many operations are in flight at most.
class CountingProtocol final : public LoadProtocol {
 public:
  CountingProtocol(const WireSizes& sizes, int& in_flight_max)
      : floor_(sizes), in_flight_max_(in_flight_max) {}

  void AppendRequest(std::string& output) override {
    in_flight_max_ = std::max(in_flight_max_, ++in_flight_);
    floor_.AppendRequest(output);
  }
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override {
    const absl::Status status = floor_.Receive(bytes, output, answers);
    in_flight_ -= static_cast<int>(answers.numbers.size());
    return status;
  }

 private:
  FloorProtocol floor_;
  int in_flight_ = 0;
  int& in_flight_max_;  // of all connections
};

// Answers with as many bytes as the test says, in a thread of its own.
class LoadGeneratorTest : public testing::Test {
 protected:
  struct Load {
    WireSizes sizes;
    LoadShape shape;
    std::optional<uint64_t> rate = std::nullopt;
    uint64_t operations = 503;
  };

  // Runs twice on the same connections. Everything must be answered, and each connection be used
  // as much as its shape says, and no more.
  static void Run(const Load& load) {
    const auto loop = FloorLoop::Listen(0, load.sizes);
    ASSERT_TRUE(loop.ok()) << loop.status();
    std::thread server([&] {
      const absl::Status status = (*loop)->Run(load.shape.connections);
      EXPECT_TRUE(status.ok()) << status;
    });
    RunOnConnections(load, (*loop)->port());
    server.join();
  }

 private:
  static void RunOnConnections(const Load& load, uint16_t port) {
    int in_flight_max = 0;
    const auto generator = LoadGenerator::Connect({port, load.shape, [&](int /*connection*/) {
                                                     return std::make_unique<CountingProtocol>(
                                                         load.sizes, in_flight_max);
                                                   }});
    ASSERT_TRUE(generator.ok()) << generator.status();
    for (const uint64_t operations : {uint64_t{1}, load.operations}) {
      const auto result = (*generator)->Run(operations, load.rate);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->latencies.count(), operations);
      EXPECT_EQ(result->failures, 0u);
      EXPECT_EQ(result->sent_bytes, operations * load.sizes.request_bytes);
      EXPECT_EQ(result->received_bytes, operations * load.sizes.answer_bytes);
      EXPECT_GT(result->elapsed_nanos, 0);
    }
    EXPECT_LE(in_flight_max, load.shape.in_flight);
    if (load.rate.has_value()) return;  // not all connections need be busy
    EXPECT_EQ(in_flight_max, load.shape.in_flight);
  }
};

TEST_F(LoadGeneratorTest, EveryOperationIsAnswered) { Run({{48, 148}, {4, 50}}); }

TEST_F(LoadGeneratorTest, EveryOperationIsAnsweredAtARate) { Run({{48, 148}, {3, 2}, 100'000}); }

TEST_F(LoadGeneratorTest, WhatIsDueWaitsForAFreeConnection) {
  Run({{48, 148}, {1, 1}, 10'000'000});
}

TEST_F(LoadGeneratorTest, ARequestLargerThanSocketsHoldGoesThrough) {
  Run({{20'000'000, 1}, {1, 1}, std::nullopt, 2});
}

TEST_F(LoadGeneratorTest, AnAnswerLargerThanSocketsHoldGoesThrough) {
  Run({{1, 20'000'000}, {1, 1}, std::nullopt, 2});
}

// Tells another thread how many operations were asked for and answered, by all connections.
class TellingProtocol final : public LoadProtocol {
 public:
  TellingProtocol(const WireSizes& sizes, std::atomic<uint64_t>& asked,
                  std::atomic<uint64_t>& answered)
      : floor_(sizes), asked_(asked), answered_(answered) {}

  void AppendRequest(std::string& output) override {
    floor_.AppendRequest(output);
    ++asked_;
  }
  absl::Status Receive(std::string_view bytes, std::string& output, LoadAnswers& answers) override {
    const absl::Status status = floor_.Receive(bytes, output, answers);
    answered_ += answers.numbers.size();
    return status;
  }

 private:
  FloorProtocol floor_;
  std::atomic<uint64_t>& asked_;
  std::atomic<uint64_t>& answered_;
};

void RunThreadUntilAnswered(uint64_t operations, const LoadThread::Options& options) {
  const WireSizes sizes = {48, 148};
  constexpr LoadShape kShape = {2, 5};
  const auto loop = FloorLoop::Listen(0, sizes);
  ASSERT_TRUE(loop.ok()) << loop.status();
  std::thread server([&] {
    const absl::Status status = (*loop)->Run(kShape.connections);
    EXPECT_TRUE(status.ok()) << status;
  });
  std::atomic<uint64_t> asked{0};
  std::atomic<uint64_t> answered{0};
  auto generator =
      LoadGenerator::Connect({(*loop)->port(), kShape, [&](int /*connection*/) {
                                return std::make_unique<TellingProtocol>(sizes, asked, answered);
                              }});
  ASSERT_TRUE(generator.ok()) << generator.status();
  {
    LoadThread load(*std::move(generator), options);
    while (answered < operations) std::this_thread::yield();
    const auto result = load.End();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_GE(result->latencies.count(), operations);
    EXPECT_EQ(result->latencies.count(), answered);
    EXPECT_EQ(asked, answered);
    EXPECT_EQ(result->received_bytes, answered * sizes.answer_bytes);
  }
  server.join();
}

TEST(LoadThreadTest, GoesOnUntilItIsEndedAndWaitsForItsAnswers) {
  RunThreadUntilAnswered(1000, {});
}

TEST(LoadThreadTest, KeepsARateUntilItIsEnded) { RunThreadUntilAnswered(100, {.rate = 100'000}); }

TEST(LoadThreadTest, GoesOnWhenItStandsForAnotherMachine) {
  RunThreadUntilAnswered(100, {.is_idle = true});
}

TEST(LoadThreadTest, ReportsAServerThatLeaves) {
  auto loop = FloorLoop::Listen(0, {});
  ASSERT_TRUE(loop.ok()) << loop.status();
  std::atomic<uint64_t> asked{0};
  std::atomic<uint64_t> answered{0};
  auto generator = LoadGenerator::Connect({(*loop)->port(), {1, 1}, [&](int /*connection*/) {
                                             return std::make_unique<TellingProtocol>(
                                                 WireSizes(), asked, answered);
                                           }});
  ASSERT_TRUE(generator.ok()) << generator.status();
  loop->reset();  // and with it the connection, which nobody has accepted
  LoadThread load(*std::move(generator), {});
  // One that is ended before it has asked for anything waits for no answer, and ends well.
  while (asked == 0) std::this_thread::yield();
  EXPECT_TRUE(absl::IsUnavailable(load.End().status()));
}

TEST(LoadGeneratorErrorTest, ReportsAServerThatIsNotThereOrLeaves) {
  auto loop = FloorLoop::Listen(0, {});
  ASSERT_TRUE(loop.ok()) << loop.status();
  const LoadGenerator::Options options = {(*loop)->port(), {1, 1}, [](int /*connection*/) {
                                            return std::make_unique<FloorProtocol>(WireSizes());
                                          }};
  const auto generator = LoadGenerator::Connect(options);
  ASSERT_TRUE(generator.ok()) << generator.status();
  loop->reset();  // and with it the connection, which nobody has accepted
  EXPECT_TRUE(absl::IsUnavailable((*generator)->Run(1, std::nullopt).status()));
  EXPECT_TRUE(absl::IsUnavailable(LoadGenerator::Connect(options).status()));
}

TEST(SystemCallCounterTest, CountsThoseOfAProcess) {
  const auto counter = SystemCallCounter::Start(getpid());
  if (!counter.ok()) GTEST_SKIP() << counter.status();
  const auto before = counter->Read();
  constexpr uint64_t kCalls = 100;
  for (uint64_t i = 0; i < kCalls; ++i) syscall(SYS_getppid);
  const auto after = counter->Read();
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_GE(*after - *before, kCalls);
  EXPECT_LE(*after - *before, kCalls + 50);
}

TEST(SystemCallCounterTest, RefusesAProcessThatIsNotThere) {
  EXPECT_TRUE(absl::IsUnavailable(SystemCallCounter::Start(1 << 30).status()));
}

TEST(ProcessSleepsTest, CountsThoseOfAProcess) {
  const auto before = ProcessSleeps(getpid());
  constexpr uint64_t kSleeps = 20;
  for (uint64_t i = 0; i < kSleeps; ++i) usleep(1000);
  const auto after = ProcessSleeps(getpid());
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_GE(*after - *before, kSleeps);
  EXPECT_TRUE(absl::IsNotFound(ProcessSleeps(1 << 30).status()));
}

TEST(WorkloadTest, NamesAreFoundInTheOrderAsked) {
  const auto found = FindWorkloads({"set_1m_4x4", "get_100_4x50"});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].value_bytes, 1u << 20);
  EXPECT_EQ((*found)[1].operation, WorkloadOperation::kGet);
  EXPECT_EQ(FindWorkloads({})->size(), AllWorkloads().size());
  const auto unknown = FindWorkloads({"get_100_4x50", "clever"});
  EXPECT_TRUE(absl::IsInvalidArgument(unknown.status()));
  EXPECT_NE(std::string(unknown.status().message()).find("--workloads=clever"), std::string::npos);
}

TEST(WorkloadTest, NamesSayWhatTheWorkloadsAre) {
  for (const Workload& workload : AllWorkloads()) {
    const std::string shape = "_" + std::to_string(workload.shape.connections) + "x" +
                              std::to_string(workload.shape.in_flight);
    const std::string name(OperationName(workload.operation));
    EXPECT_TRUE(workload.name.starts_with(name)) << workload.name;
    if (workload.is_pipeline()) {
      EXPECT_EQ(workload.name, name + "_" + std::to_string(workload.shape.in_flight));
    } else if (workload.keys_per_operation > 1) {
      EXPECT_EQ(workload.name, name + "_" + std::to_string(workload.keys_per_operation));
    } else {
      EXPECT_TRUE(workload.name.ends_with(shape)) << workload.name;
    }
  }
}

TEST(WorkloadTest, PeersHaveAsMuchInFlightAsTheirProtocolAllows) {
  const auto shapes_of = [](const char* name) {
    const Workload workload = FindWorkloads({name})->front();
    return std::pair(workload.PeerShape(), workload.PipelinedPeerShape());
  };
  EXPECT_EQ(shapes_of("get_100_4x50"), std::pair(LoadShape{50, 1}, LoadShape{4, 16}));
  EXPECT_EQ(shapes_of("get_1m_4x4"), std::pair(LoadShape{16, 1}, LoadShape{4, 4}));
  EXPECT_EQ(shapes_of("pipeline_get_100"), std::pair(LoadShape{4, 100}, LoadShape{4, 100}));
}

TEST(WorkloadTest, LargeValuesHaveFewerKeys) {
  EXPECT_EQ(FindWorkloads({"get_16k_4x50"})->front().keys(), 10000u);
  EXPECT_EQ(FindWorkloads({"get_1m_4x4"})->front().keys(), 256u);
}

}  // namespace
}  // namespace larder::bench
