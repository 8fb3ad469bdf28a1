#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/client/program_fixture.h"

namespace larder::cli {
namespace {

using testing::FakeNode;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ProgramTest, GetPrintsTheBareValueAndNothingElse) {
  const std::string value("\0bin\xff\n", 6);
  EXPECT_EQ(Run({"set", "k", "--value_file=-"}, value).code, kExitOk);
  const Outcome get = Run({"get", "k"});
  EXPECT_EQ(get.code, kExitOk);
  EXPECT_EQ(get.out, value);
  EXPECT_EQ(get.err, "");
}

TEST_F(ProgramTest, AMissIsSilentOnStdout) {
  const Outcome get = Run({"get", "k"});
  EXPECT_EQ(get.code, kExitNo);
  EXPECT_EQ(get.out, "");
  EXPECT_EQ(get.err, "(not found)\n");
}

TEST_F(ProgramTest, JsonHasValuesAsTextOrBase64) {
  node_.Put("k", "caf\xc3\xa9");
  nlohmann::json json = nlohmann::json::parse(Run({"get", "k", "--json"}).out);
  EXPECT_EQ(json["found"], true);
  EXPECT_EQ(json["value"], "caf\xc3\xa9");
  EXPECT_TRUE(json["version"].is_string());
  node_.Put("k", "\xff");
  json = nlohmann::json::parse(Run({"--json", "get", "k"}).out);
  EXPECT_EQ(json["value"]["base64"], "/w==");
  const Outcome miss = Run({"get", "none", "--json"});
  EXPECT_EQ(miss.out, "{\"key\":\"none\",\"found\":false}\n");
  EXPECT_EQ(miss.code, kExitNo);
  EXPECT_EQ(miss.err, "");
}

TEST_F(ProgramTest, SetTakesConditions) {
  EXPECT_EQ(Run({"set", "k", "v", "--if_present"}).code, kExitNo);
  EXPECT_EQ(Run({"set", "--if_absent", "k", "v", "--ttl=1h30m"}).code, kExitOk);
  const Outcome refused = Run({"set", "k", "w", "--if_absent"});
  EXPECT_EQ(refused.code, kExitNo);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, StartsWith("(not stored: the key exists; its version is "));
  const nlohmann::json entry = nlohmann::json::parse(Run({"get", "k", "--json"}).out);
  const std::string version = entry["version"];
  EXPECT_EQ(Run({"set", "k", "w", "--if_version=" + version}).code, kExitOk);
  EXPECT_EQ(Run({"set", "k", "x", "--if_version=" + version}).code, kExitNo);
  const Outcome previous = Run({"set", "k", "y", "--return_previous"});
  EXPECT_EQ(previous.code, kExitOk);
  EXPECT_EQ(previous.out, "w");
}

TEST_F(ProgramTest, ValuesComeFromFiles) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/larder_value_", getpid());
  std::ofstream(path) << "from a file";
  EXPECT_EQ(Run({"set", "k", "--value_file=" + path}).code, kExitOk);
  EXPECT_EQ(node_.Find("k"), "from a file");
  EXPECT_EQ(Run({"append", "k", "--value_file=" + path}).out, "22\n");
  std::remove(path.c_str());
  EXPECT_EQ(Run({"append", "k", "--value_file=-"}, "from stdin").out, "32\n");
  EXPECT_EQ(node_.Find("k"), "from a filefrom a filefrom stdin");
  for (const char* command : {"set", "append"}) {
    ExpectUsageError({command, "k", "--value_file=" + path}, path);
    ExpectUsageError({command, "k", "--value_file=/"}, "'/': Is a directory");
    ExpectUsageError({command, "k", "v", "--value_file=" + path}, "--value_file");
    ExpectUsageError({command, "k", "", "--value_file=" + path}, "--value_file");
    ExpectUsageError({command, "k"}, "VALUE");
  }
}

