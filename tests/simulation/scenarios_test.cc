// The interleavings that earlier wordings of the rules allowed, by their names. Each is sound as
// things are; where a rule is left out (a planted fault), the same steps lead to a violation.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/simulation/scenario.h"

namespace larder::simulation {
namespace {

NodeOptions Options(PlantedFault fault = PlantedFault::kNone) {
  NodeOptions options;
  options.ring = 1000;
  options.hold_lag = 300;
  options.fault = fault;
  return options;
}

// The story, with the rule and without it.
void ExpectFaultMatters(PlantedFault fault, size_t nodes,
                        const std::function<void(Scenario*)>& story,
                        NodeOptions options = Options()) {
  Scenario sound(nodes, options);
  story(&sound);
  EXPECT_FALSE(sound.violation().has_value()) << *sound.violation();
  options.fault = fault;
  Scenario faulty(nodes, options);
  story(&faulty);
  EXPECT_TRUE(faulty.violation().has_value()) << "the story does not need the rule";
}

void CrashAndPromote(Scenario* s, size_t old_primary, size_t new_primary) {
  s->node(old_primary).Crash(SimulatedNode::Loss::kNothing);
  s->node(new_primary).Promote({}, {});
  ASSERT_TRUE(s->RunUntil([&] { return s->node(new_primary).is_open(); }));
}

// 1 is behind, 2 has more of the epoch; 1 leads; 2 must not continue.
void TwoHasMoreThanTheNewPrimary(Scenario* s) {
  s->SetMany(0, 20, "before");
  s->Run(100);
  s->HoldBack(0, 1);
  s->SetMany(0, 10, "lost");
  s->Run(300);
  CrashAndPromote(s, 0, 1);
  s->network().Heal();
  s->SetMany(1, 40, "after");
  s->node(2).Follow(1);
}

TEST(ScenariosTest, continue_past_promotion) {
  ExpectFaultMatters(PlantedFault::kContinuePastPromotion, 3, [](Scenario* s) {
    TwoHasMoreThanTheNewPrimary(s);
    s->RunUntil([&] { return s->AreEqual(1, 2) || s->violation().has_value(); });
    if (!s->violation().has_value() && !s->AreEqual(1, 2)) s->Violate("1 and 2 differ");
  });
}

TEST(ScenariosTest, label_of_the_followed) {
  ExpectFaultMatters(PlantedFault::kLabelOfTheFollowed, 3, [](Scenario* s) {
    TwoHasMoreThanTheNewPrimary(s);
    // By now it knows of the new epoch, without having anything of it.
    ASSERT_TRUE(s->RunUntil([&] { return s->node(2).sink().is_copying(); }));
    s->network().CutUpstreamOf(2);
    s->RunUntil([&] { return s->AreEqual(1, 2) || s->violation().has_value(); });
    if (!s->violation().has_value() && !s->AreEqual(1, 2)) s->Violate("1 and 2 differ");
  });
}

TEST(ScenariosTest, epoch_missing_from_history) {
  ExpectFaultMatters(PlantedFault::kEpochMissingFromHistory, 3, [](Scenario* s) {
    s->SetMany(0, 20, "before");
    s->Run(100);
    s->HoldBack(0, 1);
    s->HoldBack(0, 2);
    s->SetMany(0, 30, "alone");
    s->node(0).Pause();
    s->node(1).Promote({}, {});
    s->node(2).Follow(1);
    ASSERT_TRUE(s->RunUntil([&] { return s->node(2).is_following(); }));
    s->SetMany(1, 10, "meanwhile");
    ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(1, 2); }));
    const cluster::Epoch meanwhile = s->node(1).state().fence();
    s->node(1).Crash(SimulatedNode::Loss::kNothing);
    s->network().Heal();
    s->node(0).Resume();
    s->node(0).Promote({}, meanwhile);
    s->SetMany(0, 5, "again");
    s->node(2).Follow(0);
    s->RunUntil([&] { return s->AreEqual(0, 2) || s->violation().has_value(); });
    if (!s->violation().has_value() && !s->AreEqual(0, 2)) s->Violate("0 and 2 differ");
  });
}

