#include "client/load/report.h"

namespace larder::load {

uint64_t Report::errors_total() const {
  uint64_t total = 0;
  for (const auto& [code, count] : errors) total += count;
  return total;
}

double Report::operations_per_second() const {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  return seconds > 0 ? static_cast<double>(operations()) / seconds : 0;
}

double Report::hit_ratio() const {
  return hits + misses == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(hits + misses);
}

void Report::Add(const Operation& operation, absl::Duration latency) {
  const bool is_get = operation.kind == Operation::Kind::kGet;
  ++(is_get ? gets : sets);
  if (!operation.status.ok()) {
    ++errors[operation.status.code()];
    if (first_error.empty()) first_error = operation.status.ToString();
    return;
  }
  (is_get ? get_latency : set_latency).Add(latency);
  if (is_get) ++(operation.found ? hits : misses);
}

void Report::Merge(const Report& other) {
  gets += other.gets;
  sets += other.sets;
  hits += other.hits;
  misses += other.misses;
  unsent += other.unsent;
  wrong_values += other.wrong_values;
  for (const auto& [code, count] : other.errors) errors[code] += count;
  if (first_error.empty()) first_error = other.first_error;
  get_latency.Merge(other.get_latency);
  set_latency.Merge(other.set_latency);
}

}  // namespace larder::load
