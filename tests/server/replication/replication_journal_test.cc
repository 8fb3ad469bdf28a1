#include "server/replication/replication_journal.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

using cluster::LinkId;
using cluster::Millis;
using cluster::NodeId;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Severity = ReplicationNotice::Severity;

constexpr NodeId kNode{0x1234567800000000, 1};
constexpr cluster::Epoch kEpoch{3, 0, kNode};

class ReplicationJournalTest : public testing::Test {
 protected:
  // What was said since the last time, warnings with a "!" before them.
  std::vector<std::string> Said() { return std::exchange(said_, {}); }
  void Pass(int64_t ms) { now_ += Millis(ms); }

  static cluster::ReplicaMessage HelloOf(NodeId node, const std::string& endpoint) {
    cluster::Hello hello;
    hello.node = node;
    hello.endpoint = endpoint;
    return hello;
  }
  void Come(LinkId link, NodeId node = kNode) {
    journal_.Hears(link, "ipv4:10.0.0.7:40112", HelloOf(node, "cache-2:7600"));
  }
  static cluster::Welcome WelcomeOf(cluster::Welcome::Kind kind) {
    cluster::Welcome welcome;
    welcome.kind = kind;
    welcome.from = 700;
    return welcome;
  }
  static cluster::Refuse NotReady() {
    return {cluster::Refuse::Reason::kNotReady, "it has no data", kEpoch};
  }
  cluster::SinkReport Connected() {
    sink_.follows = true;
    sink_.is_connected = true;
    sink_.source = kNode;
    sink_.source_endpoint = "cache-1:7600";
    sink_.source_epoch = kEpoch;
    return sink_;
  }
  void Lose(const std::string& why) {
    sink_.is_connected = false;
    sink_.trouble = cluster::SinkTrouble::kDisconnected;
    sink_.detail = why;
    ++sink_.streams_lost;
    journal_.See(sink_);
  }

  cluster::BootTime now_{Millis(5000)};
  std::vector<std::string> said_;
  cluster::SinkReport sink_;
  ReplicationJournal journal_{
      {.listener =
           [this](const ReplicationNotice& notice) {
             said_.push_back((notice.severity == Severity::kWarning ? "!" : "") + notice.text);
           },
       .now = [this] { return now_; },
       .entries = [] { return uint64_t{42}; }}};
};

TEST_F(ReplicationJournalTest, TellsHowAReplicaFollowsLosesItsSourceAndGoesOn) {
  journal_.Follows("cache-1:17600", /*commanded=*/true);
  journal_.See(sink_);
  EXPECT_THAT(Said(), ElementsAre("replication: follows the node with the bus cache-1:17600, as it "
                                  "was told to"));
  Connected();
  sink_.copies_begun = 1;
  sink_.why_copied = "it has no data yet";
  journal_.See(sink_);
  EXPECT_THAT(Said(), ElementsAre("replication: connected to its source cache-1:7600 (node "
                                  "12345678), in epoch 3.0.12345678: a full copy begins, since it "
                                  "has no data yet"));
  Pass(1500);
  sink_.copies_installed = 1;
  journal_.See(sink_);
  journal_.See(sink_);
  EXPECT_THAT(Said(),
              ElementsAre("replication: installed the copy, 42 entries, 1.5s after it began"));
  Lose("the peer is gone");
  EXPECT_THAT(Said(), ElementsAre("!replication: lost the source with the bus cache-1:17600: "
                                  "disconnected: the peer is gone; goes on trying"));
  Connected();
  sink_.continued = 1;
  journal_.See(sink_);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("goes on from where this node is")));
}

TEST_F(ReplicationJournalTest, ASourceThatIsNotReachedIsSaidOnceInTenSecondsAndHowOften) {
  journal_.Follows("cache-1:17600", /*commanded=*/false);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("as before its restart")));
  for (int i = 0; i < 100; ++i) {
    Lose(absl::StrCat("connection refused after ", i, " ms"));
    Pass(99);
  }
  EXPECT_THAT(Said(), ElementsAre(AllOf(HasSubstr("!replication: cannot follow"),
                                        HasSubstr("connection refused after 0 ms"))));
  Lose("another reason");
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("another reason")));
  Pass(100);
  Lose("connection refused after 5 ms");
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("(and 99 times more since this was said)")));
  Pass(10000);
  Lose("connection refused after 6 ms");
  EXPECT_THAT(Said(), ElementsAre(testing::Not(HasSubstr("times more"))));
}

// All of this in one look: the order in which it happened.
TEST_F(ReplicationJournalTest, WhatComesTogetherIsSaidInOrder) {
  journal_.Follows("cache-1:17600", /*commanded=*/true);
  Said();
  Connected();
  sink_.copies_begun = 1;
  sink_.is_connected = false;
  sink_.trouble = cluster::SinkTrouble::kCopyFailed;
  sink_.detail = "needs more than --memory";
  sink_.streams_lost = 1;
  journal_.See(sink_);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("a full copy begins"),
                                  HasSubstr("lost the source with the bus cache-1:17600: the copy "
                                            "could not be held: needs more than --memory")));
  Connected();
  sink_.streams_lost = 2;
  sink_.copies_resumed = 1;
  sink_.copied_bytes = 4096;
  journal_.See(sink_);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("cannot follow"),
                                  HasSubstr("the copy that was cut goes on at 4096 bytes")));
}