TEST(ScenariosTest, log_off_and_on) {
  NodeOptions options = Options();
  options.log_goes_off = true;
  ExpectFaultMatters(
      PlantedFault::kLogOffAndOn, 2,
      [](Scenario* s) {
        s->SetMany(0, 20, "before");
        ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(0, 1); }));
        s->node(1).Crash(SimulatedNode::Loss::kNothing);
        s->Run(3000);
        s->Set(0, "K", "unnumbered");
        s->Run(100);
        s->node(1).Start();
        s->RunUntil([&] { return s->Get(1, "K") != "" || s->violation().has_value(); });
        if (s->Get(1, "K") == "") s->Violate("1 continues without K");
      },
      options);
}

// 2 copies from 0 up to a place that 1, which wins, never saw.
TEST(ScenariosTest, copy_from_another_source) {
  NodeOptions options = Options();
  options.chunk_bytes = 20;
  ExpectFaultMatters(
      PlantedFault::kCopyFromAnotherSource, 3,
      [](Scenario* s) {
        s->SetMany(0, 60, "before");
        ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(0, 1); }));
        s->HoldBack(0, 1);
        s->SetMany(0, 60, "lost");
        s->node(2).Crash(SimulatedNode::Loss::kAll);
        s->Run(10);
        s->node(2).Start();
        ASSERT_TRUE(s->RunUntil([&] { return s->node(2).sink().Report().copied_bytes > 700; }));
        s->node(0).Crash(SimulatedNode::Loss::kNothing);
        s->Run(100);
        ASSERT_TRUE(s->node(2).sink().Report().copied_bytes > 0) << "the copy was not cut";
        s->network().Heal();
        s->node(1).Promote({}, {});
        ASSERT_TRUE(s->RunUntil([&] { return s->node(1).is_open(); }));
        s->Set(1, "one", "more");
        for (int i = 0; i < 80; ++i) s->Set(1, "n", "and_so_on_until_the_place_is_passed");
        s->node(2).Follow(1);
        s->RunUntil([&] { return s->AreEqual(1, 2) || s->violation().has_value(); });
        if (!s->violation().has_value() && !s->AreEqual(1, 2)) s->Violate("1 and 2 differ");
      },
      options);
}

// 2 copies from 0, where some slots of a chunk were read later than others: with a write that 1,
// which leads next, never had, though it has all that 2 had of the log.
void CutWhereAChunkIsAhead(const std::string& lost, int64_t after, int64_t cut_after, Scenario* s) {
  s->SetMany(0, 60, "before");
  ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(0, 1); }));
  s->HoldBack(0, 1);
  s->node(2).Crash(SimulatedNode::Loss::kAll);
  s->Run(10);
  s->node(2).Start();
  ASSERT_TRUE(s->RunUntil([&] { return s->node(2).sink().is_copying(); }));
  s->Run(after);
  s->Set(0, lost, "lost");
  s->Run(cut_after);
  s->node(0).Crash(SimulatedNode::Loss::kNothing);
  s->Run(100);
  s->network().Heal();
  s->node(1).Promote({}, {});
  ASSERT_TRUE(s->RunUntil([&] { return s->node(1).is_open(); }));
  s->SetMany(1, 60, "after");
  s->node(2).Follow(1);
  s->RunUntil([&] { return s->AreEqual(1, 2) || s->violation().has_value(); });
  if (!s->violation().has_value() && !s->AreEqual(1, 2)) s->Violate("1 and 2 differ");
}

