#include "server/config/command_line.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string>
#include <vector>

#include "server/config/flag_table.h"
#include "storage/mutation_log.h"

namespace larder::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string ErrorOf(std::vector<std::string> arguments) {
  const auto result = ParseCommandLine(std::move(arguments));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

ServerConfig ConfigOf(std::vector<std::string> arguments) {
  const auto result = ParseCommandLine(std::move(arguments));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->config : ServerConfig();
}

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(CommandLineTest, DefaultsAreValidAndAsDocumented) {
  const ServerConfig config = ConfigOf({});
  EXPECT_EQ(config.listen.ToString(), "127.0.0.1:7600");
  EXPECT_EQ(config.metrics_listen.ToString(), "127.0.0.1:9600");
  EXPECT_EQ(config.keyspace.memory_bytes, uint64_t{1} << 30);
  EXPECT_EQ(config.limits.max_value_bytes, size_t{4194304 - 65536});
  EXPECT_EQ(config.limits.default_ttl, absl::InfiniteDuration());
  EXPECT_TRUE(ChangedConfigEntries(config).empty());
}

TEST(CommandLineTest, EveryFlagReadsItsOwnText) {
  ServerConfig config;
  for (const Flag& flag : Flags()) {
    const std::string value = flag.get(config);
    EXPECT_TRUE(flag.set(config, value).ok()) << flag.name << "=" << value;
    EXPECT_EQ(flag.get(config), value) << flag.name;
    EXPECT_FALSE(flag.help.empty());
  }
}

TEST(CommandLineTest, BothWaysOfWritingAValueWork) {
  const ServerConfig config = ConfigOf({"--memory=64MiB", "--eviction", "lfu", "--stripes=8"});
  EXPECT_EQ(config.keyspace.memory_bytes, uint64_t{64} << 20);
  EXPECT_EQ(config.keyspace.eviction, storage::EvictionKind::kLfu);
  EXPECT_EQ(config.keyspace.stripes, 8u);
}

TEST(CommandLineTest, TheLastOneWins) {
  EXPECT_EQ(ConfigOf({"--io_threads=3", "--io_threads=5"}).io_threads, 5u);
}

TEST(CommandLineTest, EmptyMetricsAddressMeansNone) {
  EXPECT_FALSE(ConfigOf({"--metrics_listen=", "--io_threads=3"}).has_metrics);
  EXPECT_FALSE(ConfigOf({"--metrics_listen="}).has_metrics);
  EXPECT_TRUE(ConfigOf({"--metrics_listen=", "--metrics_listen=[::1]:0"}).has_metrics);
}

TEST(CommandLineTest, CallsBetweenNodesHaveBoundsOfTheirOwn) {
  EXPECT_THAT(ErrorOf({"--max_forwarded_bytes=18MiB"}),
              HasSubstr("--max_forwarded_bytes is 18MiB, too little for --max_request_bytes "
                        "(16MiB) and --max_response_bytes (4064KiB): at least 20938752"));
  EXPECT_THAT(ErrorOf({"--tls_peer_ca_file=/ca"}), HasSubstr("--tls_cert_file is empty"));
}

TEST(CommandLineTest, TheMetricsPortHasBoundsOfItsOwn) {
  const HttpLimits limits = ConfigOf({"--metrics_max_connections=7", "--metrics_timeout=1500ms",
                                      "--metrics_max_request_bytes=2KiB"})
                                .metrics_limits;
  EXPECT_EQ(limits.connections_max, 7u);
  EXPECT_EQ(limits.request_bytes_max, size_t{2} << 10);
  EXPECT_EQ(limits.timeout, absl::Milliseconds(1500));
  const HttpLimits defaults = ConfigOf({}).metrics_limits;
  EXPECT_EQ(defaults.connections_max, 256u);
  EXPECT_EQ(defaults.request_bytes_max, size_t{8} << 10);
  EXPECT_EQ(defaults.timeout, absl::Seconds(10));
  EXPECT_THAT(ErrorOf({"--metrics_max_connections=0"}), HasSubstr("1 to 10000"));
  EXPECT_THAT(ErrorOf({"--metrics_max_request_bytes=100"}), HasSubstr("1KiB to 64KiB"));
  EXPECT_THAT(ErrorOf({"--metrics_timeout=99ms"}), HasSubstr("100ms to 1h"));
}

TEST(CommandLineTest, HelpAndVersionArePrinted) {
  const auto help = ParseCommandLine({"--help"});
  ASSERT_TRUE(help.ok());
  ASSERT_TRUE(help->print.has_value());
  for (const Flag& flag : Flags()) EXPECT_THAT(*help->print, HasSubstr("--" + flag.name));
  const auto version = ParseCommandLine({"--version"});
  ASSERT_TRUE(version.ok());
  EXPECT_THAT(version->print.value_or(""), HasSubstr("larderd " LARDER_VERSION));
}

TEST(CommandLineTest, UnknownFlagsAndWordsAreNamed) {
  EXPECT_THAT(ErrorOf({"--no_such_flag=1"}), HasSubstr("--no_such_flag"));
  EXPECT_THAT(ErrorOf({"word"}), HasSubstr("word"));
  EXPECT_THAT(ErrorOf({"--memory"}), HasSubstr("--memory"));
}

TEST(CommandLineTest, BadValuesNameFlagValueAndRange) {
  EXPECT_THAT(ErrorOf({"--memory=lots"}),
              AllOf(HasSubstr("--memory"), HasSubstr("'lots'"), HasSubstr("4MiB to 16TiB")));
  EXPECT_THAT(ErrorOf({"--memory=1MiB"}), HasSubstr("4MiB to 16TiB"));
  EXPECT_THAT(ErrorOf({"--memory=-1"}), HasSubstr("--memory"));
  EXPECT_THAT(ErrorOf({"--memory="}), HasSubstr("--memory"));
  EXPECT_THAT(ErrorOf({"--io_threads=65"}), HasSubstr("1 to 64"));
  EXPECT_THAT(ErrorOf({"--node_number=1024"}), HasSubstr("0 to 1023"));
  EXPECT_THAT(ErrorOf({"--drain_timeout=-1s"}), HasSubstr("0 to 1h"));
  EXPECT_THAT(ErrorOf({"--shutdown_delay=61m"}), HasSubstr("0 to 1h"));
  EXPECT_THAT(ErrorOf({"--max_log_bytes=4095"}), HasSubstr("4KiB to 1GiB"));
  EXPECT_THAT(ErrorOf({"--max_ttl=0s"}), HasSubstr("--max_ttl"));
  EXPECT_THAT(ErrorOf({"--default_ttl=soon"}), HasSubstr("none"));
  EXPECT_THAT(ErrorOf({"--early_refresh_beta=1001"}), HasSubstr("0 to 1000"));
  EXPECT_THAT(ErrorOf({"--early_refresh_beta=nan"}), HasSubstr("0 to 1000"));
  EXPECT_THAT(ErrorOf({"--eviction=clever"}),
              AllOf(HasSubstr("'clever'"), HasSubstr("lru-sampled")));
  EXPECT_THAT(ErrorOf({"--listen=nowhere"}), AllOf(HasSubstr("--listen"), HasSubstr("port")));
  EXPECT_THAT(ErrorOf({"--log_level=loud"}), HasSubstr("info, warning, error"));
}

// Words that look like numbers to some parser, and that no flag takes for one.
TEST(CommandLineTest, EveryFlagRefusesWhatIsNoNumberAndNamesItself) {
  for (const Flag& flag : Flags()) {
    if (flag.type == "FILE" || flag.type == "FOLDER") continue;
    for (const char* text : {"nan", "inf", "-inf", "infinity", "-1", "1e400", "0x10", " 1", "1 ",
                             "1s ", " 1s", "999999999999999999999999h", "1KiB ", "1,5"}) {
      EXPECT_THAT(ErrorOf({"--" + flag.name + "=" + text}),
                  AllOf(HasSubstr("--" + flag.name), HasSubstr(text)))
          << flag.name << "=" << text;
    }
  }
}

TEST(CommandLineTest, FlagsMustFitTogether) {
  EXPECT_THAT(ErrorOf({"--max_value_bytes=8MiB"}),
              AllOf(HasSubstr("--max_value_bytes"), HasSubstr("--max_response_bytes")));
  EXPECT_THAT(ErrorOf({"--max_value_bytes=20MiB", "--max_response_bytes=40MiB"}),
              HasSubstr("--max_request_bytes"));
  EXPECT_THAT(ErrorOf({"--default_ttl=2h", "--max_ttl=1h"}),
              AllOf(HasSubstr("--default_ttl"), HasSubstr("--max_ttl")));
  EXPECT_THAT(ErrorOf({"--default_lease_hold=10m"}), HasSubstr("--max_lease_hold"));
  EXPECT_THAT(ErrorOf({"--max_multi_items=1000000"}), HasSubstr("--max_response_bytes"));
  EXPECT_THAT(ErrorOf({"--max_scan_limit=1000000"}), HasSubstr("--max_response_bytes"));
  EXPECT_THAT(ErrorOf({"--stripes=3"}), HasSubstr("power of two"));
  EXPECT_EQ(
      ConfigOf({"--max_value_bytes=8MiB", "--max_response_bytes=16MiB"}).limits.max_value_bytes,
      size_t{8} << 20);
}

TEST(CommandLineTest, FlagsOfReplicationAreRead) {
  const ReplicationConfig defaults = ConfigOf({}).replication;
  EXPECT_FALSE(defaults.bus_listen.has_value());
  EXPECT_FALSE(defaults.replica_of.has_value());
  EXPECT_EQ(defaults.log_bytes, uint64_t{64} << 20);
  EXPECT_EQ(defaults.min_replicas_to_write, 0u);
  EXPECT_EQ(defaults.in_time, absl::Seconds(1));
  const ServerConfig config =
      ConfigOf({"--bus_listen=127.0.0.1:17600", "--replica_of=cache-1:7700", "--log_bytes=20032KiB",
                "--min_replicas_to_write=2", "--replica_in_time=300ms",
                "--cluster_secret_file=/secret", "--advertise=cache-2:7601", "--state_dir=/state"});
  const ReplicationConfig& replication = config.replication;
  EXPECT_EQ(replication.bus_listen->ToString(), "127.0.0.1:17600");
  EXPECT_EQ(replication.replica_of->bus().ToString(), "cache-1:17700");
  EXPECT_EQ(replication.log_bytes, uint64_t{20032} << 10);
  EXPECT_EQ(replication.min_replicas_to_write, 2u);
  EXPECT_EQ(replication.in_time, absl::Milliseconds(300));
  EXPECT_EQ(replication.secret_file, "/secret");
  EXPECT_EQ(replication.state_dir, "/state");
  EXPECT_EQ(AdvertisedEndpoint(config, {"127.0.0.1", 7600}).ToString(), "cache-2:7601");
  EXPECT_EQ(ChangedConfigEntries(config).size(), 8u);
  // The last one wins, and empty means none.
  EXPECT_FALSE(ConfigOf({"--bus_listen=127.0.0.1:1", "--bus_listen="}).replication.bus_listen);
}

TEST(CommandLineTest, ANodeTellsOthersTheAddressThatItIsGiven) {
  const Endpoint client{"10.0.0.7", 7600};
  EXPECT_EQ(AdvertisedEndpoint(ConfigOf({}), client).ToString(), "10.0.0.7:7600");
  EXPECT_EQ(AdvertisedEndpoint(ConfigOf({"--bus_listen=127.0.0.1:0", "--advertise=me:0"}), client)
                .ToString(),
            "me:7600");
}

TEST(CommandLineTest, FlagsOfReplicationHaveTheirRanges) {
  EXPECT_THAT(ErrorOf({"--bus_listen=nowhere"}),
              AllOf(HasSubstr("--bus_listen"), HasSubstr("port")));
  EXPECT_THAT(ErrorOf({"--replica_of=a:60000"}),
              AllOf(HasSubstr("--replica_of: 'a:60000'"), HasSubstr("HOST:PORT@BUS_PORT")));
  EXPECT_THAT(ErrorOf({"--log_bytes=1000KiB"}), HasSubstr("1MiB to 1TiB"));
  EXPECT_THAT(ErrorOf({"--log_bytes=2TiB"}), HasSubstr("1MiB to 1TiB"));
  EXPECT_THAT(
      ErrorOf({"--copy_bytes_per_second=65535"}),
      AllOf(HasSubstr("--copy_bytes_per_second: '65535'"), HasSubstr("64KiB to 1TiB, or 0")));
  EXPECT_THAT(ErrorOf({"--copy_bytes_per_second=2TiB"}), HasSubstr("64KiB to 1TiB, or 0"));
  for (const std::string text : {"0", "0MiB", "64KiB", "1TiB"}) {
    ConfigOf({"--copy_bytes_per_second=" + text});
  }
  EXPECT_EQ(ConfigOf({"--copy_bytes_per_second=0"}).replication.copy_bytes_per_second, 0u);
  EXPECT_THAT(ErrorOf({"--log_bytes=67108865"}),
              AllOf(HasSubstr("--log_bytes: '67108865'"), HasSubstr("multiple of 64KiB")));
  EXPECT_THAT(ErrorOf({"--min_replicas_to_write=17"}), HasSubstr("0 to 16"));
  EXPECT_THAT(ErrorOf({"--replica_in_time=199ms"}), HasSubstr("200ms to 1h"));
}

TEST(CommandLineTest, FlagsOfReplicationMustFitTogether) {
  const auto expect_both = [](std::vector<std::string> arguments, const char* one,
                              const char* other) {
    EXPECT_THAT(ErrorOf(std::move(arguments)), AllOf(HasSubstr(one), HasSubstr(other)));
  };
  for (const char* flag : {"--replica_of=a:7600", "--advertise=a:7600", "--cluster_secret_file=/s",
                           "--state_dir=/s", "--min_replicas_to_write=1"}) {
    const std::string name = std::string(flag).substr(0, std::string(flag).find('='));
    expect_both({flag}, name.c_str(), "--bus_listen is empty");
    ConfigOf({flag, "--bus_listen=127.0.0.1:0"});
  }
  expect_both({"--transport=grpcpp", "--bus_listen=127.0.0.1:0"}, "--bus_listen", "--transport");
  expect_both({"--listen=0.0.0.0:7600", "--bus_listen=0.0.0.0:17600"}, "--listen", "--advertise");
  expect_both({"--listen=[::]:7600", "--bus_listen=[::]:17600"}, "--listen", "--bus_listen");
  expect_both({"--advertise=0.0.0.0:7600", "--bus_listen=127.0.0.1:0"}, "--advertise",
              "--bus_listen");
  ConfigOf({"--listen=0.0.0.0:7600", "--bus_listen=0.0.0.0:17600", "--advertise=me:7600"});
  expect_both({"--bus_listen=127.0.0.1:7600"}, "--bus_listen", "--listen");
  ConfigOf({"--listen=127.0.0.1:0", "--bus_listen=127.0.0.1:0"});
}

TEST(CommandLineTest, TheLogHasRoomForTheLargestEntry) {
  const std::vector<std::string> small = {"--bus_listen=127.0.0.1:0", "--log_bytes=16192KiB"};
  EXPECT_THAT(ErrorOf(small), AllOf(HasSubstr("--log_bytes"), HasSubstr("--max_value_bytes"),
                                    HasSubstr("at least 16580864")));
  ConfigOf({"--log_bytes=16192KiB"});  // there is none
  const ServerConfig least = ConfigOf({"--bus_listen=127.0.0.1:0", "--log_bytes=16256KiB"});
  const auto log = storage::MutationLog::Create({.bytes = least.replication.log_bytes});
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_LE((*log)->RoomFor(least.limits.max_key_bytes, least.limits.max_value_bytes),
            (*log)->RoomMax());
}

TEST(CommandLineTest, CommandLineOverridesTheFlagFile) {
  const std::string path = WriteFile("larderd.flags",
                                     "# a comment\n\n  --memory=32MiB  \n--eviction=fifo\n"
                                     "--default_ttl=90m\r\n--metrics_listen=\n");
  const ServerConfig config = ConfigOf({"--memory=48MiB", "--flagfile=" + path});
  EXPECT_EQ(config.keyspace.memory_bytes, uint64_t{48} << 20);
  EXPECT_EQ(config.keyspace.eviction, storage::EvictionKind::kFifo);
  EXPECT_EQ(config.limits.default_ttl, absl::Minutes(90));
  EXPECT_FALSE(config.has_metrics);
}

TEST(CommandLineTest, AFlagFileMayBeginWithAByteOrderMarkAndBeEmpty) {
  const std::string marked = WriteFile("marked.flags", "\xef\xbb\xbf--memory=32MiB\n");
  EXPECT_EQ(ConfigOf({"--flagfile=" + marked}).keyspace.memory_bytes, uint64_t{32} << 20);
  ConfigOf({"--flagfile=/dev/null"});
}

TEST(CommandLineTest, ErrorsOfTheFlagFileNameTheLine) {
  const std::string unknown = WriteFile("unknown.flags", "--memory=32MiB\n--nonsense=1\n");
  EXPECT_THAT(ErrorOf({"--flagfile=" + unknown}), AllOf(HasSubstr(":2:"), HasSubstr("--nonsense")));
  const std::string shapeless = WriteFile("shapeless.flags", "memory=32MiB\n");
  EXPECT_THAT(ErrorOf({"--flagfile=" + shapeless}),
              AllOf(HasSubstr(":1:"), HasSubstr("--name=value")));
  const std::string nested = WriteFile("nested.flags", "--flagfile=x\n");
  EXPECT_THAT(ErrorOf({"--flagfile=" + nested}), HasSubstr("--flagfile"));
  EXPECT_THAT(ErrorOf({"--flagfile=/no/such/file"}), HasSubstr("/no/such/file"));
  EXPECT_THAT(ErrorOf({"--flagfile=/"}), HasSubstr("cannot read /"));
}

TEST(CommandLineTest, ConfigEntriesAreSortedAndChangesAreFound) {
  const ServerConfig config = ConfigOf({"--memory=64MiB", "--max_ttl=36h"});
  const auto entries = ConfigEntries(config);
  EXPECT_EQ(entries.size(), Flags().size());
  for (size_t i = 1; i < entries.size(); ++i) EXPECT_LT(entries[i - 1].name, entries[i].name);
  const auto changed = ChangedConfigEntries(config);
  ASSERT_EQ(changed.size(), 2u);
  EXPECT_EQ(changed[0].name, "memory");
  EXPECT_EQ(changed[0].value, "64MiB");
  EXPECT_EQ(changed[1].value, "36h");
}

}  // namespace
}  // namespace larder::server
