#include "cluster/members/cluster_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace larder::cluster {
namespace {

NodeId Node(uint64_t number) { return {0, number}; }

Member MemberOf(uint64_t number, uint64_t generation) {
  Member member;
  member.node = Node(number);
  member.generation = generation;
  member.bus_endpoint = "10.0.0." + std::to_string(number) + ":17600";
  return member;
}

bool AreEqual(const ClusterTable& a, const ClusterTable& b) {
  const auto versions = [](const ClusterTable& table) {
    std::vector<std::pair<ShardId, uint64_t>> all;
    for (const auto& [shard, chosen] : table.shards())
      all.emplace_back(shard, chosen.value.version);
    return all;
  };
  return a.members() == b.members() && versions(a) == versions(b) && a.voters() == b.voters();
}

TEST(ClusterTableTest, AHigherGenerationUndoesFail) {
  ClusterTable table(1);
  EXPECT_TRUE(table.Merge(MemberOf(1, 3)));
  EXPECT_FALSE(table.Merge(MemberOf(1, 3)));
  EXPECT_TRUE(table.Merge(FailMark{Node(1), 0, 3}));
  EXPECT_FALSE(table.Merge(FailMark{Node(1), 0, 3}));
  EXPECT_TRUE(table.IsFailed(Node(1)));
  EXPECT_FALSE(table.Merge(MemberOf(1, 2))) << "an old record";
  EXPECT_FALSE(table.Merge(MemberOf(1, 3))) << "the record that is held for dead";
  EXPECT_TRUE(table.Merge(MemberOf(1, 4)));
  EXPECT_FALSE(table.IsFailed(Node(1)));
  EXPECT_FALSE(table.Merge(FailMark{Node(1), 0, 3})) << "a mark of an earlier generation";
}

TEST(ClusterTableTest, ForgottenStaysForgottenUntilItIsAdmitted) {
  ClusterTable table(1);
  table.Merge(MemberOf(1, 3));
  Member forgotten = MemberOf(1, 3);
  forgotten.is_forgotten = true;
  EXPECT_TRUE(table.Merge(forgotten));
  EXPECT_FALSE(table.Merge(MemberOf(1, 99)));
  EXPECT_FALSE(table.IsMember(Node(1)));
  EXPECT_TRUE(table.IsFailed(Node(1)));
  Member admitted = MemberOf(1, 4);
  admitted.admissions = 1;
  EXPECT_TRUE(table.Merge(admitted));
  EXPECT_TRUE(table.IsMember(Node(1)));
  EXPECT_FALSE(table.Merge(forgotten));
}

TEST(ClusterTableTest, WhoHasTheRecordIsSentTheMarkAlone) {
  ClusterTable table(1);
  table.Merge(MemberOf(1, 1));
  table.Merge(MemberOf(2, 1));
  const uint64_t confirmed = table.changes();
  table.Merge(FailMark{Node(2), 0, 1});
  const TableUpdates few = table.ChangedSince(confirmed, 1000);
  EXPECT_TRUE(few.members.empty());
  ASSERT_EQ(few.fails.size(), 1u);
  const TableUpdates all = table.ChangedSince(0, 1000);
  EXPECT_EQ(all.members.size(), 2u);
  EXPECT_TRUE(all.members[1].is_failed);
  EXPECT_TRUE(table.ChangedSince(table.changes(), 1000).empty());
}

TEST(ClusterTableTest, AMessageIsBoundedWhateverHasChanged) {
  ClusterTable table(1);
  for (uint64_t node = 1; node <= 500; ++node) table.Merge(MemberOf(node, 1));
  const uint64_t confirmed = table.changes();
  for (uint64_t node = 1; node <= 500; ++node) table.Merge(FailMark{Node(node), 0, 1});
  ClusterTable other(2);
  uint64_t at = 0;
  int messages = 0;
  for (bool has_more = true; has_more; ++messages) {
    const TableUpdates updates = table.ChangedSince(at, 1400);
    EXPECT_LE(EncodedBytes(updates), 1420u);
    EXPECT_EQ(updates.from, at);
    other.Merge(updates);
    at = updates.to;
    has_more = updates.has_more;
  }
  EXPECT_TRUE(AreEqual(table, other));
  EXPECT_GT(messages, 10);
  // Those who knew the nodes need a twentieth of a message for each that died.
  int marks = 0;
  at = confirmed;
  for (bool has_more = true; has_more; ++marks) {
    const TableUpdates updates = table.ChangedSince(at, 1400);
    EXPECT_TRUE(updates.members.empty());
    at = updates.to;
    has_more = updates.has_more;
  }
  EXPECT_LE(marks, 10);
}

// Tables that change and tell each other what changed, with losses and repetitions.
TEST(ClusterTableTest, AllComeToTheSameInAnyOrder) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    constexpr size_t kTables = 4;
    std::vector<ClusterTable> tables;
    for (size_t i = 0; i < kTables; ++i) tables.emplace_back(i + 1);
    uint64_t confirmed[kTables][kTables] = {};  // by who has it, of whose
    const auto exchange = [&](size_t from, size_t to) {
      const TableUpdates updates = tables[from].ChangedSince(confirmed[to][from], 300);
      if (random() % 3 == 0) return;  // lost
      tables[to].Merge(updates);
      if (random() % 3 == 0) return;  // its confirmation is
      confirmed[to][from] = std::max(confirmed[to][from], updates.to);
    };
    for (int step = 0; step < 400; ++step) {
      ClusterTable& table = tables[random() % kTables];
      Member member = MemberOf(1 + random() % 8, 1 + random() % 20);
      member.admissions = random() % 2;
      member.is_forgotten = random() % 20 == 0;
      if (random() % 4 == 0) table.Merge(member);
      if (random() % 4 == 0) {
        table.Merge(FailMark{member.node, member.admissions, member.generation});
      }
      if (random() % 8 == 0) {
        ShardRegister value;
        value.version = random() % 30;
        table.Merge(ShardId(random() % 3), {value, {value.version, Node(1)}});
      }
      const size_t from = random() % kTables;
      exchange(from, (from + 1 + random() % (kTables - 1)) % kTables);
    }
    for (int round = 0; round < 200; ++round) {
      for (size_t from = 0; from < kTables; ++from) {
        for (size_t to = 0; to < kTables; ++to) {
          if (from != to) exchange(from, to);
        }
      }
    }
    for (size_t i = 1; i < kTables; ++i) EXPECT_TRUE(AreEqual(tables[0], tables[i])) << seed;
  }
}

}  // namespace
}  // namespace larder::cluster
