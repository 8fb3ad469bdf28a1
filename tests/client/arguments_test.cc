#include "client/flags/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

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
  for (const std::string word :
       {"plain", "", "-5", "-5abc", "-hello", "-v", "-é", "[a,b]", "[1, 2]", "++", "\x01x", "-",
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

TEST(ReadValueFileTest, ReadsStdinAndFiles) {
  std::FILE* const in = std::tmpfile();
  const std::string bytes("in\0put\xff\n", 9);
  std::fwrite(bytes.data(), 1, bytes.size(), in);
  std::rewind(in);
  EXPECT_EQ(*ReadValueFile("-", in), bytes);
  std::fclose(in);
  EXPECT_EQ(*ReadValueFile("/dev/null", nullptr), "");
  for (const char* path : {"/no/such/file", "/", "@/dev/null"}) {
    const absl::Status status = ReadValueFile(path, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(path));
  }
}

TEST(ReadValueFileTest, ReadsAPipeToItsEnd) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string bytes(300 << 10, 'p');
  std::thread writer([&ends, &bytes] {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t count = write(ends[1], bytes.data() + done, bytes.size() - done);
      if (count < 0) break;
      done += static_cast<size_t>(count);
    }
    close(ends[1]);
  });
  EXPECT_EQ(*ReadValueFile("/dev/fd/" + std::to_string(ends[0]), nullptr), bytes);
  writer.join();
  close(ends[0]);
}

}  // namespace
}  // namespace larder::cli
