#include "server/handlers/maintenance_handler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cluster/hash_slot.h"
#include "server/handlers/retry_hint.h"
#include "tests/server/handler_fixture.h"
#include "tests/server/immediate_background.h"

namespace larder::server {
namespace {

using testing::AllOf;
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

// Three flags, of which eviction can not change. Refuses the value "bad".
class FakeConfig final : public ConfigStore {
 public:
  std::vector<ConfigEntry> Read() const override { return entries_; }
  absl::Status Change(absl::Span<const ConfigSettingView> settings) override {
    ++changes;
    for (const ConfigSettingView& setting : settings) {
      if (setting.value == "bad") return absl::InvalidArgumentError("--memory: 'bad' is no size");
    }
    for (const ConfigSettingView& setting : settings) {
      const auto entry =
          std::find_if(entries_.begin(), entries_.end(),
                       [&](const ConfigEntry& known) { return known.name == setting.name; });
      entry->value = std::string(setting.value);
    }
    return absl::OkStatus();
  }

  int changes = 0;

 private:
  std::vector<ConfigEntry> entries_ = {
      {"eviction", "lru", false}, {"max_inflight", "10", true}, {"memory", "1GiB", true}};
};

class MaintenanceHandlerTest : public HandlerTest {
 protected:
  MaintenanceHandlerTest()
      : maintenance_({.keyspace = &keyspace_,
                      .time = &time_,
                      .figures = &figures_,
                      .eviction = storage::EvictionKind::kLru,
                      .config = &config_,
                      .background = &background_}) {}

