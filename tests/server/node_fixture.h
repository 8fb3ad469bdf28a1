#ifndef LARDER_TESTS_SERVER_NODE_FIXTURE_H_
#define LARDER_TESTS_SERVER_NODE_FIXTURE_H_

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "larder/v1/admin.grpc.pb.h"
#include "larder/v1/cache.grpc.pb.h"
#include "server/node/node.h"

namespace larder::server {

// A context whose call does not hang a test for ever.
class PatientContext : public grpc::ClientContext {
 public:
  PatientContext() { set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2)); }
};

// LARDER_TRANSPORT=grpcpp runs the same tests on the other front end.
inline ServerConfig::Transport TransportUnderTest() {
  const char* const name = std::getenv("LARDER_TRANSPORT");
  return name != nullptr && std::string(name) == "grpcpp" ? ServerConfig::Transport::kGrpcpp
                                                          : ServerConfig::Transport::kNghttp2;
}

// A node of the test's own, and a client of it.
class RunningNode {
 public:
  explicit RunningNode(ServerConfig config = {}) {
    // gRPC's shutdown may wait 10 s for a poller of a channel, so it is left initialised.
    static const int grpc_stays_initialised = (grpc_init(), 1);
    (void)grpc_stays_initialised;
    config.transport = TransportUnderTest();
    config.listen = {"127.0.0.1", 0};
    config.metrics_listen = {"127.0.0.1", 0};
    node_ = Node::Start(config).value();
    channel_ = NewChannel();
    cache_ = v1::Cache::NewStub(channel_);
  }

  // A channel that shares no connection with another.
  std::shared_ptr<grpc::Channel> NewChannel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    // Windows stay as they are, so that a stream that nobody reads is full at some time.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return grpc::CreateCustomChannel(node_->client_endpoint().ToString(),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  Node& node() { return *node_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  v1::Cache::Stub& cache() { return *cache_; }

  grpc::Status Set(const std::string& key, const std::string& value) {
    PatientContext context;
    v1::SetRequest request;
    request.set_key(key);
    request.set_value(value);
    v1::SetResponse response;
    return cache_->Set(&context, request, &response);
  }

  grpc::Status Get(const std::string& key, v1::GetResponse* response) {
    PatientContext context;
    v1::GetRequest request;
    request.set_key(key);
    return cache_->Get(&context, request, response);
  }

 private:
  std::unique_ptr<Node> node_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Cache::Stub> cache_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_NODE_FIXTURE_H_
