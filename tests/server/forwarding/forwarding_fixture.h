#ifndef LARDER_TESTS_SERVER_FORWARDING_FORWARDING_FIXTURE_H_
#define LARDER_TESTS_SERVER_FORWARDING_FORWARDING_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/channel/rpc_channel.h"
#include "cluster/hash_slot.h"
#include "larder/v1/cache.pb.h"
#include "larder/v1/error.pb.h"
#include "server/node/node.h"
#include "tests/client/channel/channel_fixture.h"

namespace larder::server {

using Code = absl::StatusCode;
using ::testing::HasSubstr;

// A call by generated messages, whose end can be waited for.
template <typename Response>
class ProtoCall final : public ChannelCall {
 public:
  ProtoCall(std::string_view method_path, const google::protobuf::MessageLite& request,
            std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    path = method_path;
    deadline = std::chrono::steady_clock::now() + timeout;
    request.SerializeToArray(ResizeRequest(request.ByteSizeLong()),
                             static_cast<int>(request.ByteSizeLong()));
  }
  void OnDone() override { done_.set_value(); }

  Code Wait() {
    done_.get_future().wait();
    answer.ParseFromString(response);
    return static_cast<Code>(status.code);
  }
  // In the status details; without an endpoint if there is none.
  v1::Redirect redirect() const {
    v1::StatusDetails details;
    v1::Redirect found;
    EXPECT_TRUE(details.ParseFromString(status.details));
    for (const auto& detail : details.details()) {
      if (detail.type_url() == "type.googleapis.com/larder.v1.Redirect") {
        EXPECT_TRUE(found.ParseFromString(detail.value()));
      }
    }
    return found;
  }
  bool has_retry_info() const {
    v1::StatusDetails details;
    return details.ParseFromString(status.details) && details.details_size() == 1 &&
           details.details(0).type_url() == "type.googleapis.com/google.rpc.RetryInfo";
  }

  Response answer;

 private:
  std::promise<void> done_;
};

inline v1::GetRequest GetOf(const std::string& key) {
  v1::GetRequest request;
  request.set_key(key);
  return request;
}

inline v1::SetRequest SetOf(const std::string& key, const std::string& value) {
  v1::SetRequest request;
  request.set_key(key);
  request.set_value(value);
  return request;
}

// A node of the test's own, and a client of it.
class RoutedNode {
 public:
  explicit RoutedNode(ServerConfig config = {}) {
    config.listen = {"127.0.0.1", 0};
    config.has_metrics = false;
    config.io_threads = 1;
    // A machine that is busy is slow, but not gone, unless that is what the test is about.
    const ServerConfig defaults;
    if (config.peer_connect_timeout == defaults.peer_connect_timeout) {
      config.peer_connect_timeout = absl::Minutes(1);
    }
    if (config.peer_keepalive_time == defaults.peer_keepalive_time) {
      config.peer_keepalive_time = absl::Hours(1);
    }
    node_ = Node::Start(config).value();
    channel_ = NewChannel();
  }

  std::unique_ptr<RpcChannel> NewChannel(
      std::vector<std::pair<std::string, std::string>> metadata = {}) const {
    return Connect({.address = endpoint(),
                    .connect_timeout = absl::Minutes(1),
                    .metadata = std::move(metadata)});
  }

  std::string endpoint() const { return node_->client_endpoint().ToString(); }
  Node& node() { return *node_; }
  RpcChannel& channel() { return *channel_; }
  void Publish(std::shared_ptr<const Routing> routing) {
    node_->routing().Publish(std::move(routing));
  }
  // All slots are at another node.
  void SendOnTo(const std::string& other, uint64_t version = 7) {
    Publish(Routing::AllAt(other, version));
  }
  // Ends it, with its connections.
  void Stop() { node_.reset(); }

  Code Set(const std::string& key, const std::string& value) {
    ProtoCall<v1::SetResponse> call("/larder.v1.Cache/Set", SetOf(key, value));
    channel_->Start(call);
    return call.Wait();
  }
  // "(miss)" for a miss, the code for an error.
  std::string Get(const std::string& key) {
    ProtoCall<v1::GetResponse> call("/larder.v1.Cache/Get", GetOf(key));
    channel_->Start(call);
    if (const Code code = call.Wait(); code != Code::kOk) {
      return absl::StrCat("code ", static_cast<int>(code), ": ", call.status.message);
    }
    return call.answer.found() ? call.answer.value() : "(miss)";
  }

 private:
  std::unique_ptr<Node> node_;
  std::unique_ptr<RpcChannel> channel_;
};

// What a node answers with an error.
inline std::string ErrorAnswer(uint32_t stream, Code code, const std::string& message,
                               const std::string& details) {
  std::string encoded;
  absl::Base64Escape(details, &encoded);
  return Headers(stream,
                 {{":status", "200"},
                  {"content-type", "application/grpc"},
                  {"grpc-status", absl::StrCat(static_cast<int>(code))},
                  {"grpc-message", message},
                  {"grpc-status-details-bin", encoded}},
                 http2::kEndStream);
}

// The owners of halves of the slots: keys "{a}..." are in the first half, "{b}..." in the second
// (slots 15495 and 3300).
inline std::shared_ptr<const Routing> Halves(SlotOwner low, SlotOwner high, uint64_t version = 9) {
  Routing::ShardOfSlot shards{};
  for (uint32_t slot = cluster::kHashSlots / 2; slot < cluster::kHashSlots; ++slot) {
    shards[slot] = 1;
  }
  return Routing::BySlot({std::move(low), std::move(high)}, shards, version);
}
inline const std::string kLow = "{b}";
inline const std::string kHigh = "{a}";

inline SlotOwner At(const std::string& endpoint) { return {SlotOwner::Place::kPeer, endpoint}; }

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_FORWARDING_FORWARDING_FIXTURE_H_