  RecordingReply<SlotStatsAnswer> SlotStats(const SlotStatsView& view) {
    RecordingReply<SlotStatsAnswer> reply;
    maintenance_.SlotStats(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  std::string ValueOf(std::string_view name) {
    RecordingReply<GetConfigAnswer> reply;
    maintenance_.GetConfig({.name = name}, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply.answer.values.empty() ? "" : reply.answer.values[0].value;
  }

  absl::Status SetConfig(std::vector<ConfigSettingView> settings) {
    RecordingReply<SetConfigAnswer> reply;
    maintenance_.SetConfig({.values = std::move(settings)}, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply.status;
  }

  // Nothing may have reached the config.
  void ExpectRefused(std::vector<ConfigSettingView> settings,
                     const testing::Matcher<std::string>& message) {
    const int changes = config_.changes;
    const absl::Status status = SetConfig(std::move(settings));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("SetConfig: "), message));
    EXPECT_EQ(config_.changes, changes);
  }

  FakeFigures figures_;
  FakeConfig config_;
  ImmediateBackground background_;
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
  EXPECT_EQ(reply.answer.usage.total(), keyspace_.get()->Memory().total());
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

// Keeps what it is given.
class WaitingBackground final : public Background {
 public:
  void Post(Work work) override { waiting.push_back(std::move(work)); }
  std::vector<Work> waiting;
};

TEST_F(MaintenanceHandlerTest, FlushIsDoneInTheBackground) {
  WaitingBackground background;
  MaintenanceHandler maintenance({.keyspace = &keyspace_,
                                  .time = &time_,
                                  .figures = &figures_,
                                  .eviction = storage::EvictionKind::kLru,
                                  .config = &config_,
                                  .background = &background});
  for (const char* key : {"a", "b", "c"}) Set(key, "v");
  RecordingReply<FlushAnswer> one;
  RecordingReply<FlushAnswer> refused;
  RecordingReply<FlushAnswer> all;
  maintenance.Flush({.slot = cluster::HashSlot("b")}, one);
  maintenance.Flush({}, refused);
  maintenance.Flush({}, all);
  ASSERT_EQ(background.waiting.size(), 3u);
  EXPECT_TRUE(one.is_open);
  EXPECT_EQ(one.completions, 0);
  EXPECT_TRUE(Get("b").answer.found);
  std::move(background.waiting[0])(absl::OkStatus());
  EXPECT_EQ(one.answer.entries, 1u);
  EXPECT_FALSE(Get("b").answer.found);
  std::move(background.waiting[1])(
      WithRetryHint(absl::ResourceExhaustedError("too many"), absl::Seconds(1)));
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.status.message(), "Flush: too many");
  EXPECT_EQ(RetryHintOf(refused.status), absl::Seconds(1));
  background.waiting.clear();
  EXPECT_EQ(all.status.code(), absl::StatusCode::kInternal) << "it was dropped";
  EXPECT_TRUE(Get("a").answer.found);
}

TEST_F(MaintenanceHandlerTest, ADigestIsTheSameForTheSameEntriesInAnyOrder) {
  const auto digest = [](MaintenanceHandler& maintenance, const DigestView& view = {}) {
    RecordingReply<DigestAnswer> reply;
    maintenance.Digest(view, reply);
    EXPECT_EQ(reply.completions, 1);
    EXPECT_TRUE(reply.status.ok()) << reply.status;
    return reply.answer;
  };
  EXPECT_EQ(digest(maintenance_).entries, 0u);
  const DigestAnswer empty = digest(maintenance_);
  // Entries for several steps; of one slot, so that a step ends inside it.
  for (int i = 0; i < 9000; ++i) Set("{slot}" + std::to_string(i), "v");
  const DigestAnswer all = digest(maintenance_);
  EXPECT_EQ(all.entries, 9000u);
  EXPECT_EQ(all.digest.size(), 16u);
  EXPECT_NE(all.digest, empty.digest);
  EXPECT_EQ(digest(maintenance_, {.slot = cluster::HashSlot("slot")}).digest, all.digest);
  EXPECT_EQ(digest(maintenance_, {.slot = cluster::HashSlot("other")}).digest, empty.digest);
  Set("{slot}1", "w");
  EXPECT_NE(digest(maintenance_).digest, all.digest);
}

TEST_F(MaintenanceHandlerTest, ADigestIsMadeInStepsAndOneAtATime) {
  WaitingBackground background;
  MaintenanceHandler maintenance({.keyspace = &keyspace_,
                                  .time = &time_,
                                  .figures = &figures_,
                                  .eviction = storage::EvictionKind::kLru,
                                  .config = &config_,
                                  .background = &background});
  const auto step = [&background](const absl::Status& status) {
    auto work = std::move(background.waiting.at(0));
    background.waiting.erase(background.waiting.begin());
    std::move(work)(status);
  };
  RecordingReply<DigestAnswer> bad;
  maintenance.Digest({.slot = 16384}, bad);
  EXPECT_EQ(bad.status.code(), absl::StatusCode::kInvalidArgument);
  RecordingReply<DigestAnswer> first;
  RecordingReply<DigestAnswer> second;
  maintenance.Digest({}, first);
  maintenance.Digest({}, second);
  EXPECT_EQ(second.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(RetryHintOf(second.status).has_value());
  int steps = 0;
  while (!background.waiting.empty()) {
    EXPECT_EQ(first.completions, 0);
    step(absl::OkStatus());
    ++steps;
  }
  EXPECT_EQ(first.completions, 1);
  EXPECT_TRUE(first.status.ok());
  EXPECT_GE(steps, 100) << "16384 slots at once would keep others waiting";
  // Whatever ends one, the next may begin.
  RecordingReply<DigestAnswer> refused;
  maintenance.Digest({}, refused);
  step(absl::OkStatus());
  step(absl::UnavailableError("the node ends"));
  EXPECT_EQ(refused.status.message(), "Digest: the node ends");
  RecordingReply<DigestAnswer> dropped;
  maintenance.Digest({}, dropped);
  background.waiting.clear();
  EXPECT_EQ(dropped.status.code(), absl::StatusCode::kInternal);
  // Half of one keyspace and half of another would be a digest of neither.
  RecordingReply<DigestAnswer> replaced;
  maintenance.Digest({}, replaced);
  step(absl::OkStatus());
  const auto old = keyspace_.Replace(storage::Keyspace::Create({}, &versions_).value());
  step(absl::OkStatus());
  EXPECT_EQ(replaced.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(replaced.status.message()), HasSubstr("took the place"));
  const auto served = keyspace_.Replace(nullptr);
  RecordingReply<DigestAnswer> none;
  maintenance.Digest({}, none);
  step(absl::OkStatus());
  EXPECT_THAT(std::string(none.status.message()), HasSubstr("no data yet"));
}

TEST_F(MaintenanceHandlerTest, GetConfigFindsOneFlagOrAll) {
  RecordingReply<GetConfigAnswer> all;
  maintenance_.GetConfig({}, all);
  EXPECT_EQ(all.answer.values.size(), 3u);
  RecordingReply<GetConfigAnswer> one;
  maintenance_.GetConfig({.name = "memory"}, one);
  ASSERT_EQ(one.answer.values.size(), 1u);
  EXPECT_EQ(one.answer.values[0].value, "1GiB");
  EXPECT_TRUE(one.answer.values[0].changeable);
  RecordingReply<GetConfigAnswer> none;
  maintenance_.GetConfig({.name = "nonsense"}, none);
  EXPECT_EQ(none.status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(MaintenanceHandlerTest, SetConfigChangesWhatGetConfigShows) {
  EXPECT_TRUE(SetConfig({{"memory", "2GiB"}}).ok());
  EXPECT_EQ(ValueOf("memory"), "2GiB");
  EXPECT_TRUE(SetConfig({{"memory", "3GiB"}, {"max_inflight", "20"}}).ok());
  EXPECT_EQ(ValueOf("memory"), "3GiB");
  EXPECT_EQ(ValueOf("max_inflight"), "20");
}

TEST_F(MaintenanceHandlerTest, SetConfigNamesEachFlagOnceAndOnlyThoseThatCanChange) {
  ExpectRefused({}, HasSubstr("1 to 100"));
  ExpectRefused(std::vector<ConfigSettingView>(101, {"memory", "2GiB"}),
                HasSubstr("more items than the limit 100"));
  ExpectRefused({{"memory", "2GiB"}, {"memory", "2GiB"}}, HasSubstr("--memory is set twice"));
  ExpectRefused({{"memory", "2GiB"}, {"nonsense", "1"}},
                AllOf(HasSubstr("'nonsense' is no flag"), HasSubstr("max_inflight, memory")));
  ExpectRefused({{"--memory", "2GiB"}}, HasSubstr("'--memory' is no flag"));
  ExpectRefused({{"", "2GiB"}}, HasSubstr("'' is no flag"));
  ExpectRefused({{"memory", "2GiB"}, {"eviction", "lfu"}},
                AllOf(HasSubstr("--eviction can not change"), HasSubstr("max_inflight, memory")));
  EXPECT_EQ(ValueOf("memory"), "1GiB");
}

TEST_F(MaintenanceHandlerTest, SetConfigSaysWhyAValueIsRefused) {
  const absl::Status status = SetConfig({{"max_inflight", "20"}, {"memory", "bad"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "SetConfig: --memory: 'bad' is no size");
  EXPECT_EQ(ValueOf("max_inflight"), "10");
}

TEST_F(MaintenanceHandlerTest, SetConfigShowsNoLongTextOfAClient) {
  const std::string text(100000, '\n');
  ExpectRefused({{"memory", text}}, HasSubstr("--memory: the value has 100000 bytes"));
  const absl::Status status = SetConfig({{text, "1"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 300u);
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace larder::server
