#include "server/grpcpp/grpc_front_end.h"

#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "server/connections/connection_acceptor.h"
#include "server/connections/listening_socket.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/stream_registry.h"
#include "server/reflection/descriptor_index.h"

namespace larder::server {
namespace {

constexpr int kPingIntervalMinMs = 10000;
constexpr int kKeepaliveMs = 60000;
constexpr int kKeepaliveTimeoutMs = 20000;

std::vector<std::string> ServiceNames() {
  return {"grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
          "larder.v1.Cache",
          "larder.v1.Cluster",
          "larder.v1.Maintenance"};
}

}  // namespace

// Members are destroyed last to first: connections stop before the server, the server before its
// services.
class GrpcFrontEnd::State {
 public:
  explicit State(const Parts& parts)
      : index_(ServiceNames()),
        parts_{.cache = parts.cache,
               .multi_key = parts.multi_key,
               .maintenance = parts.maintenance,
               .metrics = parts.metrics,
               .inflight = parts.inflight,
               .readiness = parts.readiness,
               .streams = &streams_} {
    services_.push_back(CreateCacheService(parts_));
    services_.push_back(CreateMaintenanceService(parts_));
    services_.push_back(CreateClusterService(parts_));
    services_.push_back(CreateHealthService(parts_, &index_));
    services_.push_back(CreateReflectionV1Service(parts_, &index_));
    services_.push_back(CreateReflectionV1AlphaService(parts_, &index_));
  }

  absl::Status Start(const ServerConfig& config, ConnectionTable* connections) {
    // Before gRPC starts its threads: the most likely failure should cost nothing.
    absl::StatusOr<ListeningSocket> listening = Listen(config.listen);
    if (!listening.ok()) return listening.status();
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(static_cast<int>(config.max_request_bytes));
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kPingIntervalMinMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    // gRPC inflates a compressed request whole before it looks at its size: refuse them, so that a
    // few bytes cannot become gigabytes.
    builder.AddChannelArgument(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
                               1 << GRPC_COMPRESS_NONE);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    for (const auto& service : services_) builder.RegisterService(service.get());
    connection_sink_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        grpc::InsecureServerCredentials());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("gRPC could not start its server");
    auto acceptor = ConnectionAcceptor::Start(
        *std::move(listening), connections, [sink = connection_sink_.get()](int socket) {
          grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
          connection.fd = socket;
          sink->HandleNewConnection(&connection);
        });
    if (!acceptor.ok()) return acceptor.status();
    acceptor_ = *std::move(acceptor);
    return absl::OkStatus();
  }

  void Drain(absl::Duration timeout) {
    if (server_ == nullptr) return;
    if (acceptor_ != nullptr) acceptor_->Stop();
    streams_.Drain();
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
    server_->Wait();
    server_.reset();
  }

  const Endpoint& endpoint() const { return acceptor_->endpoint(); }

 private:
  StreamRegistry streams_;
  const DescriptorIndex index_;
  const ServiceParts parts_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connection_sink_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

GrpcFrontEnd::GrpcFrontEnd(std::unique_ptr<State> state) : state_(std::move(state)) {}

GrpcFrontEnd::~GrpcFrontEnd() { Drain(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<GrpcFrontEnd>> GrpcFrontEnd::Start(const ServerConfig& config,
                                                                  const Parts& parts) {
  std::unique_ptr<GrpcFrontEnd> front_end(new GrpcFrontEnd(std::make_unique<State>(parts)));
  const absl::Status status = front_end->state_->Start(config, parts.connections);
  if (!status.ok()) return status;
  return front_end;
}

const Endpoint& GrpcFrontEnd::endpoint() const { return state_->endpoint(); }

void GrpcFrontEnd::Drain(absl::Duration timeout) { state_->Drain(timeout); }

}  // namespace larder::server
