#ifndef LARDER_TESTS_CLIENT_PROGRAM_FIXTURE_H_
#define LARDER_TESTS_CLIENT_PROGRAM_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/program.h"
#include "tests/client/fake_node.h"

namespace larder::cli {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

// All of a file, which it closes.
inline std::string Content(std::FILE* file) {
  std::string text(1 << 20, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

// The program beside a node.
class ProgramTest : public ::testing::Test {
 protected:
  Outcome Run(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.push_back("--addr=" + node_.address());
    return RunAnywhere(std::move(arguments), input);
  }

  static Outcome RunAnywhere(std::vector<std::string> arguments, const std::string& input = "") {
    std::FILE* const in = std::tmpfile();
    std::fwrite(input.data(), 1, input.size(), in);
    std::rewind(in);
    std::FILE* const out = std::tmpfile();
    std::FILE* const err = std::tmpfile();
    Outcome outcome;
    outcome.code = RunProgram(std::move(arguments), {in, out, err});
    std::fclose(in);
    outcome.out = Content(out);
    outcome.err = Content(err);
    return outcome;
  }

  // A usage error: exit code 2 and one line that names the problem.
  void ExpectUsageError(std::vector<std::string> arguments, const std::string& named) {
    const Outcome outcome = Run(std::move(arguments));
    EXPECT_EQ(outcome.code, kExitUsage) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, ::testing::StartsWith("larder: "));
    EXPECT_THAT(outcome.err, ::testing::HasSubstr(named));
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  }

  testing::FakeNode node_;
};

}  // namespace larder::cli

#endif  // LARDER_TESTS_CLIENT_PROGRAM_FIXTURE_H_
