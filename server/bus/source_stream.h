#ifndef LARDER_SERVER_BUS_SOURCE_STREAM_H_
#define LARDER_SERVER_BUS_SOURCE_STREAM_H_

#include "server/bus/bus_counters.h"
#include "server/bus/bus_options.h"
#include "server/bus/bus_server.h"
#include "server/bus/open_streams.h"
#include "server/bus/stream_core.h"

namespace grpc {
class CallbackServerContext;
template <typename Request, typename Response>
class ServerBidiReactor;
}  // namespace grpc
namespace larder::peer::v1 {
class FollowRequest;
class FollowResponse;
}  // namespace larder::peer::v1

namespace larder::server {

using SourceStreamCore = StreamCore<cluster::ReplicaMessage, cluster::SourceMessage>;

// What the streams of one server share; outlives them.
struct SourceStreamParts {
  const BusOptions* options;
  ReplicaAcceptor* acceptor;
  BusCounters* counters;
  OpenStreams<SourceStreamCore>* streams;
};

// One Follow call, which keeps itself until its end, or is refused at once.
grpc::ServerBidiReactor<peer::v1::FollowRequest, peer::v1::FollowResponse>* StartSourceStream(
    const SourceStreamParts& parts, grpc::CallbackServerContext* context);

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_SOURCE_STREAM_H_
