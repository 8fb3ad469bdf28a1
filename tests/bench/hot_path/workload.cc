#include "tests/bench/hot_path/workload.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace larder::bench {
namespace {

using Operation = WorkloadOperation;

constexpr uint64_t kKeysMax = 10000;
constexpr uint64_t kStoredBytesMax = uint64_t{256} << 20;
constexpr int kPeerConnectionsMax = 50;
constexpr LoadShape kPipelinedShape{4, 16};

}  // namespace

bool Workload::writes() const {
  return operation == Operation::kSet || operation == Operation::kPipelineSet;
}

bool Workload::is_pipeline() const {
  return operation == Operation::kPipelineGet || operation == Operation::kPipelineSet;
}

uint64_t Workload::keys() const {
  return keys_wanted.value_or(std::min(kKeysMax, kStoredBytesMax / value_bytes));
}

LoadShape Workload::PeerShape() const {
  if (is_pipeline()) return shape;
  return {std::min(kPeerConnectionsMax, shape.connections * shape.in_flight), 1};
}

LoadShape Workload::PipelinedPeerShape() const {
  if (is_pipeline()) return shape;
  const int in_flight = shape.connections * shape.in_flight / kPipelinedShape.connections;
  return {kPipelinedShape.connections, std::min(kPipelinedShape.in_flight, in_flight)};
}

const std::vector<Workload>& AllWorkloads() {
  static const std::vector<Workload> workloads = {
      {"get_100_4x50", Operation::kGet, 100, {4, 50}, 1, 100000},
      {"set_100_4x50", Operation::kSet, 100, {4, 50}, 1, 100000},
      {"get_100_50x1", Operation::kGet, 100, {50, 1}, 1, 100000},
      {"set_100_50x1", Operation::kSet, 100, {50, 1}, 1, 100000},
      {"get_100_1x100", Operation::kGet, 100, {1, 100}, 1, 100000},
      {"set_100_1x100", Operation::kSet, 100, {1, 100}, 1, 100000},
      {"get_1k_4x50", Operation::kGet, 1 << 10, {4, 50}, 1, 100000},
      {"set_1k_4x50", Operation::kSet, 1 << 10, {4, 50}, 1, 100000},
      {"get_16k_4x50", Operation::kGet, 16 << 10, {4, 50}, 1, 50000},
      {"set_16k_4x50", Operation::kSet, 16 << 10, {4, 50}, 1, 50000},
      {"get_1m_4x4", Operation::kGet, 1 << 20, {4, 4}, 1, 2000},
      {"set_1m_4x4", Operation::kSet, 1 << 20, {4, 4}, 1, 2000},
      {"multi_get_10", Operation::kMultiGet, 100, {4, 8}, 10, 50000},
      {"multi_get_100", Operation::kMultiGet, 100, {4, 8}, 100, 15000},
      {"pipeline_get_16", Operation::kPipelineGet, 100, {4, 16}, 1, 500000},
      {"pipeline_set_16", Operation::kPipelineSet, 100, {4, 16}, 1, 500000},
      {"pipeline_get_100", Operation::kPipelineGet, 100, {4, 100}, 1, 500000},
      {"pipeline_set_100", Operation::kPipelineSet, 100, {4, 100}, 1, 500000},
  };
  return workloads;
}

absl::StatusOr<std::vector<Workload>> FindWorkloads(const std::vector<std::string>& names) {
  const std::vector<Workload>& all = AllWorkloads();
  if (names.empty()) return all;
  std::vector<Workload> found;
  for (const std::string& name : names) {
    const auto workload = std::find_if(all.begin(), all.end(),
                                       [&](const Workload& each) { return each.name == name; });
    if (workload == all.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--workloads=", name, ": there are ",
          absl::StrJoin(all, ", ",
                        [](std::string* text, const Workload& each) { text->append(each.name); })));
    }
    found.push_back(*workload);
  }
  return found;
}

std::string_view OperationName(WorkloadOperation operation) {
  switch (operation) {
    case Operation::kGet:
      return "get";
    case Operation::kSet:
      return "set";
    case Operation::kMultiGet:
      return "multi_get";
    case Operation::kPipelineGet:
      return "pipeline_get";
    case Operation::kPipelineSet:
      return "pipeline_set";
  }
  return "";
}

}  // namespace larder::bench
