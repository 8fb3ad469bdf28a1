#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/commands.h"
#include "client/cli/program.h"

namespace larder::cli {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

// A flag with a value, and the words that lead to it: "config", "set".
struct Place {
  std::vector<std::string> command;
  std::string flag;
  std::string type;
};

void AddPlaces(const CLI::App& app, std::vector<std::string> command, std::vector<Place>& places) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_items_expected_max() == 0) continue;
    places.push_back({command, option->get_name(), option->get_type_name()});
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    command.push_back(child->get_name());
    AddPlaces(*child, command, places);
    command.pop_back();
  }
}

std::vector<Place> AllPlaces() {
  Session session({});
  CLI::App app;
  AddCommands(app, session);
  std::vector<Place> places;
  AddPlaces(app, {}, places);
  return places;
}

// What the program says on stderr about a command line that it must refuse.
std::string Refusal(std::vector<std::string> arguments) {
  std::FILE* const out = std::tmpfile();
  std::FILE* const err = std::tmpfile();
  const std::string line = absl::StrJoin(arguments, " ");
  // No node is there: what is not refused fails otherwise.
  arguments.push_back("--addr=127.0.0.1:1");
  EXPECT_EQ(RunProgram(std::move(arguments), {stdin, out, err}), kExitUsage) << line;
  std::string text(4096, '\0');
  std::rewind(err);
  text.resize(std::fread(text.data(), 1, text.size(), err));
  std::fclose(out);
  std::fclose(err);
  return text;
}

std::string RefusalOf(const Place& place, const std::string& value) {
  std::vector<std::string> arguments = place.command;
  arguments.push_back(absl::StrCat(place.flag, "=", value));
  return Refusal(std::move(arguments));
}

// Of a flag that takes any text, or hexadecimal digits, which some numbers are.
bool IsText(const Place& place) {
  for (const char* type : {"FILE", "NAME", "BYTES", "HOST:PORT", "HEX"}) {
    if (place.type == type) return true;
  }
  return false;
}

TEST(ProgramFlagsTest, AllAreThere) {
  std::vector<std::string> flags;
  for (const Place& place : AllPlaces()) {
    flags.push_back(absl::StrCat(absl::StrJoin(place.command, " "), " ", place.flag));
  }
  for (const char* flag :
       {" --timeout", "bench --read_share", "bench --seed", "flush --slot", "digest --slot",
        "lease --early_refresh_beta", "set --flags", "replay --limit"}) {
    EXPECT_THAT(flags, Contains(flag));
  }
}

TEST(ProgramFlagsTest, EveryOneRefusesWhatIsNoNumberAndNamesItself) {
  for (const Place& place : AllPlaces()) {
    if (IsText(place)) continue;
    for (const std::string value :
         {"nan", "-nan", "inf", "-inf", "infinity", "1e400", "0x10", " 1", "1 ", "1,5", "--1",
          "1s ", " 1s", "1KiB ", "10000000000000000000000000000000000000000"}) {
      EXPECT_THAT(RefusalOf(place, value), AllOf(HasSubstr(place.flag), HasSubstr(value)))
          << place.flag << "=" << value;
    }
    EXPECT_THAT(RefusalOf(place, ""), HasSubstr(place.flag));
  }
}

TEST(ProgramFlagsTest, NoneOfThemIsLessThanNothingButTheInitialNumber) {
  for (const Place& place : AllPlaces()) {
    if (IsText(place) || place.flag == "--initial") continue;
    for (const std::string value : {"-1", "-1s", "-0.5"}) {
      EXPECT_THAT(RefusalOf(place, value), AllOf(HasSubstr(place.flag), HasSubstr(value)))
          << place.flag;
    }
  }
}

TEST(ProgramFlagsTest, ARefusalNamesTheRange) {
  EXPECT_EQ(Refusal({"bench", "--read_share=nan"}),
            "larder: bench: --read_share: 'nan' is not a number from 0 to 1 (see larder bench "
            "--help)\n");
  EXPECT_THAT(Refusal({"bench", "--read_share=1.01"}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(Refusal({"bench", "--rate=0"}), HasSubstr("--rate: '0' is not a number from 0.001"));
  EXPECT_THAT(Refusal({"bench", "--zipf_s=inf"}), HasSubstr("from 0.01 to 10"));
  EXPECT_THAT(Refusal({"bench", "--threads=257"}), HasSubstr("whole number from 1 to 256"));
  EXPECT_THAT(Refusal({"bench", "--duration=0"}), HasSubstr("duration must be 1ms..876000h"));
  EXPECT_THAT(Refusal({"bench", "--duration=50000w"}), HasSubstr("duration must be 1ms..876000h"));
  EXPECT_THAT(Refusal({"bench", "--requests=0"}), HasSubstr("requests must be at least 1"));
  EXPECT_THAT(Refusal({"replay", "x", "--concurrency=65537"}), HasSubstr("from 1 to 65536"));
  EXPECT_THAT(Refusal({"flush", "--yes", "--slot=16384"}), HasSubstr("from 0 to 16383"));
  EXPECT_THAT(Refusal({"set", "k", "v", "--flags=4294967296"}), HasSubstr("to 4294967295"));
  EXPECT_THAT(Refusal({"lease", "k", "--early_refresh_beta=1001"}), HasSubstr("from 0 to 1000"));
}

TEST(ProgramFlagsTest, AValueMayBeAWordOfItsOwn) {
  // What CLI11 takes for the name of an option, or for a list, is the value here too.
  EXPECT_THAT(Refusal({"bench", "--threads", "-5"}), HasSubstr("--threads: '-5' is not"));
  EXPECT_THAT(Refusal({"set", "k", "--value_file", "-5"}), HasSubstr("'-5': No such file"));
  EXPECT_THAT(Refusal({"set", "k", "--value_file", "[a,b]"}), HasSubstr("'[a,b]': No such file"));
  EXPECT_THAT(Refusal({"set", "k", "v", "--ack", "-5"}), HasSubstr("'-5' is not memory"));
}

}  // namespace
}  // namespace larder::cli
