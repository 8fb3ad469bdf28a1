#ifndef LARDER_TESTS_BENCH_HOT_PATH_WORKLOAD_H_
#define LARDER_TESTS_BENCH_HOT_PATH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/hot_path/load_shape.h"

namespace larder::bench {

enum class WorkloadOperation { kGet, kSet, kMultiGet, kPipelineGet, kPipelineSet };

// What a server is asked to do again and again, and how.
struct Workload {
  std::string name;
  WorkloadOperation operation = WorkloadOperation::kGet;
  size_t value_bytes = 100;
  LoadShape shape;  // of gRPC's connections
  int keys_per_operation = 1;
  uint64_t operations = 1;  // of one run, unless told otherwise: about a second of redis' processor
  std::optional<uint64_t> keys_wanted = {};

  bool writes() const;
  bool is_pipeline() const;
  // How many different keys there are: keys_wanted, else 10000; fewer when values are large.
  uint64_t keys() const;
  // The connections of redis and memcached. As many operations in flight where the protocol allows
  // it: on a Pipeline's connections the same, else 50 connections at most without pipelining.
  LoadShape PeerShape() const;
  // How a peer pipelines the same work, for comparison.
  LoadShape PipelinedPeerShape() const;
};

inline constexpr size_t kWorkloadKeyBytes = 16;

const std::vector<Workload>& AllWorkloads();

// Those with these names, in this order; all of them if there are no names. INVALID_ARGUMENT names
// --workloads and those that there are.
absl::StatusOr<std::vector<Workload>> FindWorkloads(const std::vector<std::string>& names);

std::string_view OperationName(WorkloadOperation operation);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_WORKLOAD_H_
