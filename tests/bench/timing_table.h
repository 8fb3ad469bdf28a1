#ifndef LARDER_TESTS_BENCH_TIMING_TABLE_H_
#define LARDER_TESTS_BENCH_TIMING_TABLE_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/keyspace_round.h"

namespace larder::bench {

// The timings of several rounds, line by line.
class TimingTable {
 public:
  struct Line {
    Timing timing;              // cpu_nanos: of the first round
    std::vector<double> nanos;  // one of each round
    double median() const;
  };

  void AddRound(const std::vector<Timing>& timings);
  const std::vector<Line>& lines() const { return lines_; }

  nlohmann::ordered_json ToJson() const;
  // The medians, for people.
  std::string ToText() const;
  // This table's medians beside those of `other`. INTERNAL: the tables have not the same lines.
  absl::StatusOr<std::string> CompareToText(const TimingTable& other) const;
  absl::StatusOr<nlohmann::ordered_json> CompareToJson(const TimingTable& other) const;

 private:
  std::vector<Line> lines_;
};

// What ToJson of one round made. INTERNAL: the text is something else.
absl::StatusOr<std::vector<Timing>> ParseTimings(std::string_view json);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_TIMING_TABLE_H_
