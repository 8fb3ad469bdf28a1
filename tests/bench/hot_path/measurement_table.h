#ifndef LARDER_TESTS_BENCH_HOT_PATH_MEASUREMENT_TABLE_H_
#define LARDER_TESTS_BENCH_HOT_PATH_MEASUREMENT_TABLE_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/hot_path/measurement.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// The measurements of one workload: a row for each server and shape of its load.
class MeasurementTable {
 public:
  struct Row {
    std::string server;
    std::vector<Measurement> measurements;  // one of each run; not empty

    // The median of each field by itself. Operations are those of all runs; system calls of those
    // that counted them.
    Measurement Median() const;
  };

  explicit MeasurementTable(const Workload& workload) : workload_(workload) {}

  void Add(const std::string& server, const Measurement& measurement);
  const std::vector<Row>& rows() const { return rows_; }

  // Processor time over that of redis without pipelining, or with it where the workload has it.
  // Absent: there is no redis.
  std::optional<double> RatioToRedis(const Measurement& median) const;

  nlohmann::ordered_json ToJson() const;
  // The medians, for people.
  std::string ToText() const;

 private:
  const Workload workload_;
  std::vector<Row> rows_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_MEASUREMENT_TABLE_H_
