#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/client/program_fixture.h"

namespace larder::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPrimary[] = R"(
  role: NODE_ROLE_PRIMARY
  node: "00000000000000010000000000000001"
  epoch { term: 3 node: "0000000a000000010000000000000001" }
  position { epoch { term: 3 node: "0000000a000000010000000000000001" } sequence: 1000 }
  history { epoch { term: 2 node: "0000000b000000010000000000000001" } first_sequence: 1 }
  history { epoch { term: 3 node: "0000000a000000010000000000000001" } first_sequence: 500 }
  log { is_open: true bytes: 67108864 oldest_sequence: 100 end_sequence: 1000 sequence_bytes: 64
        writers_waiting: 3 writers_waiting_bytes: 2048 held_bytes: 20480 }
  replicas {
    node: "00000000000000020000000000000002" endpoint: "cache-2:7600"
    state: REPLICA_STATE_FOLLOWING
    applied { epoch { term: 3 node: "0000000a000000010000000000000001" } sequence: 984 }
    lag { sequences: 16 bytes: 1024 time { seconds: 1 nanos: 500000000 } }
    since_ack { nanos: 40000000 } in_time: true sent_sequence: 1000
  }
  replicas { node: "00000000000000030000000000000003" state: REPLICA_STATE_COPYING copied_bytes: 2048 }
  replicas_in_time: 1
  failover_loss { sequences: 16 bytes: 1024 }
  counts { partial_resyncs: 1 full_copies: 2 fell_behind: 7 writers_held: 16 writers_refused: 4 }
)";

constexpr char kReplica[] = R"(
  role: NODE_ROLE_REPLICA
  source {
    endpoint: "cache-1:17600" client_endpoint: "cache-1:7600"
    state: REPLICA_STATE_FOLLOWING
    lag { sequences: 2 bytes: 128 }
    staleness { nanos: 250000000 }
  }
  failover_loss { sequences: 2 bytes: 128 at_least: true }
)";

class ProgramReplicationTest : public ProgramTest {
 protected:
  std::string Text() {
    const Outcome outcome = Run({"replication"});
    EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
  nlohmann::json Json(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Outcome outcome = Run(std::move(arguments));
    EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, /*allow_exceptions=*/false);
  }
};

TEST_F(ProgramReplicationTest, ReplicaOfANodeOrOfNone) {
  const Outcome follow = Run({"replica", "of", "cache-1:7600"});
  EXPECT_EQ(follow.code, kExitOk);
  EXPECT_THAT(follow.out, HasSubstr(" is a replica now, of cache-1:7600"));
  const Outcome lead = Run({"replica", "of", "none"});
  EXPECT_EQ(lead.code, kExitOk);
  EXPECT_EQ(lead.out, node_.address() + " leads now\n");
  EXPECT_EQ(Json({"replica", "of", "cache-1:7600"})["replica_of"], "cache-1:7600");
  EXPECT_TRUE(Json({"replica", "of", "none"})["replica_of"].is_null());
  EXPECT_THAT(node_.ReplicaOfLog(), ElementsAre("cache-1:7600", "", "cache-1:7600", ""));
}

TEST_F(ProgramReplicationTest, NobodyIsPromotedByAMistake) {
  ExpectUsageError({"replica", "of", ""}, "say HOST:PORT, or none");
  ExpectUsageError({"replica", "of"}, "HOST:PORT");
  ExpectUsageError({"replica"}, "subcommand");
  ExpectUsageError({"replica", "of", "a:1", "b:2"}, "'b:2' is one word too many");
  ExpectUsageError({"replication", "none"}, "'none' is one word too many");
  EXPECT_THAT(node_.ReplicaOfLog(), IsEmpty());
}