TEST_F(ProgramTest, AValueIsTheValueWhateverItLooksLike) {
  for (const std::string value :
       {"@ada", "@/etc/hostname", "@", "@-", "-", "", "-5", "<x", "=x", "-hello", "-v", "[x"}) {
    EXPECT_EQ(Run({"set", "s", value}, "not this").code, kExitOk) << value;
    EXPECT_EQ(node_.Find("s"), value);
    EXPECT_EQ(Run({"mset", "m", value, "n", value}, "not this").out, "stored 2 of 2\n") << value;
    EXPECT_EQ(node_.Find("m"), value);
    EXPECT_EQ(node_.Find("n"), value);
    EXPECT_EQ(Run({"append", "a", value}, "not this").code, kExitOk) << value;
  }
  EXPECT_EQ(node_.Find("a"), "@ada@/etc/hostname@@---5<x=x-hello-v[x");
  EXPECT_THAT(Run({"set", "s", "-"}).err, HasSubstr("--value_file=- reads stdin"));
  EXPECT_EQ(Run({"set", "s", "x-"}).err, "");
}

TEST_F(ProgramTest, KeysMayLookLikeCommandsAndNumbers) {
  for (const std::string key : {"get", "-5", "[a,b]", "++", "", "a b"}) {
    if (key.empty()) continue;
    EXPECT_EQ(Run({"set", key, "[1,2]"}).code, kExitOk) << key;
    EXPECT_EQ(node_.Find(key), "[1,2]");
    EXPECT_EQ(Run({"mget", key, key}).out, absl::StrCat(key, "\t[1,2]\n", key, "\t[1,2]\n"));
  }
}

TEST_F(ProgramTest, ManyKeysAtOnce) {
  EXPECT_EQ(Run({"mset", "a", "1", "b", "two"}).out, "stored 2 of 2\n");
  const Outcome mget = Run({"mget", "a", "x", "b"});
  EXPECT_EQ(mget.code, kExitNo);
  EXPECT_EQ(mget.out, "a\t1\nb\ttwo\n");
  EXPECT_EQ(mget.err, "(not found: x)\n");
  const nlohmann::json json = nlohmann::json::parse(Run({"mget", "a", "x", "--json"}).out);
  EXPECT_EQ(json[0]["value"], "1");
  EXPECT_EQ(json[1]["found"], false);
  EXPECT_EQ(Run({"delete", "a", "x"}).out, "deleted 1 of 2\n");
  EXPECT_EQ(Run({"delete", "b"}).out, "deleted\n");
  EXPECT_EQ(Run({"delete", "b"}).code, kExitNo);
  ExpectUsageError({"mset", "a", "1", "b"}, "'b' has no value");
  const Outcome failed = Run({"mset", "a", "1", "", "2"});
  EXPECT_EQ(failed.code, kExitUsage);
  EXPECT_EQ(failed.out, "stored 1 of 2\n");
}

TEST_F(ProgramTest, IncrementOfAMissingKeyIsItsDelta) {
  EXPECT_EQ(Run({"incr", "n"}).out, "1\n");
  EXPECT_EQ(Run({"incr", "n", "-5"}).out, "-4\n");
  EXPECT_EQ(Run({"incr", "m", "7"}).out, "7\n");
  EXPECT_EQ(Run({"incr", "o", "7", "--initial=-100"}).out, "-100\n");
  EXPECT_EQ(Run({"incr", "q", "--initial", "-100"}).out, "-100\n");
  EXPECT_EQ(Run({"incr", "q", "+5"}).out, "-95\n");
  EXPECT_EQ(Run({"incr", "p", "--if_present"}).code, kExitNo);
  ExpectUsageError({"incr", "n", "1.5"}, "1.5");
  ExpectUsageError({"incr", "n", "9223372036854775808"}, "9223372036854775808");
}

