#include "tests/bench/hot_path/measurement_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace larder::bench {
namespace {

using testing::HasSubstr;

Measurement Make(double cpu_micros, double p99_micros, LoadShape shape = {50, 1}) {
  Measurement measurement;
  measurement.shape = shape;
  measurement.operations = 10;
  measurement.cpu_micros = cpu_micros;
  measurement.p99_micros = p99_micros;
  return measurement;
}

Workload MultiGetOfFour() {
  Workload workload;
  workload.name = "four";
  workload.operation = WorkloadOperation::kMultiGet;
  workload.keys_per_operation = 4;
  return workload;
}

TEST(MeasurementTableTest, HasTheMedianOfEachFieldByItself) {
  MeasurementTable table(MultiGetOfFour());
  table.Add("larderd", Make(3, 100));
  table.Add("larderd", Make(1, 300));
  table.Add("larderd", Make(2, 200));
  ASSERT_EQ(table.rows().size(), 1u);
  const Measurement median = table.rows()[0].Median();
  EXPECT_EQ(median.cpu_micros, 2);
  EXPECT_EQ(median.p99_micros, 200);
  EXPECT_EQ(median.operations, 30u);
}

TEST(MeasurementTableTest, SystemCallsAreOfTheRunsThatCountedThem) {
  MeasurementTable table(MultiGetOfFour());
  table.Add("larderd", Make(3, 100));
  EXPECT_EQ(table.rows()[0].Median().system_calls, std::nullopt);
  Measurement counted = Make(3, 100);
  counted.system_calls = 0.5;
  table.Add("larderd", counted);
  EXPECT_EQ(table.rows()[0].Median().system_calls, 0.5);
}

TEST(MeasurementTableTest, EachShapeOfAServerHasARow) {
  MeasurementTable table(MultiGetOfFour());
  table.Add("redis-server", Make(10, 1, {50, 1}));
  table.Add("redis-server", Make(2, 1, {4, 16}));
  table.Add("redis-server", Make(12, 1, {50, 1}));
  ASSERT_EQ(table.rows().size(), 2u);
  EXPECT_EQ(table.rows()[0].Median().cpu_micros, 11);
  EXPECT_EQ(table.rows()[1].Median().cpu_micros, 2);
}

TEST(MeasurementTableTest, RatiosAreToTheFirstRowOfRedis) {
  MeasurementTable table(MultiGetOfFour());
  table.Add("larderd", Make(5, 1));
  EXPECT_EQ(table.RatioToRedis(table.rows()[0].Median()), std::nullopt);
  table.Add("redis-server", Make(10, 1, {50, 1}));
  table.Add("redis-server", Make(2, 1, {4, 16}));
  EXPECT_EQ(table.RatioToRedis(table.rows()[0].Median()), 0.5);
  EXPECT_EQ(table.RatioToRedis(table.rows()[2].Median()), 0.2);
}

TEST(MeasurementTableTest, JsonHasEachRowAndNullForWhatIsNotKnown) {
  MeasurementTable table(MultiGetOfFour());
  table.Add("larderd", Make(5, 1));
  const nlohmann::ordered_json json = table.ToJson();
  EXPECT_EQ(json["name"], "four");
  EXPECT_EQ(json["operation"], "multi_get");
  ASSERT_EQ(json["rows"].size(), 1u);
  EXPECT_EQ(json["rows"][0]["server"], "larderd");
  EXPECT_EQ(json["rows"][0]["connections"], 50);
  EXPECT_EQ(json["rows"][0]["cpu_micros"], 5);
  EXPECT_EQ(json["rows"][0]["cpu_micros_per_key"], 1.25);
  EXPECT_TRUE(json["rows"][0]["cpu_ratio_to_redis"].is_null());
  EXPECT_TRUE(json["rows"][0]["system_calls"].is_null());
}

TEST(MeasurementTableTest, TextHasARatioOrADash) {
  MeasurementTable table(MultiGetOfFour());
  table.Add("larderd", Make(5, 1, {4, 8}));
  EXPECT_THAT(table.ToText(), HasSubstr(" - "));
  EXPECT_THAT(table.ToText(), HasSubstr("4 x 8"));
  table.Add("redis-server", Make(10, 1));
  EXPECT_THAT(table.ToText(), HasSubstr(" 0.50 "));
}

}  // namespace
}  // namespace larder::bench
