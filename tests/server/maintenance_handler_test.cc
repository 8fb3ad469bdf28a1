#include "server/handlers/maintenance_handler.h"

#include <gmock/gmock.h>

#include <string>

#include "cluster/hash_slot.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

class FakeFigures final : public NodeFigureSource {
 public:
  NodeFigures Read() const override {
    return {.version = "1.2.3",
            .uptime = absl::Seconds(5),
            .resident_bytes = 4096,
            .connections = 2,
            .requests = {{"Get/OK", 9}}};
  }
};

class MaintenanceHandlerTest : public HandlerTest {
 protected:
  MaintenanceHandlerTest()
      : maintenance_(keyspace_.get(), &figures_, storage::EvictionKind::kLru,
                     {{"eviction", "lru"}, {"memory", "1GiB"}}) {}

  RecordingReply<SlotStatsAnswer> SlotStats(const SlotStatsView& view) {
    RecordingReply<SlotStatsAnswer> reply;
    maintenance_.SlotStats(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  FakeFigures figures_;
  MaintenanceHandler maintenance_;
};

TEST_F(MaintenanceHandlerTest, StatsPutsNodeAndKeyspaceTogether) {
  Set("k", "v");
  Get("k");
  Get("other");
  RecordingReply<StatsAnswer> reply;
  maintenance_.Stats(reply);
  EXPECT_EQ(reply.answer.node.version, "1.2.3");
  EXPECT_EQ(reply.answer.node.requests.size(), 1u);
  EXPECT_EQ(reply.answer.keyspace.entries, 1u);
  EXPECT_EQ(reply.answer.keyspace.hits, 1u);
  EXPECT_EQ(reply.answer.keyspace.misses, 1u);
  EXPECT_EQ(reply.answer.eviction, "lru");
  EXPECT_EQ(reply.answer.memory_limit_bytes, uint64_t{1} << 30);
  EXPECT_GT(reply.answer.memory_bytes, 0u);
}

TEST_F(MaintenanceHandlerTest, MemoryStatsAddUp) {
  Set("k", "v");
  RecordingReply<MemoryStatsAnswer> reply;
  maintenance_.MemoryStats(reply);
  EXPECT_GT(reply.answer.usage.entries, 0u);
  EXPECT_EQ(reply.answer.usage.total(), keyspace_->Memory().total());
  EXPECT_EQ(reply.answer.resident_bytes, 4096u);
}

TEST_F(MaintenanceHandlerTest, SlotStatsLeaveEmptySlotsOut) {
  Set("a", "v");
  Set("b", "v");
  const auto all = SlotStats({.first = 0, .last = 16383});
  ASSERT_EQ(all.answer.slots.size(), 2u);
  EXPECT_LT(all.answer.slots[0].first, all.answer.slots[1].first);
  const uint32_t slot = cluster::HashSlot("a");
  const auto one = SlotStats({.first = slot});
  ASSERT_EQ(one.answer.slots.size(), 1u);
  EXPECT_EQ(one.answer.slots[0].first, slot);
  EXPECT_EQ(one.answer.slots[0].second.entries, 1u);
}

TEST_F(MaintenanceHandlerTest, SlotsMustExistAndBeInOrder) {
  for (const SlotStatsView& view :
       {SlotStatsView{.first = 16384}, SlotStatsView{.first = 0, .last = 16384},
        SlotStatsView{.first = 5, .last = 4}, SlotStatsView{.first = 0, .last = 4294967295}}) {
    const auto reply = SlotStats(view);
    EXPECT_EQ(reply.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(reply.status.message()), HasSubstr("SlotStats"));
  }
  RecordingReply<FlushAnswer> flush;
  maintenance_.Flush({.slot = 16384}, flush);
  EXPECT_EQ(flush.status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(MaintenanceHandlerTest, FlushEmptiesOneSlotOrAll) {
  for (const char* key : {"a", "b", "c"}) Set(key, "v");
  RecordingReply<FlushAnswer> one;
  maintenance_.Flush({.slot = cluster::HashSlot("b")}, one);
  EXPECT_EQ(one.answer.entries, 1u);
  EXPECT_FALSE(Get("b").answer.found);
  EXPECT_TRUE(Get("a").answer.found);
  RecordingReply<FlushAnswer> all;
  maintenance_.Flush({}, all);
  EXPECT_EQ(all.answer.entries, 2u);
  EXPECT_FALSE(Get("a").answer.found);
}

TEST_F(MaintenanceHandlerTest, GetConfigFindsOneFlagOrAll) {
  RecordingReply<GetConfigAnswer> all;
  maintenance_.GetConfig({}, all);
  EXPECT_EQ(all.answer.values.size(), 2u);
  RecordingReply<GetConfigAnswer> one;
  maintenance_.GetConfig({.name = "memory"}, one);
  ASSERT_EQ(one.answer.values.size(), 1u);
  EXPECT_EQ(one.answer.values[0].value, "1GiB");
  RecordingReply<GetConfigAnswer> none;
  maintenance_.GetConfig({.name = "nonsense"}, none);
  EXPECT_EQ(none.status.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace larder::server
