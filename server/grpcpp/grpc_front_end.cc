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
#include "server/grpc_credentials/grpc_credentials.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/stream_registry.h"
#include "server/reflection/descriptor_index.h"

namespace larder::server {
namespace {

constexpr int kPingIntervalMinMs = 10000;

// An infinite duration is what gRPC has without the argument.
void SetMilliseconds(const char* argument, absl::Duration duration, grpc::ServerBuilder& builder) {
  if (duration == absl::InfiniteDuration()) return;
  builder.AddChannelArgument(argument, static_cast<int>(absl::ToInt64Milliseconds(duration)));
}

// gRPC runs the threads; the connections are accepted by us, so that their number is bounded.
// Members are destroyed last to first: connections stop before the server, the server before its
// services.
class GrpcFrontEnd final : public FrontEnd {
 public:
  explicit GrpcFrontEnd(const ServiceParts& parts) : index_(ServiceNames()), parts_(parts) {
    services_.push_back(CreateCacheService(parts_, &streams_));
    services_.push_back(CreateMaintenanceService(parts_));
    services_.push_back(CreateClusterService(parts_));
    services_.push_back(CreateHealthService(parts_, &streams_, &index_));
    services_.push_back(CreateReflectionV1Service(&streams_, &index_));
    services_.push_back(CreateReflectionV1AlphaService(&streams_, &index_));
  }

  ~GrpcFrontEnd() override { Drain(absl::ZeroDuration()); }

  absl::Status Start(const ServerConfig& config, ConnectionTable* connections) {
    // Before gRPC starts its threads: the most likely failure should cost nothing.
    absl::StatusOr<ListeningSocket> listening = Listen(config.listen);
    if (!listening.ok()) return listening.status();
    const auto credentials = GrpcServerCredentials(config.tls);
    if (!credentials.ok()) return credentials.status();
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
    SetMilliseconds(GRPC_ARG_KEEPALIVE_TIME_MS, config.keepalive_time, builder);
    SetMilliseconds(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, config.keepalive_timeout, builder);
    SetMilliseconds(GRPC_ARG_MAX_CONNECTION_AGE_MS, config.max_connection_age, builder);
    SetMilliseconds(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, config.max_connection_age_grace, builder);
    for (const auto& service : services_) builder.RegisterService(service.get());
    connection_sink_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, *credentials);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("gRPC could not start its server");
    auto acceptor = ConnectionAcceptor::Start(
        *std::move(listening), connections,
        [sink = connection_sink_.get()](int socket) {
          grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
          connection.fd = socket;
          sink->HandleNewConnection(&connection);
        },
        config.tls.is_on() ? ConnectionAcceptor::Protocol::kTls
                           : ConnectionAcceptor::Protocol::kHttp2);
    if (!acceptor.ok()) return acceptor.status();
    acceptor_ = *std::move(acceptor);
    return absl::OkStatus();
  }

  void PassBy() override {}

  void Drain(absl::Duration timeout) override {
    if (server_ == nullptr) return;
    if (acceptor_ != nullptr) acceptor_->Stop();
    streams_.Drain();
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
    server_->Wait();
    server_.reset();
  }

  const Endpoint& endpoint() const override { return acceptor_->endpoint(); }

 private:
  StreamRegistry streams_;
  const DescriptorIndex index_;
  const ServiceParts parts_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connection_sink_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrontEnd>> StartGrpcFrontEnd(const ServerConfig& config,
                                                            const ServiceParts& parts,
                                                            ConnectionTable* connections) {
  auto front_end = std::make_unique<GrpcFrontEnd>(parts);
  const absl::Status status = front_end->Start(config, connections);
  if (!status.ok()) return status;
  return front_end;
}

}  // namespace larder::server
