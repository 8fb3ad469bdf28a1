#ifndef LARDER_SERVER_METRICS_PAGE_FAMILY_H_
#define LARDER_SERVER_METRICS_PAGE_FAMILY_H_

#include <prometheus/metric_family.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "server/metrics/request_metrics.h"

namespace larder::server {

// A family whose series are added one by one.
class Family {
 public:
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  Family(prometheus::MetricType type, std::string name, std::string help)
      : family_{std::move(name), std::move(help), type, {}} {}

  Family& Add(double value, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
    return *this;
  }

  Family& Add(const RequestMetrics::MethodFigures& figures, Labels labels) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    uint64_t cumulative = 0;
    for (size_t i = 0; i < RequestMetrics::kBuckets; ++i) {
      cumulative += figures.buckets[i];
      const double bound = i < kLatencyBounds.size() ? static_cast<double>(kLatencyBounds[i]) / 1e9
                                                     : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = static_cast<double>(figures.nanoseconds) / 1e9;
    family_.metric.push_back(std::move(metric));
    return *this;
  }

  prometheus::MetricFamily Take() { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

// Adds a family of one series.
inline void Single(std::vector<prometheus::MetricFamily>& families, prometheus::MetricType type,
                   std::string name, std::string help, double value) {
  families.push_back(Family(type, std::move(name), std::move(help)).Add(value).Take());
}

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_PAGE_FAMILY_H_
