#include "client/cli/json.h"

#include <gtest/gtest.h>

namespace larder::cli {
namespace {

TEST(BytesToJsonTest, Utf8IsAString) {
  EXPECT_EQ(BytesToJson("").dump(), "\"\"");
  EXPECT_EQ(BytesToJson("h\u00e9llo \u20ac \U0001F600").get<std::string>(),
            "h\u00e9llo \u20ac \U0001F600");
  EXPECT_EQ(BytesToJson(std::string("a\0b\n", 4)).dump(), "\"a\\u0000b\\n\"");
}

TEST(BytesToJsonTest, OtherBytesAreBase64) {
  EXPECT_EQ(BytesToJson("\xff").dump(), "{\"base64\":\"/w==\"}");
  for (const char* bytes : {
           "\x80",              // continuation alone
           "\xc0\xaf",          // overlong
           "\xe0\x80\x80",      // overlong
           "\xed\xa0\x80",      // surrogate
           "\xf4\x90\x80\x80",  // beyond U+10FFFF
           "\xf5\x80\x80\x80",  // no lead byte
           "ok\xe2\x82",        // cut short
           "\xe2\x28\xa1",      // second byte wrong
           "\xf0\x9f\x98\x28",  // last byte wrong
       }) {
    EXPECT_TRUE(BytesToJson(bytes).is_object()) << bytes;
  }
}

TEST(AddEntryTest, VersionsAreStringsAndNeverIsLeftOut) {
  Json json;
  AddEntry({"v", 9007199254740993u, absl::InfiniteFuture(), 7}, json);
  EXPECT_EQ(json.dump(), R"({"value":"v","version":"9007199254740993","flags":7})");
  AddEntry({"v", 1, absl::FromUnixMillis(1500), 0}, json);
  EXPECT_EQ(json["expires_at"], "1970-01-01T00:00:01.500Z");
}

TEST(ReportToJsonTest, HasRatiosOnlyIfThereWereReads) {
  load::Report report;
  EXPECT_TRUE(ToJson(report)["hit_ratio"].is_null());
  load::Operation get;
  get.found = true;
  report.Add(get, absl::Microseconds(100));
  get.found = false;
  report.Add(get, absl::Microseconds(100));
  get.status = absl::UnavailableError("gone");
  report.Add(get, absl::Microseconds(100));
  const Json json = ToJson(report);
  EXPECT_EQ(json["hit_ratio"], 0.5);
  EXPECT_EQ(json["gets"], 3);
  EXPECT_EQ(json["errors"]["UNAVAILABLE"], 1);
  EXPECT_EQ(json["latency_us"]["get"]["count"], 2);
  EXPECT_NEAR(json["latency_us"]["get"]["p99"].get<double>(), 100, 1);
}

}  // namespace
}  // namespace larder::cli
