#include "client/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/program.h"

namespace larder::cli {
namespace {

// The script that the program prints.
std::string Script() {
  std::FILE* const out = std::tmpfile();
  EXPECT_EQ(RunProgram({"completion", "bash"}, {stdin, out, stderr}), kExitOk);
  std::string script(1 << 20, '\0');
  std::rewind(out);
  script.resize(std::fread(script.data(), 1, script.size(), out));
  std::fclose(out);
  return script;
}

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() { std::ofstream(path_) << Script(); }
  ~CompletionTest() override { std::remove(path_.c_str()); }

  // Runs bash with `commands` after the script; returns what it prints.
  std::string Bash(const std::string& commands) {
    std::string text;
    const std::string line =
        absl::StrCat("bash --norc -c 'source ", path_, "; ", commands, "' 2>&1");
    std::FILE* const pipe = popen(line.c_str(), "r");
    char buffer[4096];
    while (const size_t count = std::fread(buffer, 1, sizeof(buffer), pipe)) {
      text.append(buffer, count);
    }
    EXPECT_EQ(pclose(pipe), 0) << text;
    return text;
  }

  // What bash offers at the end of a command line that it parted into `words` (at blanks, = and :).
  std::vector<std::string> Complete(const std::string& words) {
    const std::string text =
        Bash(absl::StrCat("COMP_WORDS=(", words,
                          "); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); _larder; "
                          "printf \"%s\\n\" \"${COMPREPLY[@]}\""));
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "/larder_completion_", getpid());
};

TEST_F(CompletionTest, BashAcceptsTheScript) {
  EXPECT_EQ(Bash(absl::StrCat("bash -n ", path_)), "");
}

TEST_F(CompletionTest, OffersCommands) {
  EXPECT_THAT(Complete("larder repl"),
              testing::UnorderedElementsAre("replay", "replica", "replication"));
  EXPECT_THAT(Complete("larder digest --sl"), testing::ElementsAre("--slot="));
  EXPECT_THAT(Complete("larder m"), testing::UnorderedElementsAre("mget", "mset"));
  EXPECT_THAT(Complete("larder \"\""),
              testing::IsSupersetOf({"get", "set", "replay", "completion"}));
}

TEST_F(CompletionTest, OffersFlagsOfTheCommandAndGlobalOnes) {
  EXPECT_THAT(Complete("larder set --if"),
              testing::UnorderedElementsAre("--if_absent", "--if_present", "--if_version="));
  EXPECT_THAT(Complete("larder set k v --js"), testing::ElementsAre("--json"));
  EXPECT_THAT(Complete("larder get --if"), testing::IsEmpty());
  EXPECT_THAT(Complete("larder --addr = x : 1 get --max"),
              testing::ElementsAre("--max_staleness="));
}

TEST_F(CompletionTest, OffersTheChoicesOfAFlagAfterItsEquals) {
  EXPECT_THAT(Complete("larder set --ack ="),
              testing::UnorderedElementsAre("memory", "disk", "replicas:"));
  EXPECT_THAT(Complete("larder set --ack = d"), testing::ElementsAre("disk"));
  EXPECT_THAT(Complete("larder bench --distribution = z"), testing::ElementsAre("zipf"));
}

TEST_F(CompletionTest, OffersFilesWhereFilesGo) {
  const std::string stem = path_.substr(0, path_.size() - 2);
  EXPECT_THAT(Complete(absl::StrCat("larder replay ", stem)), testing::Contains(path_));
  EXPECT_THAT(Complete(absl::StrCat("larder set k --value_file = ", stem)),
              testing::Contains(path_));
  EXPECT_THAT(Complete(absl::StrCat("larder get ", stem)), testing::IsEmpty());
}

// Each as bash parts a command line, at blanks, = and :, with the quotes and backslashes in it.
TEST_F(CompletionTest, OffersFilesWhoseNamesHaveBlanksAndSigns) {
  const std::filesystem::path folder = absl::StrCat(path_, "_folder");
  std::filesystem::create_directory(folder);
  for (const char* name : {"my trace.csv", "my  t", "m*", "q?[a]", "it's", "a:b=c", "$HOME `x`"}) {
    std::ofstream(folder / name) << "k\n";
  }
  const std::string in = folder.string() + "/";
  for (const std::string before : {"larder replay ", "larder --json set k --value_file = ",
                                   "larder append k --value_file ", "larder --tls_ca_file = "}) {
    EXPECT_THAT(Complete(absl::StrCat(before, in, "m")),
                testing::UnorderedElementsAre(in + "my trace.csv", in + "my  t", in + "m*"));
    EXPECT_THAT(Complete(absl::StrCat(before, "\"", in, "my\\\\ t\"")),
                testing::ElementsAre(in + "my trace.csv"));
    EXPECT_THAT(Complete(absl::StrCat(before, "\"\\\"", in, "my t\"")),
                testing::ElementsAre(in + "my trace.csv"));
    EXPECT_THAT(Complete(absl::StrCat(before, in, "q")), testing::ElementsAre(in + "q?[a]"));
    EXPECT_THAT(Complete(absl::StrCat(before, in, "i")), testing::ElementsAre(in + "it's"));
    EXPECT_THAT(Complete(absl::StrCat(before, in, "\\$")), testing::ElementsAre(in + "$HOME `x`"));
    // What bash completes begins after the last : or =.
    EXPECT_THAT(Complete(absl::StrCat(before, in, "a :")), testing::ElementsAre("b=c"));
    EXPECT_THAT(Complete(absl::StrCat(before, in, "a : b")), testing::ElementsAre("b=c"));
    EXPECT_THAT(Complete(absl::StrCat(before, in, "a : b =")), testing::ElementsAre("c"));
  }
  std::filesystem::remove_all(folder);
}

TEST_F(CompletionTest, OffersTheCommandsOfACommandOnce) {
  EXPECT_THAT(Complete("larder config \"\""), testing::UnorderedElementsAre("get", "set"));
  EXPECT_THAT(Complete("larder --json config s"), testing::ElementsAre("set"));
  EXPECT_THAT(Complete("larder config get \"\""), testing::IsEmpty());
  EXPECT_THAT(Complete("larder config set --js"), testing::ElementsAre("--json"));
  EXPECT_THAT(Complete("larder replica \"\""), testing::ElementsAre("of"));
  EXPECT_THAT(Complete("larder set config \"\""), testing::IsEmpty());
}

TEST_F(CompletionTest, OffersShells) {
  EXPECT_THAT(Complete("larder completion \"\""), testing::ElementsAre("bash"));
}

}  // namespace
}  // namespace larder::cli
