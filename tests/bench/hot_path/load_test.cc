#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "tests/bench/hot_path/floor_loop.h"
#include "tests/bench/hot_path/floor_protocol.h"
#include "tests/bench/hot_path/load_generator.h"
#include "tests/bench/hot_path/load_schedule.h"
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

// Answers with as many bytes as the test says, in a thread of its own.
class LoadGeneratorTest : public testing::Test {
 protected:
  // Runs so often on the same connections. Every run must answer everything.
  void Run(const WireSizes& sizes, const LoadShape& shape, std::optional<uint64_t> rate) {
    const auto loop = FloorLoop::Listen(0, sizes);
    ASSERT_TRUE(loop.ok()) << loop.status();
    std::thread server([&] {
      const absl::Status status = (*loop)->Run(shape.connections);
      EXPECT_TRUE(status.ok()) << status;
    });
    RunOnConnections((*loop)->port(), sizes, shape, rate);
    server.join();
  }

 private:
  static void RunOnConnections(uint16_t port, const WireSizes& sizes, const LoadShape& shape,
                               std::optional<uint64_t> rate) {
    const auto generator = LoadGenerator::Connect(
        {port, shape, [&](int /*connection*/) { return std::make_unique<FloorProtocol>(sizes); }});
    ASSERT_TRUE(generator.ok()) << generator.status();
    for (const uint64_t operations : {1, 503}) {
      const auto result = (*generator)->Run(operations, rate);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->latencies.count(), operations);
      EXPECT_EQ(result->failures, 0u);
      EXPECT_EQ(result->sent_bytes, operations * sizes.request_bytes);
      EXPECT_EQ(result->received_bytes, operations * sizes.answer_bytes);
      EXPECT_GT(result->elapsed_nanos, 0);
    }
  }
};

TEST_F(LoadGeneratorTest, EveryOperationIsAnswered) { Run({48, 148}, {4, 50}, std::nullopt); }

TEST_F(LoadGeneratorTest, EveryOperationIsAnsweredAtARate) { Run({48, 148}, {3, 2}, 100'000); }

TEST_F(LoadGeneratorTest, WhatIsDueWaitsForAFreeConnection) { Run({48, 148}, {1, 1}, 10'000'000); }

TEST_F(LoadGeneratorTest, LargeRequestsAndAnswersGoThroughFullSockets) {
  Run({300'000, 1}, {2, 30}, std::nullopt);
  Run({1, 300'000}, {2, 30}, std::nullopt);
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
