#include "tests/cluster/replication/replication_source_test.h"

namespace larder::cluster {
namespace {

class DepartedReplicasTest : public ReplicationSourceTest {};

TEST_F(DepartedReplicasTest, KnowsWhatWhoWentHadUntilItComesBackOrTheLogIsGone) {
  SetMany(10);
  EXPECT_TRUE(source_.Departed(1).empty());
  Greet(HelloAt(kReplica, kEpoch, 5));
  EXPECT_EQ(source_.Departed(1).size(), 1u) << "it has said so, and has not acknowledged";
  Drain();
  ASSERT_TRUE(Acknowledge(8).ok());
  EXPECT_TRUE(source_.Departed(1).empty()) << "it is here";
  source_.Disconnect(kLink, &feed_);
  ASSERT_EQ(source_.Departed(1).size(), 1u);
  EXPECT_EQ(source_.Departed(1)[0].node, kReplica);
  EXPECT_EQ(source_.Departed(8)[0].applied, (Position{kEpoch, 8}));
  EXPECT_TRUE(source_.Departed(9).empty()) << "the log begins behind it";
  // It comes back with what it had, and is replaced by itself.
  Greet(HelloAt(kReplica, kEpoch, 9), LinkId{2});
  Drain(LinkId{2});
  ASSERT_TRUE(Acknowledge(10, LinkId{2}).ok());
  Greet(HelloAt(kReplica, kEpoch, 10), LinkId{3});
  EXPECT_EQ(Next(LinkId{2}).close, CloseReason::kReplaced);
  source_.Disconnect(LinkId{2}, &feed_);
  source_.Disconnect(LinkId{3}, &feed_);
  ASSERT_EQ(source_.Departed(1).size(), 1u);
  EXPECT_EQ(source_.Departed(1)[0].applied.sequence, 10u);
  // With nothing.
  Greet(HelloOf(kReplica), LinkId{4});
  EXPECT_TRUE(source_.Departed(1).empty());
}

TEST_F(DepartedReplicasTest, KnowsOfNoMoreThatWentThanItMayHave) {
  SetMany(10);
  for (uint64_t i = 1; i <= 4; ++i) {
    const LinkId link{i};
    Greet(HelloAt(NodeId{9, i}, kEpoch, 5), link);
    Drain(link);
    ASSERT_TRUE(Acknowledge(5 + i, link).ok());
    source_.Disconnect(link, &feed_);
  }
  ASSERT_EQ(source_.Departed(1).size(), 2u);
  EXPECT_EQ(source_.Departed(1)[0].applied.sequence, 8u);
  EXPECT_EQ(source_.Departed(1)[1].applied.sequence, 9u);
  // Other data: nobody has any of it.
  source_.OpenAnew({3, 0, kSelf}, 1);
  EXPECT_TRUE(source_.Departed(1).empty());
}

}  // namespace
}  // namespace larder::cluster
