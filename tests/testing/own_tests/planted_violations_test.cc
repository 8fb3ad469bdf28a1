#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/testing/history/checker.h"
#include "tests/testing/own_tests/history_builder.h"

namespace larder::history {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<FindingKind> KindsOf(const HistoryBuilder& builder, const CheckOptions& options = {}) {
  std::vector<FindingKind> kinds;
  const Report report = Check(builder.history(), options);
  for (const Finding& finding : report.findings) kinds.push_back(finding.kind);
  EXPECT_EQ(report.findings_total, report.findings.size()) << report.ToText();
  return kinds;
}

std::string TextOf(const HistoryBuilder& builder) { return Check(builder.history(), {}).ToText(); }

class PlantedViolations : public ::testing::Test {
 protected:
  std::string Set(int begin, int end) { return HistoryBuilder::IdOf(builder_.Set(begin, end)); }
  void Expect(FindingKind kind, const CheckOptions& options = {}) {
    EXPECT_THAT(KindsOf(builder_, options), ElementsAre(kind)) << TextOf(builder_);
  }
  void ExpectNothing(const CheckOptions& options = {}) {
    EXPECT_THAT(KindsOf(builder_, options), IsEmpty()) << TextOf(builder_);
  }

  HistoryBuilder builder_;
};

TEST_F(PlantedViolations, AnAcknowledgedSetThatIsMissing) {
  Set(0, 10);
  builder_.Get(20, 30, "");
  Expect(FindingKind::kLost);
  EXPECT_THAT(TextOf(builder_), HasSubstr("lost: key 'key': get 1.2 [0.020000..0.030000 s by node, "
                                          "not found] finds nothing"));
  EXPECT_THAT(TextOf(builder_), HasSubstr("set 1.1 [0.000000..0.010000 s by node, stored"));
}

TEST_F(PlantedViolations, AMissThatOverlapsTheSetIsNone) {
  Set(0, 10);
  builder_.Get(5, 30, "");
  ExpectNothing();
}

TEST_F(PlantedViolations, AMissThatADeleteOfUnknownOutcomeExplains) {
  const std::string value = Set(0, 10);
  MakeUnknown(builder_.Delete(12, 13));
  builder_.Get(15, 16, value);
  builder_.Get(20, 30, "");
  ExpectNothing();
  Expect(FindingKind::kLost, {.unknown_lasts_ns = 2'000'000});
}

TEST_F(PlantedViolations, AnAcknowledgedSetThatIsNotThereInTheEnd) {
  const std::string first = Set(0, 10);
  Set(20, 30);
  builder_.Final(40, 50, first);
  Expect(FindingKind::kLost);
}

TEST_F(PlantedViolations, AnOverwrittenValueThatIsBack) {
  const std::string first = Set(0, 10);
  Set(20, 30);
  builder_.Get(40, 50, first);
  Expect(FindingKind::kResurrected);
}

TEST_F(PlantedViolations, ADeletedValueThatIsBack) {
  const std::string first = Set(0, 10);
  builder_.Delete(20, 30);
  builder_.Get(40, 50, first);
  Expect(FindingKind::kResurrected);
}

TEST_F(PlantedViolations, AnEvictedValueMayBeMissingButNotBack) {
  const CheckOptions evicting{.evictions_allowed = true};
  const std::string first = Set(0, 10);
  builder_.Get(20, 30, "");
  ExpectNothing(evicting);
  builder_.Get(40, 50, first);
  Expect(FindingKind::kOutOfOrder, evicting);
}

TEST_F(PlantedViolations, AnExpiredValueThatIsBack) {
  Operation& set = builder_.Set(0, 10);
  set.ttl_ms = 1000;
  const std::string value = HistoryBuilder::IdOf(set);
  builder_.Get(1100, 1105, value);
  ExpectNothing();
  builder_.Get(1200, 1210, value);
  Expect(FindingKind::kResurrected);
}

TEST_F(PlantedViolations, AValueThatExpiredTooEarly) {
  builder_.Set(0, 10).ttl_ms = 1000;
  builder_.Get(800, 850, "");
  Expect(FindingKind::kLost);
}

TEST_F(PlantedViolations, AnExpiryThatATouchPutOff) {
  Operation& set = builder_.Set(0, 10);
  set.ttl_ms = 1000;
  const std::string value = HistoryBuilder::IdOf(set);
  const uint64_t version = set.version;
  builder_.Touch(20, 30, version, 5000);
  builder_.Get(2000, 2010, value);
  ExpectNothing();
  builder_.Get(2020, 2030, "");
  Expect(FindingKind::kLost);
}

TEST_F(PlantedViolations, WhatNobodySawMayHaveExpired) {
  Set(0, 10);
  MakeUnknown(builder_.Set(20, 30));
  // Its version is one that only the set of unknown outcome can have.
  builder_.Touch(40, 50, 77, 1000);
  builder_.Get(1200, 1210, "");
  ExpectNothing();
  builder_.history().operations[2].ttl_ms = 0;
  Expect(FindingKind::kLost);
}

TEST_F(PlantedViolations, ReadsThatGoBack) {
  const std::string first = Set(0, 10);
  const std::string second = HistoryBuilder::IdOf(builder_.Set(0, 100));
  builder_.Get(20, 30, first);
  builder_.Get(40, 50, second);
  ExpectNothing();
  builder_.Get(60, 70, first);
  Expect(FindingKind::kOutOfOrder);
}

TEST_F(PlantedViolations, AMissBetweenTwoSightings) {
  const std::string first = Set(0, 10);
  builder_.Get(20, 30, "");
  builder_.Get(40, 50, first);
  Expect(FindingKind::kOutOfOrder);
}

TEST_F(PlantedViolations, AReadThatIsStalerThanItsBound) {
  const std::string first = Set(0, 10);
  Set(1000, 1010);
  builder_.Get(1500, 1510, first).max_staleness_ms = 500;
  ExpectNothing();
  builder_.Get(1700, 1710, first).max_staleness_ms = 500;
  Expect(FindingKind::kResurrected);
}

TEST_F(PlantedViolations, AReadBehindTheWriteThatItAskedFor) {
  const std::string first = Set(0, 10);
  const LogPosition position{0, 1, 77};
  builder_.Set(20, 30).position = position;
  Operation& read = builder_.Get(40, 50, first);
  read.max_staleness_ms = 60'000;
  ExpectNothing();
  builder_.history().operations.back().min_position = position;
  Expect(FindingKind::kOutOfOrder);
}

TEST_F(PlantedViolations, ValuesThatNobodyWrote) {
  builder_.Get(0, 10, "7.7");
  Expect(FindingKind::kPhantom);
}

TEST_F(PlantedViolations, AValueThatWasRefused) {
  Operation& set = builder_.Set(0, 10);
  set.outcome = Outcome::kNotApplied;
  const std::string value = HistoryBuilder::IdOf(set);
  builder_.Get(20, 30, value);
  Expect(FindingKind::kPhantom);
}

TEST_F(PlantedViolations, AValueBeforeItIsWritten) {
  builder_.Get(0, 10, "1.2");
  Set(20, 30);
  Expect(FindingKind::kPhantom);
}

TEST_F(PlantedViolations, AValueOfAnotherKey) {
  builder_.history().keys.push_back("other");
  Operation& set = builder_.Set(0, 10);
  set.key = 1;
  const std::string value = HistoryBuilder::IdOf(set);
  builder_.Get(20, 30, value);
  Expect(FindingKind::kPhantom);
}

TEST_F(PlantedViolations, ADamagedValue) {
  builder_.Get(0, 10, DescribeValue("[1.1:20]aaaa"));
  Expect(FindingKind::kTorn);
}

TEST_F(PlantedViolations, ADeleteThatFindsNothingToDelete) {
  Set(0, 10);
  builder_.Delete(20, 30);
  builder_.Delete(40, 50);
  Expect(FindingKind::kPhantom);
}

TEST_F(PlantedViolations, TwoDeletesOfOneValue) {
  Set(0, 10);
  builder_.Delete(20, 30);
  builder_.Delete(25, 35);
  Expect(FindingKind::kPhantom);
}

TEST_F(PlantedViolations, TwoThatBothFoundTheKeyAbsent) {
  builder_.Set(0, 10).condition = SetCondition::kIfAbsent;
  builder_.Set(5, 15).condition = SetCondition::kIfAbsent;
  Expect(FindingKind::kOutOfOrder);
  ExpectNothing({.evictions_allowed = true});
}

TEST_F(PlantedViolations, ACounterThatForgetsAnIncrement) {
  const std::string creator = HistoryBuilder::IdOf(builder_.Increment(0, 10, "", true));
  builder_.Increment(20, 30, "#" + creator + "+1");
  builder_.Increment(40, 50, "#" + creator + "+1");
  Expect(FindingKind::kCounter);
}

TEST_F(PlantedViolations, ACounterBelowWhatIsAcknowledged) {
  const std::string creator = HistoryBuilder::IdOf(builder_.Increment(0, 10, "", true));
  builder_.Increment(20, 30, "#" + creator + "+1");
  builder_.Get(40, 50, "#" + creator + "+0");
  Expect(FindingKind::kCounter);
}

TEST_F(PlantedViolations, ACounterAboveWhatWasAsked) {
  const std::string creator = HistoryBuilder::IdOf(builder_.Increment(0, 10, "", true));
  builder_.Get(40, 50, "#" + creator + "+1");
  Expect(FindingKind::kCounter);
}

TEST_F(PlantedViolations, ACounterWithAnIncrementOfUnknownOutcome) {
  const std::string creator = HistoryBuilder::IdOf(builder_.Increment(0, 10, "", true));
  MakeUnknown(builder_.Increment(20, 30, "#"));
  builder_.Get(40, 50, "#" + creator + "+1");
  ExpectNothing();
  builder_.Get(60, 70, "#" + creator + "+2");
  Expect(FindingKind::kCounter);
}

TEST_F(PlantedViolations, AnAppendThatIsGone) {
  const std::string first = Set(0, 10);
  const std::string second = HistoryBuilder::IdOf(builder_.Append(20, 30));
  const std::string third = HistoryBuilder::IdOf(builder_.Append(40, 50));
  builder_.Get(60, 70, first + "," + second + "," + third);
  ExpectNothing();
  builder_.Get(80, 90, first + "," + third);
  EXPECT_THAT(KindsOf(builder_), ::testing::Not(IsEmpty()));
}

TEST_F(PlantedViolations, AnAppendThatNobodyEverSaw) {
  const std::string first = Set(0, 10);
  builder_.Append(20, 30);
  builder_.Final(40, 50, first);
  Expect(FindingKind::kLost);
}

TEST_F(PlantedViolations, TwoWritesOfOneVersion) {
  builder_.Set(0, 10).version = 5;
  builder_.Set(20, 30).version = 5;
  const std::vector<FindingKind> kinds = KindsOf(builder_);
  EXPECT_THAT(kinds, ElementsAre(FindingKind::kDuplicate, FindingKind::kDuplicate));
}

TEST_F(PlantedViolations, TwoWritesAtOnePosition) {
  builder_.Set(0, 10).position = {0, 1, 8};
  builder_.Set(5, 30).position = {0, 1, 8};
  Expect(FindingKind::kDuplicate);
}

TEST_F(PlantedViolations, PositionsAgainstTheOrderOfTime) {
  builder_.Set(0, 10).position = {0, 1, 9};
  builder_.Set(20, 30).position = {0, 1, 8};
  Expect(FindingKind::kPositionOrder);
}

TEST_F(PlantedViolations, OneVersionReplacedTwice) {
  const uint64_t version = builder_.Set(0, 10).version;
  builder_.Set(20, 40).condition_version = version;
  builder_.Set(25, 45).condition_version = version;
  Expect(FindingKind::kOutOfOrder);
}

TEST_F(PlantedViolations, ALeaseThatWasVoid) {
  Operation& lease = builder_.Get(0, 10, "");
  lease.kind = OperationKind::kLease;
  lease.is_granted = true;
  const OperationId token = lease.id;
  Set(20, 30);
  Operation& set = builder_.Set(40, 50);
  set.condition = SetCondition::kLease;
  set.lease = token;
  Expect(FindingKind::kLease);
}

TEST_F(PlantedViolations, NodesThatDiffer) {
  builder_.history().nodes.push_back("replica");
  MakeUnknown(builder_.Set(0, 10));
  builder_.Final(20, 30, "");
  builder_.Final(20, 30, "1.1").node = 1;
  Expect(FindingKind::kDiverged);
}

class Losses : public PlantedViolations {};

TEST_F(Losses, APromotionMayLoseWhatOnlyMemoryAcknowledged) {
  const std::string first = Set(0, 10);
  Set(20, 30);
  builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  builder_.Final(300, 310, first);
  ExpectNothing();
}

TEST_F(Losses, APromotionMayNotLoseWhatAReplicaHolds) {
  const std::string first = Set(0, 10);
  Operation& second = builder_.Set(20, 30);
  second.ack = AckLevel::kReplicas;
  second.replicas = 1;
  builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  builder_.Get(300, 310, first);
  Expect(FindingKind::kLost);
  builder_.history().events.front().nodes_lost = 2;
  ExpectNothing();
}

TEST_F(Losses, WhatAReplicaHoldsMayNotBeMissingAfterAPromotion) {
  Operation& set = builder_.Set(20, 30);
  set.ack = AckLevel::kReplicas;
  set.replicas = 1;
  builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  builder_.Get(300, 310, "");
  Expect(FindingKind::kLost);
}

TEST_F(Losses, WhatIsAtOrBeforeThePromotedPositionMayNotBeLost) {
  builder_.Set(20, 30).position = {0, 1, 10};
  LossEvent& event = builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  builder_.Get(300, 310, "");
  ExpectNothing();
  event.kept = {0, 1, 10};
  Expect(FindingKind::kLost);
  event.kept = {0, 1, 9};
  ExpectNothing();
}

TEST_F(Losses, WhatIsWrittenAfterALossIsNotLostByIt) {
  builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  Set(300, 310);
  builder_.Get(320, 330, "");
  Expect(FindingKind::kLost);
}

TEST_F(Losses, TheEpochTellsAtWhichSideAWriteIs) {
  builder_.Event(100, 200, LossEvent::Loses::kSuffix).new_epoch = 2;
  Operation& set = builder_.Set(150, 160);
  set.position = {0, 1, 10};
  builder_.Get(300, 310, "");
  ExpectNothing();
  builder_.history().operations.front().position = {0, 2, 10};
  Expect(FindingKind::kLost);
}

TEST_F(Losses, OnlyOneValueComesBack) {
  const std::string first = Set(0, 10);
  const std::string second = Set(20, 30);
  builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  builder_.Get(300, 310, first);
  ExpectNothing();
  builder_.Get(320, 330, second);
  Expect(FindingKind::kResurrected);
}

TEST_F(Losses, NothingComesBackWhenEverythingWasLost) {
  const std::string first = Set(0, 10);
  builder_.Event(100, 200, LossEvent::Loses::kEverything);
  builder_.Get(300, 310, "");
  ExpectNothing();
  builder_.history().operations.back().done = true;
  builder_.history().operations.back().state = first;
  Expect(FindingKind::kResurrected);
}

TEST_F(Losses, APlannedFailoverLosesNothing) {
  const std::string first = Set(0, 10);
  Set(20, 30);
  builder_.Event(100, 200, LossEvent::Loses::kNothing);
  builder_.Final(300, 310, first);
  Expect(FindingKind::kLost);
}

TEST_F(Losses, APromotionMayTakeTheEndOfAValueAndOfACounter) {
  const std::string first = Set(0, 10);
  const std::string second = HistoryBuilder::IdOf(builder_.Append(20, 30));
  builder_.Get(40, 50, first + "," + second);
  builder_.Event(100, 200, LossEvent::Loses::kSuffix);
  builder_.Get(300, 310, first);
  const std::string third = HistoryBuilder::IdOf(builder_.Append(320, 330));
  builder_.Get(340, 350, first + "," + third);
  ExpectNothing();
}

}  // namespace
}  // namespace larder::history