TEST_F(ProgramTest, ALeaseFromGrantToSet) {
  const Outcome granted = Run({"lease", "k"});
  EXPECT_EQ(granted.code, kExitOk);
  EXPECT_THAT(granted.out, HasSubstr("state: granted\ntoken: 01ff746f6b656e\n"));
  const Outcome held = Run({"lease", "k"});
  EXPECT_EQ(held.code, kExitNo);
  EXPECT_EQ(held.out, "state: held\nretry_after: 50ms\n");
  EXPECT_EQ(Run({"set", "k", "v", "--lease_token=00"}).code, kExitNo);
  EXPECT_EQ(Run({"set", "k", "v", "--lease_token=01FF746f6b656e"}).code, kExitOk);
  EXPECT_EQ(Run({"lease", "k"}).out, "state: hit\nvalue: v\n");
}

TEST_F(ProgramTest, ScanWalksAllPages) {
  for (const char* key : {"a1", "a2", "a3", "b1", "a4"}) node_.Put(key, "v");
  EXPECT_EQ(Run({"scan"}).out, "a1\na2\na3\na4\nb1\n");
  EXPECT_EQ(Run({"scan", "--prefix=a", "--limit=3"}).out, "a1\na2\na3\n");
  // No page asks for more than a node with a small --max_scan_limit allows.
  EXPECT_EQ(Run({"scan", "--limit=1000"}).out, "a1\na2\na3\na4\nb1\n");
  // Whose first pages are empty.
  EXPECT_EQ(Run({"scan", "--prefix=b", "--values"}).out, "b1\tv\n");
  EXPECT_THAT(Run({"scan", "--prefix=b", "--json"}).out,
              StartsWith("{\"key\":\"b1\",\"version\":"));
}

TEST_F(ProgramTest, NodeCommands) {
  const Outcome ping = Run({"ping"});
  EXPECT_EQ(ping.code, kExitOk);
  EXPECT_THAT(ping.out, StartsWith(node_.address() + " is serving, "));
  node_.SetServing(false);
  EXPECT_EQ(Run({"ping"}).code, kExitError);
  EXPECT_THAT(Run({"stats"}).out, HasSubstr("hit ratio              0.7500\n"));
  EXPECT_EQ(nlohmann::json::parse(Run({"stats", "--json"}).out)["requests"]["Get/OK"], 4);
  node_.Put("k", "v");
  ExpectUsageError({"flush"}, "--yes");
  EXPECT_EQ(Run({"flush", "--yes"}).out, "removed 1 entries\n");
  EXPECT_EQ(node_.size(), 0u);
}

TEST_F(ProgramTest, ConfigGet) {
  EXPECT_EQ(Run({"config", "get"}).out,
            "name            value  changeable\n"
            "eviction        lru    no\n"
            "memory          1GiB   yes\n"
            "metrics_listen  ''     no\n");
  EXPECT_EQ(Run({"config", "get", "memory"}).out, "1GiB\n");
  EXPECT_EQ(Run({"config", "get", "metrics_listen"}).out, "\n");
  EXPECT_EQ(Run({"config", "get", "memory", "--json"}).out,
            "{\"name\":\"memory\",\"value\":\"1GiB\",\"changeable\":true}\n");
  const nlohmann::json all = nlohmann::json::parse(Run({"--json", "config", "get"}).out);
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0]["name"], "eviction");
  ExpectUsageError({"config", "get", "none"}, "INVALID_ARGUMENT: GetConfig: name is no flag");
}

