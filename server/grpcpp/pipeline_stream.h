#ifndef LARDER_SERVER_GRPCPP_PIPELINE_STREAM_H_
#define LARDER_SERVER_GRPCPP_PIPELINE_STREAM_H_

#include "server/grpcpp/services.h"

namespace grpc {
template <typename Request, typename Response>
class ServerBidiReactor;
}
namespace larder::v1 {
class PipelineRequest;
class PipelineResponse;
}  // namespace larder::v1

namespace larder::server {

// Operations of a Pipeline that are read and not yet answered, the answers that wait to be sent
// among them: at this many the stream is not read, so that a client which does not read its answers
// costs no more memory than that.
inline constexpr size_t kPipelineOperationsMax = 128;

// One Pipeline call, which deletes itself at its end. `parts` outlives it.
grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>* StartPipelineStream(
    const ServiceParts& parts);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_PIPELINE_STREAM_H_
