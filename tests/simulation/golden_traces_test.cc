// Stories whose every step is known: what changes in them is to be looked at, and then taken over
// (LARDER_REWRITE_TRACES=1).

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "tests/simulation/cluster/cluster_stage.h"
#include "tests/simulation/cluster/story_trace.h"

namespace larder::simulation {
namespace {

using cluster::ElectionKind;
using cluster::FailoverCommand;

std::string PathOf(const std::string& name) {
  return LARDER_SOURCE_DIR "/tests/scenarios/" + name + ".txt";
}

// The line in which they differ first, and the one before.
std::string FirstDifference(const std::string& expected, const std::string& actual) {
  std::istringstream one(expected);
  std::istringstream other(actual);
  std::string before;
  for (size_t number = 1;; ++number) {
    std::string expected_line;
    std::string actual_line;
    const bool has_one = static_cast<bool>(std::getline(one, expected_line));
    const bool has_other = static_cast<bool>(std::getline(other, actual_line));
    if (!has_one && !has_other) return "";
    if (!has_one) expected_line = "(the end)";
    if (!has_other) actual_line = "(the end)";
    if (expected_line != actual_line) {
      return "line " + std::to_string(number) + ", after:\n" + before + "\nwas:\n" + expected_line +
             "\nis:\n" + actual_line;
    }
    before = expected_line;
  }
}

void Compare(const std::string& name, const std::string& text) {
  if (std::getenv("LARDER_REWRITE_TRACES") != nullptr) {
    std::ofstream(PathOf(name)) << text;
    return;
  }
  std::ifstream file(PathOf(name));
  ASSERT_TRUE(file.good()) << PathOf(name);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(FirstDifference(expected.str(), text), "") << name;
}

// A cluster that has been served for a while, then the story.
void Tell(const std::string& name, const std::function<void(ClusterStage*, StoryTrace*)>& story) {
  ClusterStage stage(StoryOptions(3, 1, 1));
  ASSERT_TRUE(stage.Begin());
  StoryTrace trace(&stage.world());
  trace.Run(Millis(1));
  story(&stage, &trace);
  EXPECT_EQ(stage.world().violation(), std::nullopt);
  Compare(name, trace.text());
}

TEST(GoldenTracesTest, Failover) {
  Tell("failover", [](ClusterStage* stage, StoryTrace* trace) {
    trace->Say("node 0 is killed");
    stage->world().Crash(0);
    trace->Run(Millis(1500));
    trace->Say("node 0 starts again");
    stage->world().Restart(0);
    trace->Run(Millis(3000));
  });
}

TEST(GoldenTracesTest, SplitAndHealing) {
  Tell("split", [](ClusterStage* stage, StoryTrace* trace) {
    trace->Say("nodes 0 and 4 are cut off from all others");
    for (const size_t inside : {0u, 4u}) {
      for (const size_t outside : {1u, 2u, 3u, 5u}) stage->BlockBoth(inside, outside);
    }
    trace->Run(Millis(3000));
    trace->Say("all is healed");
    stage->world().Heal();
    trace->Run(Millis(3000));
  });
}

TEST(GoldenTracesTest, PlannedFailover) {
  Tell("planned_failover", [](ClusterStage* stage, StoryTrace* trace) {
    trace->Say("node 3 is told to take over from node 0");
    stage->world().Command(3, FailoverCommand{ElectionKind::kPlanned});
    trace->Run(Millis(2000));
  });
}

TEST(GoldenTracesTest, Bootstrap) {
  WorldOptions options = StoryOptions(3, 1, 1);
  options.is_founded = false;
  options.begin_within = Millis(500);
  ClusterStage stage(options);
  StoryTrace trace(&stage.world());
  trace.Say("six nodes start that know each other's addresses");
  stage.world().Start();
  trace.Run(Millis(4000));
  EXPECT_TRUE(stage.world().IsServed());
  EXPECT_EQ(stage.world().violation(), std::nullopt);
  Compare("bootstrap", trace.text());
}

}  // namespace
}  // namespace larder::simulation