TEST_F(ProgramTest, ConfigSet) {
  const Outcome set = Run({"config", "set", "memory=2GiB"});
  EXPECT_EQ(set.code, kExitOk);
  EXPECT_EQ(set.out, "set memory\n");
  EXPECT_EQ(set.err, "");
  EXPECT_EQ(Run({"config", "get", "memory"}).out, "2GiB\n");
  EXPECT_EQ(Run({"config", "set", "memory=a=b", "--json"}).out, "{\"set\":{\"memory\":\"a=b\"}}\n");
  EXPECT_EQ(Run({"config", "get", "memory"}).out, "a=b\n");
  EXPECT_EQ(Run({"config", "set", "memory="}).code, kExitOk);
  EXPECT_EQ(Run({"config", "get", "memory"}).out, "\n");
  ExpectUsageError({"config", "set", "memory=4GiB", "eviction=lfu"}, "only memory can change");
  const int calls = node_.calls("SetConfig");
  ExpectUsageError({"config"}, "config: ");
  ExpectUsageError({"config", "change"}, "there is no command 'change'");
  ExpectUsageError({"config", "set"}, "config set: NAME=VALUE");
  ExpectUsageError({"config", "set", "memory", "4GiB"}, "'memory' is not NAME=VALUE");
  ExpectUsageError({"config", "set", "memory=4GiB", "=4GiB"}, "'=4GiB' is not NAME=VALUE");
  ExpectUsageError({"config", "set", "--memory=4GiB"}, "config set: there is no flag --memory");
  ExpectUsageError({"config", "get", "memory", "eviction"}, "eviction");
  EXPECT_EQ(node_.calls("SetConfig"), calls);
  node_.FailNext("SetConfig", {{absl::StatusCode::kInternal, true, {}, false}});
  EXPECT_EQ(Run({"config", "set", "memory=4GiB"}).code, kExitError);
  const Outcome help = Run({"config", "set", "--help"});
  EXPECT_EQ(help.code, kExitOk);
  EXPECT_THAT(help.out, HasSubstr("Example: larder config set memory=2GiB"));
}

TEST_F(ProgramTest, TheRest) {
  EXPECT_EQ(Run({"append", "k", "ab"}).out, "2\n");
  EXPECT_EQ(Run({"append", "none", "ab", "--if_present"}).code, kExitNo);
  EXPECT_EQ(Run({"touch", "k", "--ttl=9s"}).out, "expires: 1970-01-01T00:00:09.000Z\n");
  EXPECT_EQ(Run({"touch", "k"}).out, "expires: never\n");
  EXPECT_EQ(Run({"touch", "none"}).code, kExitNo);
}

TEST_F(ProgramTest, BenchAndReplay) {
  const Outcome fill = Run({"bench", "--fill", "--keys=100", "--value_bytes=1..1KiB"});
  EXPECT_EQ(fill.code, kExitOk) << fill.err;
  EXPECT_EQ(node_.size(), 100u);
  const Outcome bench =
      Run({"bench", "--keys=100", "--requests=500", "--distribution=zipf", "--json"});
  EXPECT_EQ(bench.code, kExitOk) << bench.err;
  const nlohmann::json json = nlohmann::json::parse(bench.out);
  EXPECT_EQ(json["operations"], 500);
  EXPECT_EQ(json["hit_ratio"], 1.0);
  const std::string path = absl::StrCat(::testing::TempDir(), "/larder_trace_", getpid());
  std::ofstream(path) << "a\nb\na\na\n";
  const Outcome replay = Run({"replay", path, "--value_bytes=10"});
  EXPECT_EQ(replay.code, kExitOk) << replay.err;
  EXPECT_THAT(replay.out, HasSubstr("hit ratio 0.5000"));
  node_.Put("a", "damaged");
  const Outcome wrong = Run({"replay", path});
  EXPECT_EQ(wrong.code, kExitError);
  EXPECT_THAT(wrong.err, HasSubstr("3 wrong values"));
  std::ofstream(path) << "a\n,\n";
  EXPECT_EQ(Run({"replay", path}).code, kExitUsage);
  std::ofstream(path) << "\x1f\x8b\x08";
  ExpectUsageError({"replay", path}, path + ": is a gzip file");
  std::remove(path.c_str());
  ExpectUsageError({"replay", path}, path);
  ExpectUsageError({"replay", "/"}, "/: Is a directory");
}

TEST_F(ProgramTest, AReplayTakesAllOfAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "a\nb\na\n", 6), 6);
  close(ends[1]);
  const Outcome replay = Run({"replay", absl::StrCat("/dev/fd/", ends[0]), "--json"});
  close(ends[0]);
  EXPECT_EQ(replay.code, kExitOk) << replay.err;
  EXPECT_EQ(nlohmann::json::parse(replay.out)["gets"], 3);
}

