#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/client/program_fixture.h"

namespace larder::cli {
namespace {

using ::testing::HasSubstr;

class ProgramOutputTest : public ProgramTest {
 protected:
  // What the program prints with --json, which must be one object or array in one line.
  nlohmann::json RunJson(std::vector<std::string> arguments, int code) {
    arguments.push_back("--json");
    const Outcome outcome = Run(std::move(arguments));
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_EQ(outcome.out.find('\n'), outcome.out.size() - 1) << outcome.out;
    nlohmann::json json = nlohmann::json::parse(outcome.out, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(json.is_discarded()) << outcome.out;
    return json;
  }

  void ExpectError(const nlohmann::json& json, const std::string& code, const std::string& said) {
    EXPECT_EQ(json["error"], code) << json;
    EXPECT_THAT(json["message"].get<std::string>(), HasSubstr(said));
  }

  // Not UTF-8, an order to a terminal, and the end of a line.
  const std::string key_ = "\xff\x1b[31m\nk";
};

TEST_F(ProgramOutputTest, JsonIsValidForKeysAndValuesOfAnyBytes) {
  const std::string base64 = "/xtbMzFtCms=";
  EXPECT_EQ(RunJson({"set", key_, key_}, kExitOk)["key"]["base64"], base64);
  EXPECT_EQ(
      RunJson({"set", key_, key_, "--return_previous"}, kExitOk)["previous"]["value"]["base64"],
      base64);
  EXPECT_EQ(RunJson({"get", key_}, kExitOk)["value"]["base64"], base64);
  EXPECT_EQ(RunJson({"mget", key_, "x"}, kExitNo)[0]["key"]["base64"], base64);
  EXPECT_EQ(RunJson({"mset", key_, "1"}, kExitOk)[0]["key"]["base64"], base64);
  EXPECT_EQ(RunJson({"scan"}, kExitOk)["key"]["base64"], base64);
  EXPECT_EQ(RunJson({"incr", key_ + "n"}, kExitOk)["value"], "1");
  EXPECT_EQ(RunJson({"append", key_, key_}, kExitOk)["key"]["base64"], base64);
  EXPECT_EQ(RunJson({"touch", key_, "--ttl=9s"}, kExitOk)["key"]["base64"], base64);
  EXPECT_EQ(RunJson({"lease", key_ + "l"}, kExitOk)["state"], "granted");
  EXPECT_EQ(RunJson({"delete", key_, "x"}, kExitNo)[0]["key"]["base64"], base64);
  EXPECT_EQ(RunJson({"delete", key_}, kExitNo)["key"]["base64"], base64);
}

TEST_F(ProgramOutputTest, WithJsonAnErrorIsAnObject) {
  node_.FailNext("Get", {{absl::StatusCode::kInternal, true, {}, false}});
  ExpectError(RunJson({"get", "k"}, kExitError), "INTERNAL", "Get: said by the node");
  node_.FailNext("Scan", {{absl::StatusCode::kInternal, true, {}, false}});
  ExpectError(RunJson({"scan"}, kExitError), "INTERNAL", "Scan: said by the node");
  ExpectError(RunJson({"flush"}, kExitUsage), "INVALID_ARGUMENT", "--yes");
  ExpectError(RunJson({"set", "k"}, kExitUsage), "INVALID_ARGUMENT", "VALUE");
  ExpectError(RunJson({"bench", "--keys=0"}, kExitUsage), "INVALID_ARGUMENT", "--keys");
  ExpectError(RunJson({"replay", "/no/such/file"}, kExitUsage), "INVALID_ARGUMENT",
              "/no/such/file");
  ExpectError(RunJson({"config", "set", "x"}, kExitUsage), "INVALID_ARGUMENT", "NAME=VALUE");
  // Also of a command line that cannot be read.
  ExpectError(RunJson({"get", "k", "--nope"}, kExitUsage), "INVALID_ARGUMENT", "--nope");
  ExpectError(RunJson({"fetch", "k"}, kExitUsage), "INVALID_ARGUMENT", "fetch");
  ExpectError(RunJson({"get", "k", "--timeout=soon"}, kExitUsage), "INVALID_ARGUMENT", "soon");
  // Without --json there is nothing on stdout.
  EXPECT_EQ(Run({"flush"}).out, "");
}

TEST_F(ProgramOutputTest, WithJsonAnErrorOfOneOfManyIsInItsPlace) {
  const nlohmann::json set = RunJson({"mset", "a", "1", "", "2"}, kExitUsage);
  ASSERT_EQ(set.size(), 2u);
  EXPECT_EQ(set[0]["stored"], true);
  ExpectError(set[1], "INVALID_ARGUMENT", "");
  EXPECT_EQ(set[1]["key"], "");
}

TEST_F(ProgramOutputTest, WithJsonTheReportOfABrokenTraceSaysSo) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/larder_broken_", getpid());
  std::ofstream(path) << "a\nb\n,\n";
  const nlohmann::json report = RunJson({"replay", path}, kExitUsage);
  EXPECT_EQ(report["gets"], 2);
  ExpectError(report, "INVALID_ARGUMENT", ":3: no key");
  std::ofstream(path) << ",\n";
  EXPECT_EQ(RunJson({"replay", path}, kExitUsage)["operations"], 0);
  EXPECT_EQ(Run({"replay", path}).out, "");
  std::remove(path.c_str());
}

TEST_F(ProgramOutputTest, WhatIsSaidOnStderrIsOneLineThatGivesATerminalNoOrders) {
  EXPECT_EQ(Run({"mget", key_}).err, "(not found: \xff\\x1b[31m k)\n");
  EXPECT_THAT(Run({"mset", "\x1b[31m"}).err, HasSubstr("'\\x1b[31m' has no value"));
  EXPECT_THAT(Run({"get", "k", "\x1b[31m"}).err, HasSubstr("'\\x1b[31m' is one word too many"));
  EXPECT_THAT(Run({"\x07"}).err, HasSubstr("there is no command '\\x07'"));
}

}  // namespace
}  // namespace larder::cli
