#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/testing/history/history_reader.h"
#include "tests/testing/history/history_writer.h"

namespace larder::history {
namespace {

class HistoryFileTest : public ::testing::Test {
 protected:
  HistoryFileTest()
      : path_(::testing::TempDir() + "/history_file_test." + std::to_string(getpid())) {}
  ~HistoryFileTest() override { std::remove(path_.c_str()); }

  std::string Text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  static std::string Problem(const std::string& lines) {
    HistoryReader reader;
    return std::string(reader.Add(lines, "file").message());
  }

  const std::string path_;
};

Operation SomeSet() {
  Operation set;
  set.id = {3, 4};
  set.kind = OperationKind::kSet;
  set.begin = 1'000'000'000'123;
  set.ttl_ms = 50;
  set.condition = SetCondition::kLease;
  set.lease = {3, 2};
  set.ack = AckLevel::kReplicas;
  set.replicas = 2;
  return set;
}

TEST_F(HistoryFileTest, WhatIsWrittenIsRead) {
  auto writer = HistoryWriter::Create(path_);
  ASSERT_TRUE(writer.ok()) << writer.status();
  Operation set = SomeSet();
  const std::string key("a key\n%\0\xff", 9);
  (*writer)->Invoked(set, key);
  set.outcome = Outcome::kOk;
  set.end = set.begin + 10;
  set.done = true;
  set.version = UINT64_MAX;
  set.position = {1, 2, 3};
  (*writer)->Completed(set, key, "127.0.0.1:7600");
  Operation get;
  get.id = {3, 5};
  get.begin = 5;
  get.end = 6;
  get.outcome = Outcome::kOk;
  get.max_staleness_ms = 0;
  get.min_position = {1, 2, 3};
  get.is_final = get.done = get.is_stale = true;
  get.state = "!what is wrong";
  (*writer)->Completed(get, key, "other");
  LossEvent event{"kill 1", LossEvent::Loses::kSuffix, 7, kNever, 2, false, {}, 0};
  (*writer)->EventBegins(event);
  event.end = 9;
  event.kept = {1, 2, 2};
  event.new_epoch = 3;
  (*writer)->EventEnds(event);
  ASSERT_TRUE((*writer)->Flush().ok());

  HistoryReader reader;
  ASSERT_TRUE(reader.AddFile(path_).ok());
  const History history = reader.Take();
  ASSERT_EQ(history.operations.size(), 2u);
  const Operation& read = history.operations[0];
  EXPECT_EQ(history.keys[read.key], key);
  EXPECT_EQ(history.nodes[read.node], "127.0.0.1:7600");
  EXPECT_EQ(read.begin, set.begin);
  EXPECT_EQ(read.end, set.end);
  EXPECT_EQ(read.ttl_ms, 50);
  EXPECT_EQ(read.condition, SetCondition::kLease);
  EXPECT_EQ(read.lease, set.lease);
  EXPECT_EQ(read.ack, AckLevel::kReplicas);
  EXPECT_EQ(read.replicas, 2u);
  EXPECT_EQ(read.version, UINT64_MAX);
  EXPECT_EQ(read.position, set.position);
  EXPECT_TRUE(read.done);
  const Operation& other = history.operations[1];
  EXPECT_EQ(other.state, get.state);
  EXPECT_EQ(other.max_staleness_ms, 0);
  EXPECT_EQ(other.min_position, get.min_position);
  EXPECT_TRUE(other.is_final && other.is_stale && !other.is_granted);
  ASSERT_EQ(history.events.size(), 1u);
  EXPECT_EQ(history.events[0].name, "kill 1");
  EXPECT_EQ(history.events[0].begin, 7);
  EXPECT_EQ(history.events[0].end, 9);
  EXPECT_EQ(history.events[0].nodes_lost, 2u);
  EXPECT_FALSE(history.events[0].disk_lost);
  EXPECT_EQ(history.events[0].kept, (LogPosition{1, 2, 2}));
  EXPECT_EQ(history.events[0].new_epoch, 3u);
}

TEST_F(HistoryFileTest, AMutationIsInTheFileBeforeItIsSent) {
  auto writer = HistoryWriter::Create(path_);
  ASSERT_TRUE(writer.ok());
  (*writer)->Invoked(SomeSet(), "key");
  // Nothing was flushed or closed, as when the process is killed here.
  HistoryReader reader;
  ASSERT_TRUE(reader.Add(Text(), "file").ok());
  const History history = reader.Take();
  ASSERT_EQ(history.operations.size(), 1u);
  EXPECT_EQ(history.operations[0].outcome, Outcome::kUnknown);
  EXPECT_EQ(history.operations[0].end, kNever);
}

TEST_F(HistoryFileTest, AFileThatExistsIsNotWrittenOver) {
  ASSERT_TRUE(HistoryWriter::Create(path_).ok());
  EXPECT_FALSE(HistoryWriter::Create(path_).ok());
}

TEST_F(HistoryFileTest, ALineWithoutEndIsLeftOut) {
  EXPECT_EQ(Problem("larder-history 1\nR c1 n1 kg Kkey b1 e2 oo\nR c1 n2 kg Kke"), "");
}

TEST_F(HistoryFileTest, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_EQ(Problem("hello\n"), "file:1: a history begins with 'larder-history 1'");
  EXPECT_EQ(Problem(""), "file: it is no history");
  const std::string first = "larder-history 1\n";
  EXPECT_EQ(Problem(first + "Q c1\n"),
            "file:2: the line is no record: it begins with none of I, C, R, B, E");
  EXPECT_EQ(Problem(first + "R c1 n1 kg Kkey b1x\n"), "file:2: field 'b1x' is not valid");
  EXPECT_EQ(Problem(first + "R c1 n1 kg Kkey b1 ?\n"), "file:2: field '?' is not valid");
  EXPECT_EQ(Problem(first + "R c1 n1 kg Kkey%4\n"), "file:2: field 'Kkey%4' is not valid");
  EXPECT_EQ(Problem(first + "R c1 n1 kg Kkey p1:2\n"), "file:2: field 'p1:2' is not valid");
  EXPECT_EQ(Problem(first + "R c1 n1 kg b1\n"), "file:2: the operation has no key");
  EXPECT_EQ(Problem(first + "R c1 n1 kg Kkey\nR c1 n1 kg Kkey\n"),
            "file:3: operation 1.1 is there twice");
  EXPECT_EQ(Problem(first + "C c1 n1 oo\n"), "file:2: operation 1.1 ends but never began");
  EXPECT_EQ(Problem(first + "E nname e1\n"), "file:2: event 'name' ends but never began");
}

}  // namespace
}  // namespace larder::history