TEST(ScenariosTest, copy_whose_chunk_is_ahead) {
  NodeOptions options = Options();
  options.chunk_bytes = 150;
  int violations = 0;
  int onward = 0;
  for (int64_t i = 0; i < 300; ++i) {
    // Of any slot and at any time, so that some are read later than the chunk's first.
    const std::string lost = "lost" + std::to_string(i % 10);
    const int64_t after = i / 10 % 5;
    const int64_t cut_after = 1 + i / 50;
    options.fault = PlantedFault::kNone;
    Scenario sound(3, options);
    CutWhereAChunkIsAhead(lost, after, cut_after, &sound);
    EXPECT_FALSE(sound.violation().has_value()) << i << ": " << *sound.violation();
    onward += static_cast<int>(sound.node(1).source().counts().copied_onward);
    options.fault = PlantedFault::kReadAheadUnsaid;
    Scenario faulty(3, options);
    CutWhereAChunkIsAhead(lost, after, cut_after, &faulty);
    if (faulty.violation().has_value()) ++violations;
  }
  EXPECT_GT(violations, 0) << "the story does not need the rule";
  EXPECT_GT(onward, 0) << "no copy ever goes on at another source";
}

TEST(ScenariosTest, a_node_that_cannot_write_its_state_neither_leads_nor_acknowledges) {
  Scenario s(3, Options());
  s.SetMany(0, 20, "before");
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1) && s.AreEqual(0, 2); }));
  s.node(0).Crash(SimulatedNode::Loss::kNothing);
  s.node(1).set_disk_fails(true);
  s.node(1).Promote({}, {});
  s.node(2).Follow(1);
  s.Run(3000);
  EXPECT_FALSE(s.node(1).leads());
  EXPECT_FALSE(s.node(2).is_following());
  s.node(1).set_disk_fails(false);
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).is_open() && s.AreEqual(1, 2); }));
  // Records of an epoch that it cannot note.
  s.node(2).set_disk_fails(true);
  ASSERT_TRUE(s.Set(1, "k", "value"));
  const uint64_t written = s.node(1).position()->sequence;
  s.Run(1000);
  EXPECT_LT(s.node(1).source().AckedSequence(1), written);
  s.node(2).set_disk_fails(false);
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).source().AckedSequence(1) == written; }));
  EXPECT_FALSE(s.violation().has_value()) << *s.violation();
}

// 1 and 2 have the same; 1 drops that to have room for a copy, which never becomes whole.
TEST(ScenariosTest, dropped_data_claimed) {
  NodeOptions options = Options();
  options.ring = 60;
  options.hold_lag = 20;
  options.chunk_bytes = 20;
  options.chunks_displacing_percent = 100;
  ExpectFaultMatters(
      PlantedFault::kDroppedDataClaimed, 3,
      [](Scenario* s) {
        s->SetMany(0, 60, "before");
        ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(0, 1) && s->AreEqual(0, 2); }));
        s->HoldBack(0, 2);
        s->node(1).Pause();
        s->network().CutUpstreamOf(1);
        s->SetMany(0, 200, "past_the_ring");
        s->node(1).Resume();
        ASSERT_TRUE(s->RunUntil([&] { return s->node(1).sink().Report().copied_bytes > 300; }));
        s->node(0).Crash(SimulatedNode::Loss::kNothing);
        s->Run(100);
        s->network().Heal();
        s->node(1).Promote({}, {});
        ASSERT_TRUE(s->RunUntil([&] { return s->node(1).is_open(); }));
        s->Set(1, "k", "value");
        s->node(2).Follow(1);
        s->RunUntil([&] { return s->AreEqual(1, 2) || s->violation().has_value(); });
        if (!s->violation().has_value() && !s->AreEqual(1, 2)) s->Violate("1 and 2 differ");
      },
      options);
}

TEST(ScenariosTest, large_value_read_late) {
  ExpectFaultMatters(PlantedFault::kLargeValueReadLate, 2, [](Scenario* s) {
    // More than a stream takes at a time, so that some is read later.
    for (int i = 0; i < 40; ++i)
      s->Set(0, "large", std::string(40, static_cast<char>('a' + i % 26)));
    s->RunUntil([&] { return s->AreEqual(0, 1) || s->violation().has_value(); });
  });
}

TEST(ScenariosTest, position_across_epochs) {
  Scenario s(2, Options());
  s.SetMany(0, 20, "before");
  s.Run(100);
  s.HoldBack(0, 1);
  s.SetMany(0, 10, "lost");
  const cluster::Position lost = *s.node(0).position();
  CrashAndPromote(&s, 0, 1);
  s.SetMany(1, 40, "after");
  ASSERT_GT(s.node(1).position()->sequence, lost.sequence);
  EXPECT_EQ(s.node(1).state().history().Reached(lost, s.node(1).position()->sequence),
            cluster::History::Reach::kLost);
}

