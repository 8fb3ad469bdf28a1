#ifndef LARDER_TESTS_BENCH_LATENCY_REPORT_H_
#define LARDER_TESTS_BENCH_LATENCY_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/latency_run.h"

namespace larder::bench {

// What a latency run has found, for people and for programs.
std::string LatencyToText(const LatencyRunOptions& options, const LatencyReport& report);
nlohmann::ordered_json LatencyToJson(const LatencyRunOptions& options, const LatencyReport& report);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_LATENCY_REPORT_H_
