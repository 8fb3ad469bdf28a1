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

// One Pipeline call, which deletes itself at its end. `parts` outlives it.
grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>* StartPipelineStream(
    const ServiceParts& parts, StreamRegistry* streams);

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_PIPELINE_STREAM_H_
