#include "server/upkeep/incident_report.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class IncidentReportTest : public HandlerTest {
 protected:
  std::vector<std::string> LinesAt(seconds time) {
    lines_.clear();
    report_->Look(start_ + time);
    return lines_;
  }

  const IncidentReport::Time start_{};
  InflightLimit inflight_{0, absl::ZeroDuration()};
  ConnectionTable connections_{0};
  TlsCounters tls_;
  TransportMetrics transport_;
  std::vector<std::string> lines_;
  std::unique_ptr<IncidentReport> report_ = std::make_unique<IncidentReport>(
      IncidentSources{.cache = &cache_,
                      .inflight = &inflight_,
                      .connections = &connections_,
                      .tls = &tls_,
                      .transport = &transport_},
      [this](const std::string& line) { lines_.push_back(line); }, start_);
};

TEST_F(IncidentReportTest, SaysNothingWhereNothingHappens) {
  EXPECT_THAT(LinesAt(seconds(1)), IsEmpty());
}

TEST_F(IncidentReportTest, SaysAtOnceWhatBeginsAndThenHowMuchThereWasInEachPeriod) {
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(inflight_.Enter().ok());
  EXPECT_THAT(
      LinesAt(seconds(1)),
      ElementsAre("3 requests refused: the node is overloaded (--max_inflight), in the last 1 s"));
  for (int second = 2; second <= 10; ++second) {
    EXPECT_FALSE(inflight_.Enter().ok());
    EXPECT_THAT(LinesAt(seconds(second)), IsEmpty());
  }
  EXPECT_THAT(LinesAt(seconds(11)), ElementsAre(HasSubstr("9 requests refused")));
  EXPECT_THAT(LinesAt(seconds(12)), IsEmpty());
  EXPECT_THAT(LinesAt(seconds(99)), IsEmpty());
  EXPECT_FALSE(inflight_.Enter().ok());
  EXPECT_THAT(LinesAt(seconds(100)), ElementsAre(testing::EndsWith("in the last 1 s")));
}

TEST_F(IncidentReportTest, TellsOfWritesThatMemoryHadNoRoomFor) {
  storage::KeyspaceOptions options;
  options.memory_bytes = storage::Keyspace::kMemoryBytesMin;
  options.stripes = 1;
  options.eviction = storage::EvictionKind::kNone;
  const ServedKeyspace keyspace(storage::Keyspace::Create(options, &versions_).value());
  CacheHandler cache(&keyspace, &time_, {}, LeaseTokenCodec(3, 77));
  IncidentReport report(
      {.cache = &cache,
       .inflight = &inflight_,
       .connections = &connections_,
       .tls = &tls_,
       .transport = &transport_},
      [this](const std::string& line) { lines_.push_back(line); }, start_);
  const std::string value(1 << 20, 'v');
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    RecordingSet reply;
    const std::string key = "key" + std::to_string(i);
    cache.Set({.key = key, .value = value}, reply);
    if (absl::IsResourceExhausted(reply.status)) ++refused;
  }
  ASSERT_GT(refused, 5);
  report.Look(start_ + seconds(1));
  EXPECT_THAT(lines_, ElementsAre(std::to_string(refused) +
                                  " writes refused: memory is full (--memory), in the last 1 s"));
}

TEST_F(IncidentReportTest, HasALineForEachKind) {
  connections_.CountAcceptFailure();
  EXPECT_FALSE(connections_.Admit(0));
  tls_.CountFailure(TlsFailure::kClientAlert);
  tls_.CountFailure(TlsFailure::kClientAlert);
  transport_.Count(ConnectionEnd::kFlood);
  transport_.Count(ConnectionEnd::kUnreadTimeout);
  transport_.Count(ConnectionEnd::kClient);  // which is no incident
  transport_.Count(StreamReset::kUnreadTimeout);
  transport_.CountRefused(absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(
      LinesAt(seconds(1)),
      testing::UnorderedElementsAre(HasSubstr("1 connections refused"),
                                    HasSubstr("1 times no connection could be accepted"),
                                    HasSubstr("1 calls refused before"), HasSubstr("1 calls reset"),
                                    HasSubstr("read nothing of their answers"), HasSubstr("flood"),
                                    HasSubstr("2 TLS handshakes failed: client_alert")));
}

}  // namespace
}  // namespace larder::server
