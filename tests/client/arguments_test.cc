#include "client/flags/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace larder::cli {
namespace {

// What a command with a key and any number of words receives.
std::vector<std::string> Receive(std::vector<std::string> arguments) {
  absl::StatusOr<std::vector<std::string>> guarded = GuardArguments(std::move(arguments));
  EXPECT_TRUE(guarded.ok());
  CLI::App app;
  std::string key;
  std::vector<std::string> words;
  AddPositional(app, "KEY", key, "");
  AddPositionals(app, "WORD", words, "");
  std::reverse(guarded->begin(), guarded->end());
  app.parse(*guarded);
  words.insert(words.begin(), key);
  return words;
}

TEST(GuardArgumentsTest, WordsArriveAsTheyAre) {
  for (const std::string word : {"plain", "", "-5", "-5abc", "[a,b]", "[1, 2]", "++", "\x01x", "-",
                                 "a=b", "{\"a\": [1]}", "\xff\xfe", "a b", "\"q\"", "/x:y"}) {
    EXPECT_THAT(Receive({word}), testing::ElementsAre(word));
    EXPECT_THAT(Receive({"k", word, word}), testing::ElementsAre("k", word, word));
  }
}

TEST(GuardArgumentsTest, AfterTwoDashesAllIsAWord) {
  EXPECT_THAT(Receive({"--", "-x", "--flag=", "--", "-1"}),
              testing::ElementsAre("-x", "--flag=", "--", "-1"));
}

TEST(GuardArgumentsTest, AFlagNeedsAValueAfterEquals) {
  EXPECT_EQ(GuardArguments({"--ttl=", "x"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(GuardArguments({"--ttl=5s", "x="}).ok());
}

TEST(ReadValueTest, ReadsStdinAndFiles) {
  std::FILE* const in = std::tmpfile();
  const std::string bytes("in\0put\xff\n", 9);
  std::fwrite(bytes.data(), 1, bytes.size(), in);
  std::rewind(in);
  EXPECT_EQ(*ReadValue("-", in), bytes);
  std::fclose(in);
  EXPECT_EQ(*ReadValue("plain", nullptr), "plain");
  EXPECT_EQ(ReadValue("@/no/such/file", nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadValueFile("/").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace larder::cli
