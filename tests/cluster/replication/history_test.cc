#include "cluster/replication/history.h"

#include <gtest/gtest.h>

#include "cluster/replication/growing_history.h"
#include "cluster/replication/replication_state.h"

namespace larder::cluster {
namespace {

using Reach = History::Reach;

constexpr NodeId kA{1, 0};
constexpr NodeId kB{2, 0};

Epoch E(uint64_t term, NodeId node = kA) { return {term, 0, node}; }

History Of(std::vector<History::Beginning> beginnings) {
  return *History::Create({.beginnings = std::move(beginnings)});
}

TEST(NodeIdTest, TextIs32Digits) {
  const NodeId id{0x0123456789abcdef, 0xf};
  EXPECT_EQ(id.ToText(), "0123456789abcdef000000000000000f");
  EXPECT_EQ(NodeId::FromText(id.ToText()), id);
  EXPECT_FALSE(NodeId::FromText("0123").has_value());
  EXPECT_FALSE(NodeId::FromText("0123456789abcdef00000000000000-f").has_value());
  EXPECT_FALSE(NodeId::FromText("0123456789abcdef000000000000000g").has_value());
}

TEST(EpochTest, TermThenIncarnationThenNode) {
  EXPECT_LT((Epoch{1, 9, kB}), (Epoch{2, 0, kA}));
  EXPECT_LT((Epoch{1, 1, kB}), (Epoch{1, 2, kA}));
  EXPECT_LT((Epoch{1, 1, kA}), (Epoch{1, 1, kB}));
  EXPECT_GT((Epoch{1, 5, kB}).NextTerm(kA), (Epoch{1, 6, kB}));
  EXPECT_GT((Epoch{1, 5, kB}).NextIncarnation(kA), (Epoch{1, 5, kB}));
}

TEST(HistoryTest, ContinuesOnlyInsideAnEpochThatItHas) {
  const History history = Of({{E(1), 1}, {E(3), 300}});
  EXPECT_TRUE(history.Continues({E(1), 290}, 500));
  EXPECT_TRUE(history.Continues({E(1), 300}, 500));
  EXPECT_FALSE(history.Continues({E(1), 301}, 500)) << "has more of the epoch than there is";
  EXPECT_FALSE(history.Continues({E(2), 250}, 500)) << "an epoch that is not in it";
  EXPECT_TRUE(history.Continues({E(3), 500}, 500));
  EXPECT_FALSE(history.Continues({E(3), 501}, 500));
  EXPECT_FALSE(history.Continues({E(3), 299}, 500)) << "before the epoch began";
}

TEST(HistoryTest, EpochAtIsThatOfTheLastRecord) {
  const History history = Of({{E(1), 1}, {E(3), 300}});
  EXPECT_EQ(history.EpochAt(1), E(1)) << "the data that was there when numbering began";
  EXPECT_EQ(history.EpochAt(300), E(1)) << "none of the next epoch is there";
  EXPECT_EQ(history.EpochAt(301), E(3));
}

// position_across_epochs (rule 19).
TEST(HistoryTest, ALostPositionIsNotReachedByALaterEpoch) {
  const History history = Of({{E(1), 1}, {E(2), 480}});
  EXPECT_EQ(history.Reached({E(1), 500}, 520), Reach::kLost);
  EXPECT_EQ(history.Reached({E(1), 480}, 520), Reach::kReached);
  EXPECT_EQ(history.Reached({E(2), 520}, 520), Reach::kReached);
  EXPECT_EQ(history.Reached({E(2), 521}, 520), Reach::kNotYet);
  EXPECT_EQ(history.Reached({E(3), 500}, 520), Reach::kNotYet);
  EXPECT_EQ(history.Reached({E(1, kB), 100}, 520), Reach::kLost) << "never went through it";
}

TEST(HistoryTest, ForgetsTheOldestAndSaysSo) {
  History history;
  for (uint64_t term = 1; term <= History::kEpochsMax + 1; ++term) {
    history.Begin(E(term), term * 10);
  }
  EXPECT_EQ(history.beginnings().size(), History::kEpochsMax);
  EXPECT_FALSE(history.Continues({E(1), 15}, 10000));
  EXPECT_EQ(history.Reached({E(1), 15}, 10000), Reach::kUnknown);
  EXPECT_TRUE(history.Continues({E(2), 25}, 10000));
}

TEST(HistoryTest, RefusesWhatIsNone) {
  EXPECT_FALSE(History::Create({.beginnings = {{Epoch(), 1}}}).ok());
  EXPECT_FALSE(History::Create({.beginnings = {{E(2), 1}, {E(1), 5}}}).ok());
  EXPECT_FALSE(History::Create({.beginnings = {{E(1), 1}, {E(1), 5}}}).ok());
  EXPECT_FALSE(History::Create({.beginnings = {{E(1), 5}, {E(2), 4}}}).ok());
  std::vector<History::Beginning> many;
  for (uint64_t term = 1; term <= History::kEpochsMax + 1; ++term) many.push_back({E(term), term});
  const auto refused = History::Create({.beginnings = many});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(), "a history of 65 epochs; at most 64");
}

TEST(GrowingHistoryTest, AnEpochEntersWithItsFirstRecord) {
  GrowingHistory growing(Of({{E(1), 1}, {E(2), 100}}), 90);
  EXPECT_FALSE(growing.history().Contains(E(2)));
  growing.Advance(100);
  EXPECT_FALSE(growing.history().Contains(E(2)));
  EXPECT_EQ(growing.Reached({E(1), 120}, 100), Reach::kLost) << "it is known where the epoch ends";
  growing.Advance(101);
  EXPECT_TRUE(growing.history().Contains(E(2)));
}

TEST(ReplicationStateTest, HistoryCoversOnlyDataThatIsThere) {
  DurableReplication found{E(2), Of({{E(1), 1}, {E(2), 100}}), false};
  const ReplicationState state(kA, found, 90);
  EXPECT_FALSE(state.history().Contains(E(2)));
  EXPECT_EQ(state.fence(), E(2)) << "what was promised stays";
  EXPECT_FALSE(ReplicationState(kA, found, std::nullopt).has_data());
}

TEST(ReplicationStateTest, PromotionKeepsTheHistory) {
  ReplicationState state(kA, {E(1, kB), Of({{E(1, kB), 1}}), false}, 90);
  state.Announce(E(2, kB), 95);
  state.Open(E(3), 90);
  EXPECT_EQ(state.history(), Of({{E(1, kB), 1}, {E(3), 90}}));
  EXPECT_TRUE(state.history().Continues({E(1, kB), 80}, 90));
}

// Found by the simulator, seed 16992: a replica was told of an epoch, which then was given up
// without a record; it took the records of another primary for those of that epoch.
TEST(ReplicationStateTest, AnEpochInVainEndsTheLinksThatWereToldOfIt) {
  ReplicationState state(kA, {E(1, kB), Of({{E(1, kB), 1}}), false}, 90);
  state.Open(E(2), 90);
  const uint64_t generation = state.generation();
  state.Close(90);
  EXPECT_FALSE(state.history().Contains(E(2)));
  EXPECT_GT(state.generation(), generation);
  state.Open(E(3), 90);
  const uint64_t with_records = state.generation();
  state.Close(95);
  EXPECT_EQ(state.generation(), with_records);
}

TEST(ReplicationStateTest, IsUnsavedUntilItWasSaved) {
  ReplicationState state(kA, {E(2), Of({{E(2), 1}}), false}, 90);
  EXPECT_FALSE(state.Unsaved().has_value()) << "it was found on disk";
  state.RaiseFence(E(4));
  ASSERT_TRUE(state.Unsaved().has_value());
  EXPECT_EQ(state.Unsaved()->fence, E(4)) << "asking does not make it durable";
  const DurableReplication older = *state.Unsaved();
  state.set_commanded(true);
  state.NoteSaved(older);
  ASSERT_TRUE(state.Unsaved().has_value()) << "it has changed since";
  state.NoteSaved(*state.Unsaved());
  EXPECT_FALSE(state.Unsaved().has_value());
  state.RaiseFence(E(3));
  EXPECT_EQ(state.fence(), E(4));
  EXPECT_FALSE(state.Unsaved().has_value());
}

TEST(ReplicationStateTest, TheFenceIsNeverBelowTheEpochsOfTheData) {
  ReplicationState state(kA, {E(2), Of({{E(1), 1}, {E(3), 50}}), false}, 90);
  EXPECT_EQ(state.fence(), E(3));
  EXPECT_EQ(state.Unsaved()->fence, E(3));
}

TEST(ReplicationStateTest, DataThatIsGoneHasToBeSaved) {
  ReplicationState state(kA, {E(2), Of({{E(2), 1}}), false}, std::nullopt);
  ASSERT_TRUE(state.Unsaved().has_value());
  EXPECT_TRUE(state.Unsaved()->history.empty());
}

TEST(ReplicationStateTest, SaysNothingOfWhatItHasForgotten) {
  ReplicationState state(kA, {E(2), Of({{E(2), 1}}), false}, 90);
  const uint64_t generation = state.generation();
  state.Forget();
  EXPECT_FALSE(state.has_data());
  EXPECT_GT(state.generation(), generation) << "who follows this node must not go on";
  EXPECT_EQ(state.fence(), E(2));
  ASSERT_TRUE(state.Unsaved().has_value());
  EXPECT_TRUE(state.Unsaved()->history.empty());
}

TEST(ReplicationStateTest, AnOpeningIsSavedBeforeItIsDone) {
  using Opening = ReplicationState::Opening;
  for (const Opening opening : {Opening::kGoOn, Opening::kAnew, Opening::kEmpty}) {
    ReplicationState state(kA, {E(2), Of({{E(2), 1}}), true}, 90);
    const DurableReplication opened = state.WhenOpened(opening, E(3), 95);
    EXPECT_EQ(state.fence(), E(2));
    EXPECT_FALSE(state.leads());
    state.NoteSaved(opened);
    switch (opening) {
      case Opening::kGoOn:
        state.Open(E(3), 95);
        break;
      case Opening::kAnew:
        state.OpenAnew(E(3), 95);
        break;
      case Opening::kEmpty:
        state.OpenEmpty(E(3), 95);
        break;
    }
    EXPECT_FALSE(state.Unsaved().has_value());
    EXPECT_EQ(state.history(), opened.history);
  }
}

}  // namespace
}  // namespace larder::cluster