TEST_F(ProgramReplicationTest, WhatTheNodeRefusesIsSaid) {
  node_.FailNext("ReplicaOf", {{absl::StatusCode::kInvalidArgument, true, {}, false}});
  ExpectUsageError({"replica", "of", "here"}, "ReplicaOf: said by the node");
  node_.FailNext("ReplicaOf", {{absl::StatusCode::kFailedPrecondition, true, {}, false}});
  EXPECT_EQ(Run({"replica", "of", "none"}).code, kExitError);
  node_.FailNext("Replication", {{absl::StatusCode::kFailedPrecondition, true, {}, false}});
  const Outcome without_bus = Run({"replication"});
  EXPECT_EQ(without_bus.code, kExitError);
  EXPECT_THAT(without_bus.err, HasSubstr("FAILED_PRECONDITION: Replication: said by the node"));
  EXPECT_EQ(without_bus.out, "");
}

TEST_F(ProgramReplicationTest, APrimaryShowsItsReplicasAndWhatAFailoverWouldLose) {
  node_.SetReplication(kPrimary);
  const std::string text = Text();
  for (const char* line :
       {"role           primary\n",
        "failover now   1.0 KiB of the log (16 sequences) would be lost: no replica has "
        "acknowledged it\n",
        "epoch          3.0.0000000a\n", "position       3.0.0000000a/1000\n",
        "log            sequences 100 to 1000, 56.2 KiB of 64.0 MiB, with 20.0 KiB of values "
        "that no entry has any more\n",
        "replicas       2, 1 in time\n", "resyncs        1 partial, 2 full, 0 resumed",
        "writers held   16, 4 refused; now 3 (2.0 KiB)\n",
        "history        2.0.0000000b from 1, 3.0.0000000a from 500\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, HasSubstr("  endpoint     node     state     in_time applied          lag     "
                              "lag_time since_ack copied\n"));
  EXPECT_THAT(text, HasSubstr("  cache-2:7600 00000000 following yes     3.0.0000000a/984 1.0 KiB "
                              "1.5s     40ms      0 B\n"));
  EXPECT_THAT(text, HasSubstr("  -            00000000 copying   no      -                -       "
                              "-        0         2.0 KiB\n"));
  EXPECT_THAT(text, Not(HasSubstr("source")));
  EXPECT_THAT(text, ::testing::EndsWith("from 500\n"));
}

TEST_F(ProgramReplicationTest, OneThatServesNothingSaysSoFirst) {
  node_.SetReplication(
      "role: NODE_ROLE_STOPPED epoch { term: 4 node: \"0000000a000000010000000000000001\" }");
  EXPECT_THAT(Text(), ::testing::StartsWith(
                          "role           stopped: it led, and heard of a higher epoch, "
                          "4.0.0000000a; it serves nothing until an operator says `replica of "
                          "HOST:PORT | none`\n"));
  EXPECT_EQ(Json({"replication"})["role"], "stopped");
  node_.SetReplication("role: NODE_ROLE_WAITING");
  EXPECT_THAT(Text(), ::testing::StartsWith("role           waiting: it led, was started again, "));
  EXPECT_EQ(Json({"replication"})["role"], "waiting");
}

TEST_F(ProgramReplicationTest, LossIsSaidInPlainWords) {
  node_.SetReplication("role: NODE_ROLE_PRIMARY failover_loss { everything: true }");
  EXPECT_THAT(Text(), HasSubstr("everything would be lost: no replica has a copy"));
  node_.SetReplication(
      "role: NODE_ROLE_PRIMARY failover_loss { sequences: 2 bytes: 128 at_least: true }");
  EXPECT_THAT(Text(),
              HasSubstr("at least 128 B of the log (2 sequences) would be lost: the replica "
                        "that has most is not connected"));
  node_.SetReplication("role: NODE_ROLE_PRIMARY failover_loss {}");
  EXPECT_THAT(Text(), HasSubstr("nothing would be lost: a replica has acknowledged all"));
  node_.SetReplication(kReplica);
  EXPECT_THAT(Text(), HasSubstr("at least 128 B of the log (2 sequences) would be lost if this "
                                "node took over"));
  node_.SetReplication("source {} failover_loss { at_least: true }");
  EXPECT_THAT(Text(), HasSubstr("nothing that this node has heard of, if it took over"));
  node_.SetReplication("source {} failover_loss { everything: true }");
  EXPECT_THAT(Text(), HasSubstr("everything would be lost if this node took over"));
}

