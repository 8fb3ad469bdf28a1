#ifndef LARDER_TESTS_BENCH_HOT_PATH_GRPC_MESSAGES_H_
#define LARDER_TESTS_BENCH_HOT_PATH_GRPC_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/hot_path/message_template.h"
#include "tests/bench/hot_path/wire_sizes.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

// The path of the method that a workload calls.
std::string_view MethodPath(WorkloadOperation operation);

// The request of one operation. Of a Pipeline: without its id, which AppendPipelineId puts before.
MessageTemplate MakeRequestMessage(const Workload& workload);
void AppendPipelineId(uint64_t id, std::string& message);

// The least size of a good answer's message. Of a Pipeline: of the result in it.
size_t AnswerBytesMin(const Workload& workload);

// The number of the field that a good answer of a Pipeline has its result in.
uint32_t PipelineResultField(WorkloadOperation operation);

// What gRPC sends for one operation on a connection that has been in use for a while.
WireSizes GrpcWireSizes(const Workload& workload);

// A message on the wire begins with this many bytes: not compressed, and its size.
inline constexpr size_t kGrpcPrefixBytes = 5;
void AppendGrpcPrefix(size_t message_bytes, std::string& output);

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_GRPC_MESSAGES_H_
