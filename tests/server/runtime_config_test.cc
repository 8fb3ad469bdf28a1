#include "server/upkeep/runtime_config.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/config/flag_table.h"
#include "storage/hybrid_clock.h"

namespace larder::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kMi = uint64_t{1} << 20;

std::map<std::string, std::string> ValuesOf(const RuntimeConfig& config) {
  std::map<std::string, std::string> values;
  for (const ConfigEntry& entry : config.Read()) values[entry.name] = entry.value;
  return values;
}

ServerConfig WithStripes(uint32_t stripes) {
  ServerConfig config;
  config.keyspace.stripes = stripes;
  return config;
}

class RuntimeConfigTest : public testing::Test {
 protected:
  explicit RuntimeConfigTest(ServerConfig config = WithStripes(1))
      : clock_(0),
        keyspace_(storage::Keyspace::Create(config.keyspace, &clock_).value()),
        inflight_(config.max_inflight, absl::Milliseconds(1)),
        config_(config, &keyspace_, &inflight_, [this](const ConfigChange& change) {
          log_.push_back(
              absl::StrCat(change.name, ": ", change.old_value, " to ", change.new_value));
        }) {}

  std::map<std::string, std::string> Values() const { return ValuesOf(config_); }

  std::string Refusal(const std::vector<ConfigSettingView>& settings) {
    const auto before = Values();
    const uint64_t limit_bytes = keyspace_.get()->memory_limit_bytes();
    const absl::Status status = config_.Change(settings);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Values(), before);
    EXPECT_EQ(keyspace_.get()->memory_limit_bytes(), limit_bytes);
    EXPECT_THAT(log_, testing::IsEmpty());
    return std::string(status.message());
  }

  storage::HybridClock clock_;
  ServedKeyspace keyspace_;
  InflightLimit inflight_;
  std::vector<std::string> log_;
  RuntimeConfig config_;
};

TEST_F(RuntimeConfigTest, SaysWhichFlagsCanChange) {
  std::vector<std::string> changeable;
  for (const ConfigEntry& entry : config_.Read()) {
    if (entry.changeable) changeable.push_back(entry.name);
  }
  EXPECT_THAT(changeable, ElementsAre("max_inflight", "memory"));
  EXPECT_EQ(config_.Read().size(), Flags().size());
}

TEST_F(RuntimeConfigTest, MemoryIsReadAsTheFlagIsAndReachesTheKeyspace) {
  ASSERT_TRUE(config_.Change({{"memory", "65536k"}}).ok());
  EXPECT_EQ(keyspace_.get()->memory_limit_bytes(), 64 * kMi);
  EXPECT_EQ(Values()["memory"], "64MiB");
  ASSERT_TRUE(config_.Change({{"memory", "2GiB"}}).ok());
  EXPECT_EQ(keyspace_.get()->memory_limit_bytes(), 2048 * kMi);
  EXPECT_THAT(log_, ElementsAre("memory: 1GiB to 64MiB", "memory: 64MiB to 2GiB"));
}

TEST_F(RuntimeConfigTest, AValueThatStaysIsNoChange) {
  ASSERT_TRUE(config_.Change({{"memory", "1024MiB"}}).ok());
  EXPECT_THAT(log_, testing::IsEmpty());
}

TEST_F(RuntimeConfigTest, RefusesAllIfItRefusesOne) {
  EXPECT_EQ(Refusal({{"max_inflight", "7"}, {"memory", "lots"}}),
            "--memory: 'lots' is not a size (like 64KiB, 1GiB or 1048576) from 4MiB to 16TiB");
  EXPECT_THAT(Refusal({{"memory", "64MiB"}, {"max_inflight", "0"}}),
              HasSubstr("--max_inflight: '0' is not a number from 1 to 10000000"));
  for (const char* value : {"", "-1GiB", "1GiB ", "4194303", "17TiB", "99999999999999999999GiB"}) {
    EXPECT_THAT(Refusal({{"memory", value}}), HasSubstr("from 4MiB to 16TiB")) << value;
  }
}

TEST_F(RuntimeConfigTest, MaxInflightBoundsTheNextRequest) {
  ASSERT_TRUE(config_.Change({{"max_inflight", "2"}}).ok());
  EXPECT_TRUE(inflight_.Enter().ok());
  EXPECT_TRUE(inflight_.Enter().ok());
  EXPECT_THAT(std::string(inflight_.Enter().message()), HasSubstr("2 requests"));
  ASSERT_TRUE(config_.Change({{"max_inflight", "1"}}).ok());
  inflight_.Leave();
  EXPECT_FALSE(inflight_.Enter().ok()) << "one is still served";
  inflight_.Leave();
  EXPECT_TRUE(inflight_.Enter().ok());
}

TEST_F(RuntimeConfigTest, ReadersSeeWholeChanges) {
  RuntimeConfig config(WithStripes(1), &keyspace_, &inflight_, {});
  ASSERT_TRUE(config.Change({{"memory", "10MiB"}, {"max_inflight", "10"}}).ok());
  std::atomic<bool> is_over{false};
  std::thread reader([&] {
    while (!is_over) {
      auto values = ValuesOf(config);
      EXPECT_EQ(values["memory"], values["max_inflight"] + "MiB");
    }
  });
  std::vector<std::thread> writers;
  for (int first : {10, 11}) {
    writers.emplace_back([&config, first] {
      for (int n = first; n < 100; n += 2) {
        const std::string number = absl::StrCat(n);
        const std::string size = number + "MiB";
        EXPECT_TRUE(config.Change({{"memory", size}, {"max_inflight", number}}).ok());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  is_over = true;
  reader.join();
  EXPECT_EQ(absl::StrCat(keyspace_.get()->memory_limit_bytes() / kMi),
            ValuesOf(config)["max_inflight"]);
}

class ManyStripesTest : public RuntimeConfigTest {
 protected:
  ManyStripesTest() : RuntimeConfigTest(WithStripes(64)) {}
};

TEST_F(ManyStripesTest, TheKeyspaceMayRefuseALimitThatTheFlagAllows) {
  EXPECT_THAT(Refusal({{"max_inflight", "7"}, {"memory", "4MiB"}}),
              testing::AllOf(HasSubstr("--memory: "), HasSubstr("64 stripes")));
  EXPECT_TRUE(inflight_.Enter().ok());
}

}  // namespace
}  // namespace larder::server
