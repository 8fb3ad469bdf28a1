#include "server/state_file/state_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "tests/server/state_file/temporary_folder.h"

namespace larder::server {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = "node_state";

std::unique_ptr<StateFile> OpenIn(const std::string& folder) {
  absl::StatusOr<std::unique_ptr<StateFile>> file = StateFile::Open(folder);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : nullptr;
}

TEST(StateFileTest, ANewFolderHasNoState) {
  const TemporaryFolder folder;
  const auto file = OpenIn(folder.Path("data"));
  const auto state = file->Read();
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_FALSE(state->has_value());
  struct stat info;
  ASSERT_EQ(stat(folder.Path("data").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(StateFileTest, WhatWasWrittenLastIsReadByTheNextProcess) {
  const TemporaryFolder folder;
  const std::string states[] = {"one", "", std::string("\0\xff\n", 3),
                                std::string(StateFile::kStateBytesMax, 's')};
  for (const std::string& state : states) {
    ASSERT_TRUE(OpenIn(folder.path())->Write(state).ok());
    const auto found = OpenIn(folder.path())->Read();
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, std::optional<std::string>(state));
  }
  EXPECT_FALSE(folder.Has("node_state.new"));
}

TEST(StateFileTest, AStateThatIsTooLongLeavesTheOldOne) {
  const TemporaryFolder folder;
  const auto file = OpenIn(folder.path());
  ASSERT_TRUE(file->Write("old").ok());
  const absl::Status refused = file->Write(std::string(StateFile::kStateBytesMax + 1, 's'));
  EXPECT_EQ(refused,
            absl::InvalidArgumentError("a node's state of 1048577 bytes; at most 1048576"));
  EXPECT_EQ(file->Read()->value(), "old");
}

TEST(StateFileTest, EveryCutFileIsDataLoss) {
  const TemporaryFolder folder;
  const auto file = OpenIn(folder.path());
  ASSERT_TRUE(file->Write("the state of a node").ok());
  const std::string whole = folder.ReadFile(kFile);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    folder.WriteFile(kFile, whole.substr(0, bytes));
    const auto state = file->Read();
    ASSERT_EQ(state.status().code(), absl::StatusCode::kDataLoss) << bytes;
    EXPECT_THAT(std::string(state.status().message()), HasSubstr(folder.Path(kFile)));
  }
  // It is not mended by being read.
  EXPECT_EQ(folder.ReadFile(kFile), whole.substr(0, whole.size() - 1));
}

TEST(StateFileTest, EveryBitCounts) {
  const TemporaryFolder folder;
  const auto file = OpenIn(folder.path());
  ASSERT_TRUE(file->Write("the state of a node").ok());
  const std::string whole = folder.ReadFile(kFile);
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    folder.WriteFile(kFile, changed);
    ASSERT_EQ(file->Read().status().code(), absl::StatusCode::kDataLoss) << bit;
  }
  folder.WriteFile(kFile, whole + "x");
  EXPECT_EQ(file->Read().status().code(), absl::StatusCode::kDataLoss);
  folder.WriteFile(kFile, std::string(size_t{3} << 20, 'x'));
  EXPECT_EQ(file->Read().status().code(), absl::StatusCode::kDataLoss);
}

TEST(StateFileTest, GarbageIsDataLossAndNamed) {
  const TemporaryFolder folder;
  const auto file = OpenIn(folder.path());
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string garbage(random() % 200, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    folder.WriteFile(kFile, garbage);
    const absl::Status status = file->Read().status();
    ASSERT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(folder.Path(kFile)));
  }
}

TEST(StateFileTest, AnotherVersionIsNamed) {
  const TemporaryFolder folder;
  const auto file = OpenIn(folder.path());
  ASSERT_TRUE(file->Write("state").ok());
  std::string record = folder.ReadFile(kFile);
  record[11] = 2;
  folder.WriteFile(kFile, record);
  EXPECT_THAT(std::string(file->Read().status().message()),
              HasSubstr("version 2 of the layout; this program knows 1"));
}

TEST(StateFileTest, TwoProcessesDoNotShareAFolder) {
  const TemporaryFolder folder;
  auto file = OpenIn(folder.path());
  const absl::StatusOr<std::unique_ptr<StateFile>> second = StateFile::Open(folder.path());
  EXPECT_EQ(second.status(), absl::FailedPreconditionError(absl::StrCat(
                                 folder.path(), ": process ", getpid(), " uses this folder")));
  // One that has crashed holds nothing.
  file.reset();
  const pid_t child = fork();
  if (child == 0) _exit(StateFile::Open(folder.path()).ok() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_NE(OpenIn(folder.path()), nullptr);
}

TEST(StateFileTest, AFolderThatCanNotBeUsedIsNamed) {
  const TemporaryFolder folder;
  const auto refuses = [](const std::string& path, const std::string& why) {
    const auto file = StateFile::Open(path);
    EXPECT_EQ(file.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(why));
  };
  refuses(folder.Path("a/b"), folder.Path("a/b") + ": No such file or directory");
  folder.WriteFile("file", "");
  refuses(folder.Path("file"), folder.Path("file") + ": Not a directory");
}

TEST(StateFileTest, AFolderThatMayNotBeWrittenIsNamed) {
  const TemporaryFolder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  const pid_t child = fork();
  if (child == 0) {
    // The administrator may write anywhere.
    if (geteuid() == 0 && seteuid(65534) != 0) _exit(2);
    const auto file = StateFile::Open(folder.path());
    const bool is_named = file.status().code() == absl::StatusCode::kFailedPrecondition &&
                          file.status().message() == folder.Path("lock") + ": Permission denied";
    _exit(is_named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace larder::server