TEST(ScenariosTest, restarted_primary_beats_the_ahead) {
  Scenario s(2, Options());
  s.SetMany(0, 20, "before");
  s.Run(1500);  // a snapshot is taken meanwhile
  ASSERT_TRUE(s.Set(0, "W", "acknowledged", 1));
  ASSERT_TRUE(s.RunUntil([&] { return s.Get(1, "W") != ""; }));
  s.node(0).Crash(SimulatedNode::Loss::kAll);
  s.node(0).Start();
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).is_open(); }));
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1); }));
  EXPECT_EQ(s.Get(0, "W"), "acknowledged");
  EXPECT_FALSE(s.violation().has_value()) << *s.violation();
}

TEST(ScenariosTest, only_holder_copies) {
  NodeOptions options = Options();
  options.ring = 60;
  options.hold_lag = 20;
  options.chunk_bytes = 20;
  Scenario s(3, options);
  s.SetMany(0, 60, "before");
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1) && s.AreEqual(0, 2); }));
  s.HoldBack(0, 2);
  ASSERT_TRUE(s.Set(0, "W", "acknowledged", 1));
  ASSERT_TRUE(s.RunUntil([&] { return s.Get(1, "W") != ""; }));
  s.Run(300);
  s.node(1).Pause();
  s.network().CutUpstreamOf(1);
  s.SetMany(0, 200, "past_the_ring");
  s.node(1).Resume();
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).sink().Report().copied_bytes > 300; }));
  s.node(0).Crash(SimulatedNode::Loss::kAll);
  s.node(1).Promote({0}, {});
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).is_open(); }));
  EXPECT_EQ(s.Get(1, "W"), "acknowledged");
  EXPECT_EQ(s.Get(1, "m1"), "before1") << "never half a copy";
  EXPECT_FALSE(s.violation().has_value()) << *s.violation();
}

TEST(ScenariosTest, a_cut_shorter_than_the_ring_copies_nothing) {
  Scenario s(2, Options());
  s.SetMany(0, 20, "before");
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1); }));
  const cluster::SourceCounts before = s.node(0).source().counts();
  for (int cut = 0; cut < 20; ++cut) {
    s.network().CutUpstreamOf(1);
    s.SetMany(0, 40, "meanwhile");
    ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1); }));
  }
  const cluster::SourceCounts after = s.node(0).source().counts();
  EXPECT_EQ(after.continued - before.continued, 20u);
  EXPECT_EQ(after.copied_anew, before.copied_anew);
}

TEST(ScenariosTest, siblings_continue_after_a_promotion_and_the_old_primary_copies) {
  Scenario s(3, Options());
  s.SetMany(0, 20, "before");
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1) && s.AreEqual(0, 2); }));
  s.HoldBack(0, 1);
  s.HoldBack(0, 2);
  s.SetMany(0, 5, "extra");
  CrashAndPromote(&s, 0, 1);
  s.network().Heal();
  s.SetMany(1, 30, "after");
  const uint64_t copies = s.node(2).sink().Report().copies_begun;
  s.node(2).Follow(1);
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(1, 2); }));
  EXPECT_EQ(s.node(2).sink().Report().copies_begun, copies);
  s.node(0).StartFollowing(1);
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1); }));
  EXPECT_EQ(s.node(0).sink().Report().copies_installed, 1u);
  EXPECT_FALSE(s.violation().has_value()) << *s.violation();
}

