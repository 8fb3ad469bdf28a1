#include "server/larderd/process_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

namespace larder::server {
namespace {

constexpr size_t kBytesMax = 4096;

// Lets nobody read what goes to stderr, and leaves no room there.
void BlockStderr() {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  const std::string filling(4096, 'x');
  while (::write(ends[1], filling.data(), filling.size()) > 0) {
  }
  ::fcntl(ends[1], F_SETFL, 0);
  ::dup2(ends[1], STDERR_FILENO);
}

class ProcessLogTest : public testing::Test {
 protected:
  ProcessLogTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ProcessLogTest, AFailedCheckIsRead) {
  EXPECT_EXIT(
      {
        ProcessLog log(ServerConfig::LogLevel::kInfo, kBytesMax);
        CHECK_EQ(1 + 1, 3) << "for a test";
      },
      testing::KilledBySignal(SIGABRT), "Check failed: 1 \\+ 1 == 3 .*for a test");
}

TEST_F(ProcessLogTest, AFailedCheckEndsTheProcessAlsoWhenNobodyReads) {
  EXPECT_EXIT(
      {
        BlockStderr();
        ProcessLog log(ServerConfig::LogLevel::kInfo, kBytesMax);
        CHECK_EQ(1 + 1, 3);
      },
      testing::KilledBySignal(SIGABRT), "");
}

TEST_F(ProcessLogTest, AFailedCheckEndsTheProcessAlsoWhenOtherThreadsLogOn) {
  EXPECT_EXIT(
      {
        BlockStderr();
        ProcessLog log(ServerConfig::LogLevel::kInfo, kBytesMax);
        std::thread([] {
          for (int i = 0; i < 20; ++i) {
            LOG(INFO) << "line";
            ::usleep(500'000);
          }
          std::_Exit(9);
        }).detach();
        CHECK_EQ(1 + 1, 3);
      },
      testing::KilledBySignal(SIGABRT), "");
}

TEST_F(ProcessLogTest, WritesWhatIsSevereEnough) {
  EXPECT_EXIT(
      {
        {
          ProcessLog log(ServerConfig::LogLevel::kWarning, kBytesMax);
          LOG(WARNING) << "first";
          LOG(INFO) << "second";
          LOG(ERROR) << "third";
        }
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "^W.*first\nE.*third\n$");
}

TEST_F(ProcessLogTest, NobodyWhoLogsWaitsAndLossesAreCounted) {
  EXPECT_EXIT(
      {
        BlockStderr();
        ProcessLog log(ServerConfig::LogLevel::kInfo, kBytesMax);
        for (int i = 0; i < 1000; ++i) LOG(INFO) << "line " << i;
        std::_Exit(log.writer().lost_lines() > 0 ? 7 : 8);
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace larder::server
