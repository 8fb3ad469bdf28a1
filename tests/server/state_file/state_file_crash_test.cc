// What of a write is left when the process ends, or the disk fails, at each of its steps. The calls
// that change the disk are replaced in this program.

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/state_file/state_file.h"
#include "tests/server/state_file/temporary_folder.h"

namespace {

// What happens at the step with number `at`, from 0; a short write has taken `taken` bytes before.
struct Faults {
  enum class Kind { kNone, kCrash, kFail };
  Kind kind = Kind::kNone;
  int at = 0;
  int error = 0;
  size_t taken = 0;
  size_t write_bytes_max = 1 << 30;
};
Faults faults;
bool is_recording = false;
std::vector<std::string> steps;

// Whether the call should fail, with errno set.
bool Step(const char* name) {
  if (!is_recording) return false;
  steps.push_back(name);
  if (faults.kind == Faults::Kind::kNone || static_cast<int>(steps.size()) - 1 != faults.at) {
    return false;
  }
  if (faults.kind == Faults::Kind::kCrash) _exit(0);
  errno = faults.error;
  return true;
}

}  // namespace

extern "C" ssize_t write(int file, const void* bytes, size_t count) {
  const bool is_at = is_recording && static_cast<int>(steps.size()) == faults.at &&
                     faults.kind != Faults::Kind::kNone;
  if (is_at && faults.taken > 0) syscall(SYS_write, file, bytes, std::min(count, faults.taken));
  if (Step("write")) return -1;
  if (is_recording) count = std::min(count, faults.write_bytes_max);
  return syscall(SYS_write, file, bytes, count);
}
extern "C" int fsync(int file) {
  return Step("fsync") ? -1 : static_cast<int>(syscall(SYS_fsync, file));
}
extern "C" int rename(const char* from, const char* to) noexcept {
  return Step("rename") ? -1 : static_cast<int>(syscall(SYS_rename, from, to));
}

namespace larder::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kOld[] = "the old state";
constexpr char kNew[] = "the new state, which is longer";

absl::Status WriteWith(const Faults& wanted, StateFile* file, std::string_view state) {
  steps.clear();
  faults = wanted;
  is_recording = true;
  const absl::Status status = file->Write(state);
  is_recording = false;
  faults = {};
  return status;
}

std::string ReadNew(const TemporaryFolder& folder) {
  const auto file = StateFile::Open(folder.path());
  if (!file.ok()) return std::string(file.status().message());
  const auto state = (*file)->Read();
  if (!state.ok()) return std::string(state.status().message());
  return state->value_or("none");
}

// What the next process finds after one that crashed while it wrote.
std::string AfterCrash(const TemporaryFolder& folder, const Faults& crash) {
  const pid_t child = fork();
  if (child == 0) {
    const auto file = StateFile::Open(folder.path());
    if (!file.ok()) _exit(2);
    (void)WriteWith(crash, file->get(), kNew);
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "it did not come to this point";
  return ReadNew(folder);
}

void WriteOld(const TemporaryFolder& folder) {
  const auto file = StateFile::Open(folder.path());
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Write(kOld).ok());
}

TEST(StateFileCrashTest, TheFileIsSyncedBeforeItsNameAndTheNameBeforeItReturns) {
  const TemporaryFolder folder;
  const auto file = StateFile::Open(folder.path());
  ASSERT_TRUE(WriteWith({}, file->get(), kNew).ok());
  EXPECT_THAT(steps, ElementsAre("write", "fsync", "rename", "fsync"));
}

TEST(StateFileCrashTest, TheFolderThatWasMadeIsSynced) {
  const TemporaryFolder folder;
  steps.clear();
  is_recording = true;
  const auto file = StateFile::Open(folder.Path("data"));
  is_recording = false;
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(steps, ElementsAre("fsync", "write"));
}

// Whoever made it may have crashed between.
TEST(StateFileCrashTest, AFolderThatWasThereIsSyncedToo) {
  const TemporaryFolder folder;
  steps.clear();
  is_recording = true;
  const auto file = StateFile::Open(folder.path());
  is_recording = false;
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(steps, ElementsAre("fsync", "write"));
}