TEST_F(ProgramReplicationTest, AReplicaShowsItsSource) {
  node_.SetReplication(kReplica);
  const std::string text = Text();
  for (const char* line :
       {"role           replica\n", "source         cache-1:7600, with the bus cache-1:17600\n",
        "state          following\n", "lag            128 B of the log (2 sequences)\n",
        "staleness      250ms\n", "position       none yet\n", "log            not open"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("last trouble")));
  node_.SetReplication(
      "source { endpoint: \"c:1\" trouble: \"\\033[31m gone\" copied_bytes: 2048 "
      "state: REPLICA_STATE_COPYING }");
  const std::string copying = Text();
  EXPECT_THAT(copying, HasSubstr("source         the node with the bus c:1\n"));
  EXPECT_THAT(copying, HasSubstr("copied         2.0 KiB\n"));
  EXPECT_THAT(copying, HasSubstr("staleness      not known\n"));
  EXPECT_THAT(copying, HasSubstr("last trouble   \\033[31m gone\n")) << "no orders to a terminal";
}

TEST_F(ProgramReplicationTest, JsonHasTheNamesOfTheContract) {
  node_.SetReplication(kPrimary);
  const nlohmann::json primary = Json({"replication"});
  EXPECT_EQ(primary["role"], "primary");
  EXPECT_EQ(primary["position"]["sequence"], 1000);
  EXPECT_EQ(primary["position"]["epoch"]["term"], 3);
  EXPECT_EQ(primary["history"][1]["first_sequence"], 500);
  EXPECT_EQ(primary["log"]["oldest_sequence"], 100);
  EXPECT_TRUE(primary["source"].is_null());
  EXPECT_EQ(primary["replicas"][0]["state"], "following");
  EXPECT_EQ(primary["replicas"][0]["lag"]["time_seconds"], 1.5);
  EXPECT_EQ(primary["replicas"][0]["applied"]["sequence"], 984);
  EXPECT_TRUE(primary["replicas"][1]["lag"].is_null());
  EXPECT_TRUE(primary["replicas"][1]["applied"].is_null());
  EXPECT_EQ(primary["failover_loss"]["bytes"], 1024);
  EXPECT_EQ(primary["counts"]["fell_behind"], 7);
  EXPECT_EQ(primary["counts"]["writers_refused"], 4);
  EXPECT_EQ(primary["log"]["writers_waiting"], 3);
  EXPECT_EQ(primary["log"]["writers_waiting_bytes"], 2048);
  EXPECT_EQ(primary["log"]["held_bytes"], 20480);
  node_.SetReplication(kReplica);
  const nlohmann::json replica = Json({"replication"});
  EXPECT_EQ(replica["source"]["client_endpoint"], "cache-1:7600");
  EXPECT_EQ(replica["source"]["staleness_seconds"], 0.25);
  EXPECT_TRUE(replica["source"]["lag"]["time_seconds"].is_null());
  EXPECT_EQ(replica["failover_loss"]["at_least"], true);
  EXPECT_TRUE(replica["position"].is_null());
}

TEST_F(ProgramReplicationTest, ADigestIsPrintedInHex) {
  node_.Put("k", "v");
  const Outcome all = Run({"digest"});
  EXPECT_EQ(all.code, kExitOk);
  EXPECT_EQ(all.out, std::string(32, 'f') + " of 1 entries\n");
  const nlohmann::json slot = Json({"digest", "--slot=7"});
  EXPECT_EQ(slot["digest"], "07070707070707070707070707070707");
  EXPECT_EQ(slot["entries"], 1);
  ExpectUsageError({"digest", "--slot=16384"}, "--slot");
  ExpectUsageError({"digest", "7"}, "'7' is one word too many");
}

}  // namespace
}  // namespace larder::cli
