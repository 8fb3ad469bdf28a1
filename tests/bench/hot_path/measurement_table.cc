#include "tests/bench/hot_path/measurement_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/median.h"

namespace larder::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string TextOf(const std::optional<double>& number) {
  return number.has_value() ? absl::StrFormat("%.2f", *number) : "-";
}

Json JsonOf(const std::optional<double>& number) {
  return number.has_value() ? Json(*number) : Json();
}

}  // namespace

Measurement MeasurementTable::Row::Median() const {
  const auto median_of = [this](double Measurement::* field) {
    std::vector<double> values;
    for (const Measurement& each : measurements) values.push_back(each.*field);
    return bench::Median(std::move(values));
  };
  Measurement median;
  median.shape = measurements.front().shape;
  std::vector<double> system_calls;
  for (const Measurement& each : measurements) {
    median.operations += each.operations;
    if (each.system_calls.has_value()) system_calls.push_back(*each.system_calls);
  }
  if (!system_calls.empty()) median.system_calls = bench::Median(std::move(system_calls));
  for (double Measurement::* const field :
       {&Measurement::cpu_micros, &Measurement::sleeps, &Measurement::operations_per_second,
        &Measurement::p50_micros, &Measurement::p99_micros, &Measurement::p999_micros,
        &Measurement::client_cpu_micros, &Measurement::sent_bytes, &Measurement::received_bytes}) {
    median.*field = median_of(field);
  }
  return median;
}

void MeasurementTable::Add(const std::string& server, const Measurement& measurement) {
  const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) {
    return row.server == server && row.measurements.front().shape == measurement.shape;
  });
  if (found != rows_.end()) {
    found->measurements.push_back(measurement);
  } else {
    rows_.push_back({server, {measurement}});
  }
}

std::optional<double> MeasurementTable::RatioToRedis(const Measurement& median) const {
  for (const Row& row : rows_) {
    if (row.server != kRedisName) continue;
    return median.cpu_micros / row.Median().cpu_micros;
  }
  return std::nullopt;
}

Json MeasurementTable::ToJson() const {
  Json rows = Json::array();
  for (const Row& row : rows_) {
    const Measurement median = row.Median();
    rows.push_back({{"server", row.server},
                    {"connections", median.shape.connections},
                    {"in_flight", median.shape.in_flight},
                    {"operations", median.operations},
                    {"cpu_micros", median.cpu_micros},
                    {"cpu_micros_per_key", median.cpu_micros / workload_.keys_per_operation},
                    {"cpu_ratio_to_redis", JsonOf(RatioToRedis(median))},
                    {"system_calls", JsonOf(median.system_calls)},
                    {"sleeps", median.sleeps},
                    {"operations_per_second", median.operations_per_second},
                    {"p50_micros", median.p50_micros},
                    {"p99_micros", median.p99_micros},
                    {"p999_micros", median.p999_micros},
                    {"client_cpu_micros", median.client_cpu_micros},
                    {"sent_bytes", median.sent_bytes},
                    {"received_bytes", median.received_bytes}});
  }
  return {{"name", workload_.name},
          {"operation", std::string(OperationName(workload_.operation))},
          {"value_bytes", workload_.value_bytes},
          {"keys_per_operation", workload_.keys_per_operation},
          {"rows", std::move(rows)}};
}

std::string MeasurementTable::ToText() const {
  std::string text = absl::StrFormat("%-18s %-8s %8s %8s %8s %8s %8s %9s %8s %8s %8s %8s\n",
                                     workload_.name, "load", "cpu us", "us/key", "/redis", "calls",
                                     "sleeps", "ops/s", "p50 us", "p99 us", "p99.9 us", "client");
  for (const Row& row : rows_) {
    const Measurement median = row.Median();
    absl::StrAppendFormat(
        &text, "%-18s %-8s %8.2f %8.2f %8s %8s %8.2f %9.0f %8.0f %8.0f %8.0f %8.2f\n", row.server,
        absl::StrCat(median.shape.connections, " x ", median.shape.in_flight), median.cpu_micros,
        median.cpu_micros / workload_.keys_per_operation, TextOf(RatioToRedis(median)),
        TextOf(median.system_calls), median.sleeps, median.operations_per_second, median.p50_micros,
        median.p99_micros, median.p999_micros, median.client_cpu_micros);
  }
  return text;
}

}  // namespace larder::bench