// Cut at nine tenths; `written`: how much changes meanwhile. How many bytes of chunks are sent
// again.
void CutLate(int written, cluster::SourceCounts* counts, uint64_t* whole, Scenario* s) {
  // A tenth of it is more than is under way at a time.
  for (int i = 0; i < 400; ++i) {
    const std::string key = "c" + std::to_string(i);
    ASSERT_TRUE(s->RunUntil([&] { return s->Set(0, key, "before"); }));
  }
  ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(0, 1); }));
  const uint64_t first = s->node(0).source().counts().chunk_bytes;
  s->node(1).Crash(SimulatedNode::Loss::kAll);
  s->node(1).Start();
  ASSERT_TRUE(s->RunUntil([&] { return s->node(1).is_following(); }));
  *whole = s->node(0).source().counts().chunk_bytes - first;
  s->node(1).Crash(SimulatedNode::Loss::kAll);
  s->Run(100);
  s->node(1).Start();
  ASSERT_TRUE(
      s->RunUntil([&] { return s->node(1).sink().Report().copied_bytes > *whole * 9 / 10; }));
  s->network().CutUpstreamOf(1);
  s->HoldBack(1, 0);
  s->Run(50);
  for (int i = 0; i < written; ++i) s->Set(0, "one", "changed");
  const uint64_t before = s->node(0).source().counts().chunk_bytes;
  s->network().Heal();
  ASSERT_TRUE(s->RunUntil([&] { return s->AreEqual(0, 1); }));
  *counts = s->node(0).source().counts();
  counts->chunk_bytes -= before;
  EXPECT_FALSE(s->violation().has_value()) << *s->violation();
}

TEST(ScenariosTest, a_copy_cut_late_goes_on_where_it_was) {
  NodeOptions options = Options();
  options.chunk_bytes = 20;
  Scenario s(2, options);
  cluster::SourceCounts counts;
  uint64_t whole = 0;
  CutLate(5, &counts, &whole, &s);
  EXPECT_EQ(counts.copied_onward, 1u);
  EXPECT_LE(counts.chunk_bytes, whole / 5);
}

TEST(ScenariosTest, a_copy_cut_late_keeps_what_did_not_change_when_the_log_is_gone) {
  NodeOptions options = Options();
  options.chunk_bytes = 20;
  options.ring = 60;
  options.hold_lag = 20;
  Scenario s(2, options);
  cluster::SourceCounts counts;
  uint64_t whole = 0;
  CutLate(100, &counts, &whole, &s);
  EXPECT_EQ(counts.copied_again, 1u);
  EXPECT_GT(counts.chunks_kept, 3u);
  // One slot of eight changed, and a tenth was not there yet.
  EXPECT_LE(counts.chunk_bytes, whole * 2 / 5);
}

TEST(ScenariosTest, a_replica_that_is_stopped_does_not_stop_writers) {
  NodeOptions options = Options();
  options.chunk_bytes = 20;
  options.hold_lag = 10;
  Scenario s(2, options);
  s.SetMany(0, 60, "before");
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1); }));
  s.node(1).Crash(SimulatedNode::Loss::kAll);
  s.Run(10);
  s.node(1).Start();
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).sink().is_copying(); }));
  s.node(1).Pause();
  bool was_held = false;
  for (int i = 0; i < 50; ++i) was_held |= !s.Set(0, "k", "value");
  EXPECT_TRUE(was_held);
  s.Run(1500);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(s.Set(0, "k", "value"));
  s.node(1).Resume();
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1); }));
}

TEST(ScenariosTest, a_ring_of_replicas_is_refused_and_ends_when_one_is_told_to_lead) {
  Scenario s(3, Options());
  s.SetMany(0, 20, "before");
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1) && s.AreEqual(0, 2); }));
  s.node(1).Follow(2);
  ASSERT_TRUE(s.RunUntil([&] { return s.node(1).is_following(); }));
  s.node(2).Follow(1);
  s.Run(500);
  EXPECT_FALSE(s.node(2).is_following());
  s.node(0).Follow(1);
  s.Run(3000);
  s.node(0).Promote({}, {});
  s.SetMany(0, 20, "after");
  s.node(2).Follow(0);
  ASSERT_TRUE(s.RunUntil([&] { return s.AreEqual(0, 1) && s.AreEqual(0, 2); }));
  EXPECT_FALSE(s.violation().has_value()) << *s.violation();
}

}  // namespace
}  // namespace larder::simulation