TEST_F(ProgramTest, UsageErrorsAreOneLineThatNamesTheProblem) {
  ExpectUsageError({}, "--help");
  ExpectUsageError({"gte", "k"}, "there is no command 'gte'");
  ExpectUsageError({"get"}, "KEY");
  ExpectUsageError({"get", "a", "b", "c"}, "'b' is one word too many");
  ExpectUsageError({"get", "a", "-5"}, "'-5' is one word too many");
  ExpectUsageError({"get", "k", "--ttl=5s"}, "there is no flag --ttl; a word");
  ExpectUsageError({"set", "--hello"}, "there is no flag --hello");
  ExpectUsageError({"-x"}, "there is no command '-x'");
  ExpectUsageError({"set", "k", "v", "--ttl=5"}, "--ttl");
  ExpectUsageError({"set", "k", "v", "--ttl="}, "--ttl=");
  ExpectUsageError({"set", "k", "v", "--if_absent", "--if_present"}, "--if_absent");
  ExpectUsageError({"set", "k", "v", "--if_absent", "--keep_ttl"}, "--keep_ttl");
  ExpectUsageError({"set", "k", "v", "--lease_token=xyz"}, "--lease_token");
  ExpectUsageError({"set", "k", "v", "--ack=often"}, "--ack");
  ExpectUsageError({"set", "k", "v", "--flags=-1"}, "--flags");
  ExpectUsageError({"delete", "k", "--if_version=0"}, "--if_version");
  ExpectUsageError({"get", "k", "--timeout=0"}, "--timeout");
  ExpectUsageError({"bench", "--distribution=normal"}, "normal");
  ExpectUsageError({"bench", "--threads=0"}, "threads");
  ExpectUsageError({"bench", "--connections=17", "--inflight=65536"}, "connections * inflight");
  ExpectUsageError({"completion", "zsh"}, "zsh");
  const Outcome address = RunAnywhere({"get", "k", "--addr=host:port"});
  EXPECT_EQ(address.code, kExitUsage);
  EXPECT_THAT(address.err, HasSubstr("host:port"));
}

TEST_F(ProgramTest, NetworkErrorsExitWithThree) {
  node_.FailNext("Get", {{absl::StatusCode::kInternal, true, {}, false}});
  const Outcome failed = Run({"get", "k"});
  EXPECT_EQ(failed.code, kExitError);
  EXPECT_EQ(failed.err, "larder: INTERNAL: Get: said by the node\n");
  std::string gone;
  {
    const FakeNode node;
    gone = node.address();
  }
  const Outcome unreachable = RunAnywhere({"get", "k", "--addr=" + gone});
  EXPECT_EQ(unreachable.code, kExitError);
  EXPECT_THAT(unreachable.err, StartsWith("larder: UNAVAILABLE: Get at " + gone));
  EXPECT_EQ(RunAnywhere({"bench", "--addr=" + gone}).code, kExitError);
}

TEST_F(ProgramTest, TheAddressComesFromTheEnvironmentToo) {
  node_.Put("k", "v");
  setenv("LARDER_ADDR", node_.address().c_str(), 1);
  EXPECT_EQ(RunAnywhere({"get", "k"}).out, "v");
  unsetenv("LARDER_ADDR");
}

TEST_F(ProgramTest, HelpAndVersionGoToStdout) {
  EXPECT_THAT(Run({"--version"}).out, StartsWith("larder "));
  const Outcome help = Run({"set", "--help"});
  EXPECT_EQ(help.code, kExitOk);
  EXPECT_THAT(help.out, HasSubstr("--if_absent"));
  EXPECT_THAT(help.out, HasSubstr("Example: "));
}

TEST_F(ProgramTest, AFullDiskIsAnError) {
  node_.Put("k", "v");
  std::FILE* const full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  std::FILE* const err = std::tmpfile();
  EXPECT_EQ(RunProgram({"get", "k", "--addr=" + node_.address()}, {stdin, full, err}), kExitError);
  std::fclose(full);
  EXPECT_THAT(Content(err), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace larder::cli
