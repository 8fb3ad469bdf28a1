#include "tests/bench/hot_path/grpc_messages.h"

#include "larder/v1/cache.pb.h"
#include "tests/bench/hot_path/http2_frame.h"
#include "tests/bench/hot_path/request_header_block.h"

namespace larder::bench {
namespace {

constexpr uint8_t kPipelineIdTag = v1::PipelineRequest::kIdFieldNumber << 3;
constexpr size_t kUsualPipelineIdBytes = 4;  // its tag, and a number up to two million

// Occurs in no other field.
std::string PlaceholderKey() { return std::string(kWorkloadKeyBytes, '\x7f'); }

v1::SetRequest SetRequestOf(const Workload& workload) {
  v1::SetRequest request;
  request.set_key(PlaceholderKey());
  request.set_value(std::string(workload.value_bytes, 'v'));
  return request;
}

std::string EncodeRequest(const Workload& workload) {
  v1::MultiGetRequest multi_get;
  v1::GetRequest get;
  v1::PipelineRequest pipeline;
  get.set_key(PlaceholderKey());
  switch (workload.operation) {
    case WorkloadOperation::kGet:
      return get.SerializeAsString();
    case WorkloadOperation::kSet:
      return SetRequestOf(workload).SerializeAsString();
    case WorkloadOperation::kMultiGet:
      for (int i = 0; i < workload.keys_per_operation; ++i) *multi_get.add_items() = get;
      return multi_get.SerializeAsString();
    case WorkloadOperation::kPipelineGet:
      *pipeline.mutable_get() = get;
      return pipeline.SerializeAsString();
    case WorkloadOperation::kPipelineSet:
      *pipeline.mutable_set() = SetRequestOf(workload);
      return pipeline.SerializeAsString();
  }
  return "";
}

size_t VarintBytes(size_t number) {
  size_t bytes = 1;
  for (; number >= 0x80; number >>= 7) ++bytes;
  return bytes;
}

// Bytes of a message in DATA frames.
size_t DataBytes(size_t message_bytes) {
  const size_t bytes = kGrpcPrefixBytes + message_bytes;
  const size_t frames = (bytes + kHttp2DefaultFrameBytesMax - 1) / kHttp2DefaultFrameBytesMax;
  return bytes + frames * kHttp2FrameHeaderBytes;
}

}  // namespace

std::string_view MethodPath(WorkloadOperation operation) {
  switch (operation) {
    case WorkloadOperation::kGet:
      return "/larder.v1.Cache/Get";
    case WorkloadOperation::kSet:
      return "/larder.v1.Cache/Set";
    case WorkloadOperation::kMultiGet:
      return "/larder.v1.Cache/MultiGet";
    case WorkloadOperation::kPipelineGet:
    case WorkloadOperation::kPipelineSet:
      return "/larder.v1.Cache/Pipeline";
  }
  return "";
}

MessageTemplate MakeRequestMessage(const Workload& workload) {
  MessageTemplate message;
  message.bytes = EncodeRequest(workload);
  const std::string key = PlaceholderKey();
  for (size_t offset = message.bytes.find(key); offset != std::string::npos;
       offset = message.bytes.find(key, offset + key.size())) {
    message.key_offsets.push_back(offset);
  }
  return message;
}

void AppendPipelineId(uint64_t id, std::string& message) {
  message.push_back(static_cast<char>(kPipelineIdTag));
  for (; id >= 0x80; id >>= 7) message.push_back(static_cast<char>(id | 0x80));
  message.push_back(static_cast<char>(id));
}

size_t AnswerBytesMin(const Workload& workload) {
  if (workload.writes()) {
    v1::SetResponse set;
    set.mutable_stored()->set_version(1);
    return set.ByteSizeLong();
  }
  v1::GetResponse get;
  get.set_found(true);
  get.set_value(std::string(workload.value_bytes, 'v'));
  get.set_version(1);
  if (workload.operation != WorkloadOperation::kMultiGet) return get.ByteSizeLong();
  v1::MultiGetResponse multi_get;
  for (int i = 0; i < workload.keys_per_operation; ++i) {
    *multi_get.add_results()->mutable_response() = get;
  }
  return multi_get.ByteSizeLong();
}

uint32_t PipelineResultField(WorkloadOperation operation) {
  return operation == WorkloadOperation::kPipelineSet ? v1::PipelineResponse::kSetFieldNumber
                                                      : v1::PipelineResponse::kGetFieldNumber;
}

WireSizes GrpcWireSizes(const Workload& workload) {
  const size_t request_bytes = EncodeRequest(workload).size();
  const size_t answer_bytes = AnswerBytesMin(workload);
  if (workload.is_pipeline()) {
    const size_t result_bytes = 1 + VarintBytes(answer_bytes) + answer_bytes;
    return {DataBytes(kUsualPipelineIdBytes + request_bytes),
            DataBytes(kUsualPipelineIdBytes + result_bytes)};
  }
  // Each header that is sent again and again is one byte: :status and content-type, grpc-status.
  constexpr size_t kHeaderBytes = kHttp2FrameHeaderBytes + 2;
  constexpr size_t kTrailerBytes = kHttp2FrameHeaderBytes + 1;
  return {kHttp2FrameHeaderBytes + RequestHeaderBlock::kLaterBytes + DataBytes(request_bytes),
          kHeaderBytes + DataBytes(answer_bytes) + kTrailerBytes};
}

void AppendGrpcPrefix(size_t message_bytes, std::string& output) {
  output.push_back('\0');
  AppendBigEndian32(static_cast<uint32_t>(message_bytes), output);
}

}  // namespace larder::bench
