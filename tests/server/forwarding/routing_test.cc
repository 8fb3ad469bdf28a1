#include "server/forwarding/routing.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "server/forwarding/routing_publication.h"

namespace larder::server {
namespace {

TEST(RoutingTest, OneOwnerHasAllSlots) {
  const auto here = Routing::AllHere(3);
  EXPECT_TRUE(here->is_all_here());
  EXPECT_EQ(here->topology_version(), 3u);
  EXPECT_EQ(here->OwnerOf(16383).place, SlotOwner::Place::kHere);
  const auto there = Routing::AllAt("h:1", 4);
  EXPECT_FALSE(there->is_all_here());
  EXPECT_EQ(there->OwnerOf(0).endpoint, "h:1");
  ASSERT_NE(there->sole_owner(), nullptr);
  EXPECT_EQ(there->sole_owner()->endpoint, "h:1");
}

TEST(RoutingTest, EachSlotHasTheOwnerOfItsShard) {
  Routing::ShardOfSlot shards{};
  shards[5] = 1;
  shards[6] = 2;
  const auto routing = Routing::BySlot(
      {{}, {SlotOwner::Place::kPeer, "h:1"}, {SlotOwner::Place::kNobody}}, shards, 9);
  EXPECT_FALSE(routing->is_all_here());
  EXPECT_EQ(routing->sole_owner(), nullptr);
  EXPECT_EQ(routing->OwnerOf(4).place, SlotOwner::Place::kHere);
  EXPECT_EQ(routing->OwnerOf(5).endpoint, "h:1");
  EXPECT_EQ(routing->OwnerOf(6).place, SlotOwner::Place::kNobody);
}

TEST(RoutingTest, ShardsThatAreAllHereAreAllHere) {
  EXPECT_TRUE(Routing::BySlot({{}, {}}, Routing::ShardOfSlot{}, 1)->is_all_here());
}

TEST(RoutingPublicationTest, AReaderSeesWhatIsPublished) {
  RoutingPublication publication;
  RoutingReader reader(&publication);
  EXPECT_TRUE(reader.Current().is_all_here());
  EXPECT_TRUE(publication.is_all_here());
  publication.Publish(Routing::AllAt("h:1", 2));
  EXPECT_EQ(reader.Current().topology_version(), 2u);
  EXPECT_FALSE(publication.is_all_here());
  EXPECT_EQ(publication.Current()->topology_version(), 2u);
}

TEST(RoutingPublicationTest, OldSnapshotsGoWhenNobodyReadsThem) {
  RoutingPublication publication;
  RoutingReader reader(&publication);
  std::weak_ptr<const Routing> old = publication.Current();
  reader.Current();
  publication.Publish(Routing::AllHere(2));
  EXPECT_FALSE(old.expired());  // the reader has it
  reader.Current();
  EXPECT_TRUE(old.expired());
}

// Under tsan this shows that neither side races; anywhere, that versions never go back.
TEST(RoutingPublicationTest, ManyReadersSeeVersionsThatOnlyGrow) {
  constexpr uint64_t kLast = 2000;
  RoutingPublication publication;
  std::atomic<int> in_order{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      RoutingReader reader(&publication);
      uint64_t seen = 0;
      bool grows = true;
      while (seen < kLast) {
        const Routing& routing = reader.Current();
        grows &= routing.topology_version() >= seen;
        seen = routing.topology_version();
        grows &= routing.OwnerOf(static_cast<uint32_t>(seen)).endpoint == (seen == 0 ? "" : "h:1");
      }
      in_order += grows ? 1 : 0;
    });
  }
  for (uint64_t version = 1; version <= kLast; ++version) {
    publication.Publish(Routing::AllAt("h:1", version));
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(in_order, 3);
}

}  // namespace
}  // namespace larder::server
