#ifndef LARDER_CLIENT_LOAD_REPORT_H_
#define LARDER_CLIENT_LOAD_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/load/engine.h"
#include "client/measure/histogram.h"

namespace larder::load {

// What a load did. Not thread-safe. Latencies are of operations without error.
struct Report {
  absl::Duration elapsed;
  uint64_t gets = 0;  // that ended, with or without error
  uint64_t sets = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t unsent = 0;        // open loop: due before the end, but there was no room in flight
  uint64_t wrong_values = 0;  // hits whose value was not what had been written
  std::map<absl::StatusCode, uint64_t> errors;
  std::string first_error;
  bool gave_up = false;  // ended early, because nothing but errors came for long
  Histogram get_latency;
  Histogram set_latency;

  uint64_t operations() const { return gets + sets; }
  uint64_t errors_total() const;
  bool clean() const { return errors_total() == 0 && wrong_values == 0; }
  double operations_per_second() const;
  double hit_ratio() const;  // 0 if there was no Get that succeeded

  // Counts an operation that has ended after `latency`.
  void Add(const Operation& operation, absl::Duration latency);
  void Merge(const Report& other);
};

// How far a load is, for whoever shows it.
struct Progress {
  absl::Duration elapsed;
  uint64_t operations = 0;
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t errors = 0;
  std::optional<double> share;  // 0..1; absent: nobody knows where the end is
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_LOAD_REPORT_H_