TEST_F(ReplicationJournalTest, TellsOfReplicasThatComeAndGo) {
  using Kind = cluster::Welcome::Kind;
  Come(LinkId{1});
  EXPECT_THAT(Said(), IsEmpty());
  journal_.Says(LinkId{1}, WelcomeOf(Kind::kContinue));
  journal_.Says(LinkId{1}, cluster::Heartbeat{});
  EXPECT_THAT(Said(), ElementsAre("replication: replica cache-2:7600 (node 12345678, by "
                                  "ipv4:10.0.0.7:40112) came: goes on from 700"));
  journal_.Ends(LinkId{1}, absl::UnavailableError("silent for too long"));
  EXPECT_THAT(Said(), ElementsAre("!replication: lost replica cache-2:7600 (node 12345678, by "
                                  "ipv4:10.0.0.7:40112): silent for too long"));
  Come(LinkId{2});
  cluster::Welcome copy = WelcomeOf(Kind::kCopyAnew);
  copy.detail = "the log is too short";
  journal_.Says(LinkId{2}, copy);
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("takes a full copy of 42 entries, since the log is too "
                                            "short")));
  journal_.Ends(LinkId{2}, absl::OkStatus());
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("it ended the stream")));
  Come(LinkId{3});
  journal_.Says(LinkId{3}, WelcomeOf(Kind::kCopyOnward));
  Come(LinkId{4});
  journal_.Says(LinkId{4}, WelcomeOf(Kind::kCopyAgain));
  EXPECT_THAT(Said(), ElementsAre(HasSubstr("goes on with a copy that was cut"),
                                  HasSubstr("goes once more over a copy that was cut")));
  journal_.Ends(LinkId{9}, absl::UnavailableError("it never said who it is"));
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(ReplicationJournalTest, ARefusalIsSaidOnceAndItsEndNotAtAll) {
  for (uint64_t i = 1; i <= 50; ++i) {
    Come(LinkId{i});
    journal_.Says(LinkId{i}, NotReady());
    journal_.Ends(LinkId{i}, absl::UnavailableError("refused"));
    Pass(100);
  }
  EXPECT_THAT(Said(), ElementsAre(AllOf(HasSubstr("!replication: refused replica cache-2:7600"),
                                        HasSubstr("the source is not ready: it has no data"))));
  Come(LinkId{51}, NodeId{7, 7});
  journal_.Says(LinkId{51}, NotReady());
  EXPECT_EQ(Said().size(), 1u) << "of another replica";
}

TEST_F(ReplicationJournalTest, WhoCallsItselfByManyNamesDoesNotFillTheLog) {
  for (uint64_t i = 1; i <= 1000; ++i) {
    Come(LinkId{i}, NodeId{i << 32, i});
    journal_.Says(LinkId{i}, NotReady());
    journal_.Ends(LinkId{i}, absl::UnavailableError("refused"));
  }
  EXPECT_EQ(Said().size(), LineThrottle::kLinesMax);
  Pass(LineThrottle::kPeriod.count());
  Come(LinkId{1001});
  journal_.Says(LinkId{1001}, NotReady());
  EXPECT_EQ(Said().size(), 1u);
}

TEST_F(ReplicationJournalTest, TellsWhatTheNodeIs) {
  journal_.Waits(Millis(3000));
  journal_.LeadsAgain();
  journal_.HandsOver({kNode, {kEpoch, 700}, "cache-2:17600"});
  journal_.OpensLog(kEpoch, 1);
  journal_.ExceedsFence({4, 0, kNode}, {5, 0, kNode}, 800);
  journal_.IsFenced({6, 0, kNode});
  journal_.Leads({7, 0, kNode}, 900);
  journal_.CannotLead(absl::UnavailableError("no disk"));
  EXPECT_THAT(
      Said(),
      ElementsAre(HasSubstr("waits 3s (--restart_wait)"), HasSubstr("so it leads with none"),
                  HasSubstr("hands over to node 12345678 with the bus cache-2:17600, which is at "
                            "3.0.12345678/700"),
                  HasSubstr("in epoch 3.0.12345678 from sequence 1"),
                  AllOf(HasSubstr("leads on in epoch 5.0.12345678 from sequence 800"),
                        HasSubstr("bound to 4.0.12345678")),
                  AllOf(HasSubstr("!replication: fenced by epoch 6.0.12345678"),
                        HasSubstr("larder replica of HOST:PORT | none")),
                  HasSubstr("leads from now on, in epoch 7.0.12345678 from sequence 900"),
                  AllOf(HasSubstr("!replication: should lead"), HasSubstr("no disk"))));
  journal_.Leads(kEpoch, 0);
  EXPECT_THAT(Said(), ElementsAre("replication: leads from now on, in epoch 3.0.12345678"));
  for (int i = 0; i < 20; ++i) journal_.CannotPersist(absl::UnavailableError("no disk"));
  EXPECT_THAT(Said(),
              ElementsAre(AllOf(HasSubstr("cannot be written to disk"), HasSubstr("no disk"))));
}

// Statuses are another node's words.
TEST_F(ReplicationJournalTest, ALineStaysOneLineAndHasAnEnd) {
  journal_.Follows("cache-1:17600", /*commanded=*/true);
  Said();
  Lose("gone\nI0101 all is well\x1b[2J" + std::string(5000, 'x'));
  const std::vector<std::string> said = Said();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], HasSubstr("gone?I0101 all is well?[2J"));
  EXPECT_LE(said[0].size(), 2100u);
}

TEST(ReplicationJournalWithoutListenerTest, SaysNothingToNobody) {
  ReplicationJournal journal({.listener = {},
                              .now = [] { return cluster::BootTime(); },
                              .entries = [] { return uint64_t{0}; }});
  cluster::SinkReport sink;
  sink.copies_installed = 1;
  journal.See(sink);
  journal.Leads(kEpoch, 1);
}

}  // namespace
}  // namespace larder::server