TEST(StateFileCrashTest, AFolderWhoseNameCanNotBeSyncedIsRefused) {
  const TemporaryFolder folder;
  for (int i = 0; i < 2; ++i) {
    steps.clear();
    faults = {.kind = Faults::Kind::kFail, .at = 0, .error = EIO};
    is_recording = true;
    const auto file = StateFile::Open(folder.Path("data"));
    is_recording = false;
    faults = {};
    EXPECT_EQ(file.status(), absl::FailedPreconditionError(
                                 absl::StrCat(folder.Path("data"), ": Input/output error")))
        << i;
  }
  EXPECT_TRUE(StateFile::Open(folder.Path("data")).ok());
}

TEST(StateFileCrashTest, ACrashAtAnyStepLeavesTheOldStateOrTheNewOne) {
  const char* const found[] = {kOld, kOld, kOld, kNew};
  for (int at = 0; at < 4; ++at) {
    const TemporaryFolder folder;
    WriteOld(folder);
    EXPECT_EQ(AfterCrash(folder, {.kind = Faults::Kind::kCrash, .at = at}), found[at]) << at;
    // What it left behind is in nobody's way.
    WriteOld(folder);
    EXPECT_EQ(ReadNew(folder), kOld);
  }
}

TEST(StateFileCrashTest, ACrashAfterAnyByteLeavesTheOldState) {
  const TemporaryFolder folder;
  WriteOld(folder);
  for (size_t taken = 1; taken < sizeof(kNew) + 24; ++taken) {
    EXPECT_EQ(AfterCrash(folder, {.kind = Faults::Kind::kCrash, .at = 0, .taken = taken}), kOld);
    ASSERT_EQ(folder.ReadFile("node_state.new").size(), std::min(taken, sizeof(kNew) - 1 + 24));
  }
}

TEST(StateFileCrashTest, TheFirstStateIsThereOrNotAtAll) {
  const char* const found[] = {"none", "none", "none", kNew};
  for (int at = 0; at < 4; ++at) {
    const TemporaryFolder folder;
    EXPECT_EQ(AfterCrash(folder, {.kind = Faults::Kind::kCrash, .at = at}), found[at]) << at;
  }
}

TEST(StateFileCrashTest, AFailureAtAnyStepIsToldAndTheNextWriteIsAsGoodAsAny) {
  const char* const found[] = {kOld, kOld, kOld, kNew};
  for (int at = 0; at < 4; ++at) {
    const TemporaryFolder folder;
    WriteOld(folder);
    const auto file = StateFile::Open(folder.path());
    const absl::Status failed =
        WriteWith({.kind = Faults::Kind::kFail, .at = at, .error = EIO}, file->get(), kNew);
    EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(failed.message()), HasSubstr("Input/output error"));
    EXPECT_THAT(std::string(failed.message()), HasSubstr(folder.path()));
    EXPECT_EQ((*file)->Read()->value(), found[at]) << at;
    EXPECT_FALSE(folder.Has("node_state.new")) << at;
    EXPECT_TRUE((*file)->Write("another").ok());
    EXPECT_EQ((*file)->Read()->value(), "another");
  }
}

TEST(StateFileCrashTest, AFullDiskIsTold) {
  const TemporaryFolder folder;
  WriteOld(folder);
  const auto file = StateFile::Open(folder.path());
  const absl::Status full = WriteWith(
      {.kind = Faults::Kind::kFail, .at = 0, .error = ENOSPC, .taken = 10}, file->get(), kNew);
  EXPECT_EQ(full, absl::ResourceExhaustedError(
                      absl::StrCat(folder.Path("node_state.new"),
                                   ": cannot write the node's state: No space left on device")));
  EXPECT_EQ((*file)->Read()->value(), kOld);
}

TEST(StateFileCrashTest, ShortWritesGoOn) {
  const TemporaryFolder folder;
  const auto file = StateFile::Open(folder.path());
  ASSERT_TRUE(WriteWith({.write_bytes_max = 7}, file->get(), kNew).ok());
  EXPECT_GT(steps.size(), 4u);
  EXPECT_EQ((*file)->Read()->value(), kNew);
}

}  // namespace
}  // namespace larder::server
