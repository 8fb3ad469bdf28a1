#ifndef LARDER_TESTS_BENCH_HOT_PATH_PIPELINE_ANSWER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PIPELINE_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace larder::bench {

// What counts of a larder.v1.PipelineResponse. To decode all of it would cost the load generator
// more than an operation costs the server.
struct PipelineAnswer {
  uint64_t id = 0;
  uint32_t result_field = 0;  // the number of the field; 0: there is none
  size_t result_bytes = 0;
};

// INTERNAL: the message is malformed.
absl::StatusOr<PipelineAnswer> ParsePipelineAnswer(std::string_view message);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PIPELINE_ANSWER_H_
