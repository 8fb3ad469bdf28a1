#ifndef LARDER_TESTS_SERVER_BUS_BUS_FIXTURE_H_
#define LARDER_TESTS_SERVER_BUS_BUS_FIXTURE_H_

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "server/bus/bus_client.h"
#include "server/bus/bus_counters.h"
#include "server/bus/bus_options.h"
#include "server/bus/bus_server.h"
#include "tests/server/bus/stream_recorder.h"

namespace larder::server {

inline cluster::Hello SomeHello() {
  cluster::Hello hello;
  hello.node = {1, 2};
  hello.endpoint = "127.0.0.1:7601";
  return hello;
}

// A bus port and one who connects to it, over the loopback.
class BusFixture : public ::testing::Test {
 protected:
  struct Follower {
    std::shared_ptr<ReplicaStream> stream;
    std::shared_ptr<ReplicaRecorder> heard;
  };
  // Both ends of one stream.
  struct Pair {
    RecordingAcceptor::Link source;
    Follower replica;
  };

  BusFixture() {
    options_.listen = {"127.0.0.1", 0};
    // Long, where a test does not say so: nothing here is to end by the time it takes.
    options_.hello_timeout = absl::Seconds(60);
    options_.connect_timeout = absl::Seconds(60);
    options_.keepalive_time = absl::Seconds(60);
    options_.keepalive_timeout = absl::Seconds(60);
  }
  ~BusFixture() override {
    client_.reset();
    server_.reset();
  }

  void StartServer() {
    auto server = BusServer::Start(options_, &acceptor_, &counters_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  Follower Connect(const Endpoint& endpoint) { return ConnectWith(options_, endpoint); }
  Follower ConnectWith(const BusOptions& options, const Endpoint& endpoint) {
    client_ = BusClient::Create(options, &client_counters_);
    auto heard = std::make_shared<ReplicaRecorder>();
    auto stream = client_->Connect(endpoint, heard);
    EXPECT_TRUE(stream.ok()) << stream.status();
    return {stream.ok() ? *std::move(stream) : nullptr, heard};
  }

  // A stream that has begun.
  Pair Open() {
    const Follower replica = Connect(server_->endpoint());
    return Greet(replica);
  }
  Pair Greet(const Follower& replica) {
    EXPECT_TRUE(replica.heard->Send(replica.stream.get(), cluster::ReplicaMessage(SomeHello())));
    const RecordingAcceptor::Link source = acceptor_.Next();
    const auto hello = source.heard->Next();
    EXPECT_TRUE(hello.has_value() && std::holds_alternative<cluster::Hello>(*hello));
    return {source, replica};
  }

  static uint64_t Ended(const BusCounters& counters, StreamEnd end) {
    return counters.ended[static_cast<size_t>(end)].load();
  }
  static uint64_t Refused(const BusCounters& counters, StreamRefusal refusal) {
    return counters.refused[static_cast<size_t>(refusal)].load();
  }

  BusOptions options_;
  BusCounters counters_;
  BusCounters client_counters_;
  RecordingAcceptor acceptor_;
  std::unique_ptr<BusServer> server_;
  std::unique_ptr<BusClient> client_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_BUS_BUS_FIXTURE_H_
