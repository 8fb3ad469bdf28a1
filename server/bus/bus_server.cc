#include "server/bus/bus_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "larder/peer/v1/replication.grpc.pb.h"
#include "server/bus/bus_status.h"
#include "server/bus/open_streams.h"
#include "server/bus/source_stream.h"
#include "server/connections/connection_acceptor.h"
#include "server/connections/listening_socket.h"
#include "server/grpc_credentials/grpc_credentials.h"

namespace larder::server {
namespace {

constexpr int kPingIntervalMinMs = 1000;

int MillisecondsOf(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

class ReplicationService final : public peer::v1::Replication::CallbackService {
 public:
  explicit ReplicationService(const SourceStreamParts& parts) : parts_(parts) {}

  grpc::ServerBidiReactor<peer::v1::FollowRequest, peer::v1::FollowResponse>* Follow(
      grpc::CallbackServerContext* context) override {
    return StartSourceStream(parts_, context);
  }

 private:
  const SourceStreamParts parts_;
};

// gRPC runs the threads; the connections are accepted by us, so that their number is bounded.
class GrpcBusServer final : public BusServer {
 public:
  GrpcBusServer(const BusOptions& options, ReplicaAcceptor* acceptor, BusCounters* counters)
      : options_(options),
        connections_(options.connections_max),
        streams_(options.streams_max),
        service_({&options_, acceptor, counters, &streams_}) {}

  ~GrpcBusServer() override { Stop(); }

  absl::Status Listen() {
    absl::StatusOr<ListeningSocket> listening = server::Listen(options_.listen);
    if (!listening.ok()) return listening.status();
    const auto credentials = GrpcServerCredentials(options_.tls);
    if (!credentials.ok()) return credentials.status();
    grpc::ServerBuilder builder;
    Configure(&builder);
    builder.RegisterService(&service_);
    connection_sink_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, *credentials);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("gRPC could not start the bus");
    auto accepting = ConnectionAcceptor::Start(
        *std::move(listening), &connections_,
        [sink = connection_sink_.get()](int socket) {
          grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
          connection.fd = socket;
          sink->HandleNewConnection(&connection);
        },
        options_.tls.is_on() ? ConnectionAcceptor::Protocol::kTls
                             : ConnectionAcceptor::Protocol::kHttp2);
    if (!accepting.ok()) return accepting.status();
    accepting_ = *std::move(accepting);
    return absl::OkStatus();
  }

  void Stop() override {
    if (server_ == nullptr) return;
    if (accepting_ != nullptr) accepting_->Stop();
    streams_.CloseAll(absl::UnavailableError(kBusShutdown));
    server_->Shutdown(DeadlineAfter(options_.close_grace));
    server_->Wait();
    streams_.WaitUntilNoneIsLeft();
    server_.reset();
  }

  const Endpoint& endpoint() const override { return accepting_->endpoint(); }
  const ConnectionTable& connections() const override { return connections_; }

 private:
  void Configure(grpc::ServerBuilder* builder) const {
    builder->SetMaxReceiveMessageSize(static_cast<int>(options_.request_bytes_max));
    builder->SetMaxSendMessageSize(-1);
    builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                                kPingIntervalMinMs);
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                                MillisecondsOf(options_.keepalive_time));
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                                MillisecondsOf(options_.keepalive_timeout));
    builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                                MillisecondsOf(options_.hello_timeout));
    builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                                static_cast<int>(options_.streams_max));
    // gRPC inflates a compressed message whole before it looks at its size.
    builder->AddChannelArgument(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET,
                                1 << GRPC_COMPRESS_NONE);
  }

  const BusOptions options_;
  ConnectionTable connections_;
  OpenStreams<SourceStreamCore> streams_;
  ReplicationService service_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connection_sink_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> accepting_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BusServer>> BusServer::Start(const BusOptions& options,
                                                            ReplicaAcceptor* acceptor,
                                                            BusCounters* counters) {
  auto server = std::make_unique<GrpcBusServer>(options, acceptor, counters);
  const absl::Status status = server->Listen();
  if (!status.ok()) return status;
  return server;
}

}  // namespace larder::server
