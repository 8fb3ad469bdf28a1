#include "server/log/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "client/channel/file_descriptor.h"

namespace larder::server {
namespace {

std::string Loss(uint64_t lines) { return absl::StrCat("lost ", lines, "\n"); }

// A log that goes to a pipe; nobody reads it but the test.
class LogWriterTest : public testing::Test {
 protected:
  static constexpr size_t kBytesMax = 64 << 10;

  LogWriterTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader_ = FileDescriptor(ends[0]);
    writer_ = FileDescriptor(ends[1]);
  }

  LogWriterOptions Options() const {
    return {.descriptor = writer_.number(),
            .bytes_max = kBytesMax,
            .describe_loss = Loss,
            .end_within = absl::ZeroDuration()};
  }

  // Reads until the text ends so.
  std::string ReadUntil(const std::string& end) {
    std::string text;
    char buffer[4096];
    while (!text.ends_with(end)) {
      const ssize_t count = ::read(reader_.number(), buffer, sizeof(buffer));
      if (count <= 0) break;
      text.append(buffer, static_cast<size_t>(count));
    }
    return text;
  }

  // Leaves no room in the pipe. Returns what it is full of.
  std::string FillPipe() {
    const int flags = ::fcntl(writer_.number(), F_GETFL);
    ::fcntl(writer_.number(), F_SETFL, flags | O_NONBLOCK);
    std::string filling;
    while (::write(writer_.number(), kLine.data(), kLine.size()) > 0) filling += kLine;
    ::fcntl(writer_.number(), F_SETFL, flags);
    return filling;
  }

  // As long as a page holds a whole number of.
  const std::string kLine = "line 16 bytes..\n";
  FileDescriptor reader_;
  FileDescriptor writer_;
};

TEST_F(LogWriterTest, WritesLinesInOrder) {
  LogWriter log(Options());
  std::string all;
  for (int i = 0; i < 100; ++i) {
    const std::string line = absl::StrCat("line ", i, "\n");
    log.Append(line);
    all += line;
  }
  EXPECT_EQ(ReadUntil("line 99\n"), all);
  EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
  EXPECT_EQ(log.lost_lines(), 0u);
}

TEST_F(LogWriterTest, NobodyWaitsForOneWhoDoesNotReadAndTheLossIsTold) {
  std::string all = FillPipe();
  LogWriter log(Options());
  for (size_t i = 0; i < kBytesMax / kLine.size(); ++i) {
    log.Append(kLine);
    all += kLine;
  }
  EXPECT_EQ(log.lost_lines(), 0u);
  for (int i = 0; i < 42; ++i) log.Append("more\n");
  EXPECT_EQ(log.lost_lines(), 42u);
  EXPECT_FALSE(log.Flush(absl::ZeroDuration()));
  EXPECT_EQ(ReadUntil("lost 42\n"), all + "lost 42\n");
  EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
  log.Append("again\n");
  EXPECT_EQ(ReadUntil("again\n"), "again\n") << "the loss is told once";
  EXPECT_EQ(log.lost_lines(), 42u);
}

TEST_F(LogWriterTest, ALineThatIsLongerThanThePipeIsWrittenWhole) {
  LogWriterOptions options = Options();
  options.bytes_max = 1 << 20;
  LogWriter log(options);
  const std::string line = std::string(300'000, 'x') + "\n";
  log.Append(line);
  EXPECT_EQ(ReadUntil("\n"), line);
}

TEST_F(LogWriterTest, ItsEndDoesNotWaitForOneWhoDoesNotRead) {
  FillPipe();
  LogWriter log(Options());
  log.Append(kLine);
}

TEST_F(LogWriterTest, ItsEndWritesWhatWaits) {
  {
    LogWriterOptions options = Options();
    options.end_within = absl::Minutes(1);
    LogWriter log(options);
    for (int i = 0; i < 10; ++i) log.Append("line\n");
    log.Append("last\n");
  }
  writer_.Close();
  EXPECT_EQ(ReadUntil("no such end").size(), 55u);
}

TEST_F(LogWriterTest, LinesThatCannotBeWrittenAreCounted) {
  const FileDescriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  LogWriterOptions options = Options();
  options.descriptor = full.number();
  LogWriter log(options);
  for (uint64_t i = 1; i <= 3; ++i) {
    log.Append("line\n");
    EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
    EXPECT_EQ(log.lost_lines(), i);
  }
}

TEST_F(LogWriterTest, AReaderThatHasGoneHurtsNobody) {
  LogWriter log(Options());
  reader_.Close();
  for (int i = 0; i < 3; ++i) log.Append("line\n");
  EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
  EXPECT_EQ(log.lost_lines(), 3u);
}

TEST_F(LogWriterTest, WhatWasLostIsToldWhenTheDiskHasRoomAgain) {
  // The descriptor changes what it stands for, as a disk that gets room.
  const FileDescriptor log_file(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  LogWriterOptions options = Options();
  options.descriptor = log_file.number();
  LogWriter log(options);
  for (int i = 0; i < 5; ++i) log.Append("line\n");
  EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
  ASSERT_EQ(::dup3(writer_.number(), log_file.number(), O_CLOEXEC), log_file.number());
  log.Append("again\n");
  EXPECT_EQ(ReadUntil("again\n"), "lost 5\nagain\n");
}

TEST_F(LogWriterTest, WhatFollowsALineThatWasCutOffBeginsALine) {
  const FileDescriptor file(
      ::open(testing::TempDir().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.is_open());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  LogWriterOptions options = Options();
  options.descriptor = file.number();
  LogWriter log(options);
  const rlimit full{.rlim_cur = kLine.size() + 4, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  log.Append(kLine);
  log.Append(kLine);
  EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  log.Append("again\n");
  EXPECT_TRUE(log.Flush(absl::InfiniteDuration()));
  char text[256];
  const ssize_t bytes = ::pread(file.number(), text, sizeof(text), 0);
  ASSERT_GT(bytes, 0);
  EXPECT_EQ(std::string(text, static_cast<size_t>(bytes)), kLine + "line\nlost 1\nagain\n");
}

}  // namespace
}  // namespace larder::server
