#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/testing/history_load/call_outcome.h"
#include "tests/testing/history_load/event_line.h"
#include "tests/testing/history_load/program.h"

namespace larder::history {
namespace {

using ::testing::HasSubstr;

TEST(CallOutcomeTest, OnlyTheNodesOwnWordIsTakenForNotApplied) {
  EXPECT_EQ(OutcomeOf(absl::OkStatus()), Outcome::kOk);
  EXPECT_EQ(OutcomeOf(absl::UnavailableError("Set: the node shuts down")), Outcome::kNotApplied);
  EXPECT_EQ(OutcomeOf(absl::UnavailableError("Set at 127.0.0.1:1: connection reset")),
            Outcome::kUnknown);
  EXPECT_EQ(OutcomeOf(absl::UnavailableError("")), Outcome::kUnknown);
  EXPECT_EQ(OutcomeOf(absl::UnknownError("Set: forwarded")), Outcome::kUnknown);
  EXPECT_EQ(OutcomeOf(absl::DeadlineExceededError("Set: 0 of 1 replicas")), Outcome::kUnknown);
  EXPECT_EQ(OutcomeOf(absl::ResourceExhaustedError("Set: memory is full")), Outcome::kNotApplied);
  EXPECT_EQ(OutcomeOf(absl::InternalError("Set: the answer breaks the contract")),
            Outcome::kUnknown);
}

TEST(EventLineTest, Lines) {
  const auto begin =
      ParseEventLine("event begin k1 lose=suffix nodes=2 disk=kept kept=0:7:9 epoch=8");
  ASSERT_TRUE(begin.ok()) << begin.status();
  EXPECT_EQ(begin->kind, EventLine::Kind::kBegin);
  EXPECT_EQ(begin->event.name, "k1");
  EXPECT_EQ(begin->event.loses, LossEvent::Loses::kSuffix);
  EXPECT_EQ(begin->event.nodes_lost, 2u);
  EXPECT_FALSE(begin->event.disk_lost);
  EXPECT_EQ(begin->event.kept, (LogPosition{0, 7, 9}));
  EXPECT_EQ(begin->event.new_epoch, 8u);
  EXPECT_EQ(ParseEventLine("event end k1")->kind, EventLine::Kind::kEnd);
  EXPECT_EQ(ParseEventLine("stop")->kind, EventLine::Kind::kStop);
}

TEST(EventLineTest, WhatIsWrongIsNamed) {
  const auto problem = [](const char* line) {
    return std::string(ParseEventLine(line).status().message());
  };
  EXPECT_EQ(problem("go"), "'go' is not event or stop");
  EXPECT_EQ(problem("event start x"), "'start' is not begin or end, and a name");
  EXPECT_THAT(problem("event begin x"), HasSubstr("say lose=nothing|suffix|everything"));
  EXPECT_THAT(problem("event begin x lose=some"), HasSubstr("'lose=some' is not lose=nothing"));
  EXPECT_THAT(problem("event begin x lose=suffix kept=1:2"), HasSubstr("'kept=1:2' is not"));
  EXPECT_THAT(problem("event end x lose=suffix"), HasSubstr("'lose=suffix' is not kept="));
}

class HistoryProgramTest : public ::testing::Test {
 protected:
  HistoryProgramTest() : path_(::testing::TempDir() + "/history_program_test") {}
  ~HistoryProgramTest() override { std::remove(path_.c_str()); }

  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    return RunProgram(std::move(arguments), -1, out_, err_);
  }
  void Write(const std::string& text) { std::ofstream(path_) << text; }

  const std::string path_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(HistoryProgramTest, TheExitCodeSaysWhatWasFound) {
  const std::string set = "larder-history 1\nI c1 n1 ks Kkey b1000\nC c1 n1 e2000 oo D w7\n";
  Write(set + "R c1 n2 kg Kkey b3000 e4000 oo D v1.1 w7\n");
  EXPECT_EQ(Run({"check", path_}), 0) << out_.str();
  EXPECT_THAT(out_.str(), HasSubstr("0 findings in 2 operations on 1 keys"));
  Write(set + "R c1 n2 kg Kkey b3000 e4000 oo\n");
  EXPECT_EQ(Run({"check", path_}), 1);
  EXPECT_THAT(out_.str(), HasSubstr("lost: key 'key'"));
  EXPECT_EQ(Run({"check", path_, "--evictions"}), 0) << out_.str();
}

TEST_F(HistoryProgramTest, WrongUsageIsNamed) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"check", path_ + ".none"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("cannot be read"));
  EXPECT_EQ(Run({"run", "--addr=127.0.0.1:1", "--file=" + path_, "--clients=0"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("from 1 to 2048"));
  EXPECT_EQ(Run({"run", "--addr=127.0.0.1:1", "--file=" + path_, "--first_client=2040"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("more than 2048 clients"));
  Write("there");
  EXPECT_EQ(Run({"run", "--addr=127.0.0.1:1", "--file=" + path_}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("File exists"));
}

TEST_F(HistoryProgramTest, ANodeThatDoesNotAnswerIsNoFinding) {
  Write("larder-history 1\nI c1 n1 ks Kkey b1000\n");
  // Nobody listens on a port of one.
  EXPECT_EQ(Run({"check", path_, "--final=127.0.0.1:1"}), 3);
  EXPECT_THAT(err_.str(), HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace larder::history
