#ifndef LARDER_TESTS_SERVER_RPC_LONE_SERVICE_H_
#define LARDER_TESTS_SERVER_RPC_LONE_SERVICE_H_

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "server/handlers/multi_key_handler.h"
#include "server/messages/service_parts.h"
#include "server/rpc/rpc_connection.h"
#include "server/rpc/services/pipeline_method.h"
#include "server/rpc/services/wire_methods.h"
#include "tests/server/handler_fixture.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {

// Leaves Gets of keys that end with '~' open, until it is told to go on.
class HesitantCacheHandler final : public CacheHandler {
 public:
  using CacheHandler::CacheHandler;

  void GetFor(std::string_view operation, const GetView& request, storage::TimePoint now,
              GetReply& reply) override {
    if (!request.key.ends_with('~')) return CacheHandler::GetFor(operation, request, now, reply);
    auto open = std::make_shared<OpenReply<GetReply>>(reply);
    waiting_.push_back([this, operation, now, key = std::string(request.key), open] {
      CacheHandler::GetFor(operation, {.key = key}, now, open->Take());
    });
  }

  size_t waiting() const { return waiting_.size(); }
  // Answers what is open, on another thread.
  void GoOn() {
    std::thread([&] {
      for (const auto& action : waiting_) action();
      waiting_.clear();
    }).join();
  }

 private:
  std::deque<std::function<void()>> waiting_;
};

// The Cache service of a node whose loop is the test.
class LoneService {
 public:
  explicit LoneService(LoopTime::duration turn, const Limits& limits = {})
      : cache_(&keyspace_, &time_, limits, LeaseTokenCodec(3, 77)), multi_key_(&cache_) {
    limits_.turn = turn;
    limits_.session.stream_window_bytes = 64 << 20;  // what is held is not waited for
    const ServiceParts parts{.cache = &cache_,
                             .multi_key = &multi_key_,
                             .metrics = &metrics_,
                             .inflight = &inflight_,
                             .transport = &state_};
    methods_.Add("/larder.v1.Cache/Get", CreateGetMethod(parts));
    methods_.Add("/larder.v1.Cache/MultiGet", CreateMultiGetMethod(parts));
    methods_.Add("/larder.v1.Cache/MultiSet", CreateMultiSetMethod(parts));
    methods_.Add("/larder.v1.Cache/MultiDelete", CreateMultiDeleteMethod(parts));
    methods_.Add("/larder.v1.Cache/Pipeline", std::make_unique<PipelineMethod>(parts));
  }

  RequestMetrics::MethodFigures Counted(Method method) const {
    return metrics_.Read()[static_cast<size_t>(method)];
  }

  FakeTime time_;
  storage::HybridClock versions_{3};
  ServedKeyspace keyspace_{storage::Keyspace::Create({}, &versions_).value()};
  HesitantCacheHandler cache_;
  MultiKeyHandler multi_key_;
  RequestMetrics metrics_;
  InflightLimit inflight_{1000, absl::ZeroDuration()};
  TransportState state_{size_t{256} << 20, size_t{512} << 20};
  RpcLimits limits_;
  RpcMethods methods_;
  RpcCallPool calls_{&state_};
};

// A connection to it: bytes in, answers out.
class LoneClient {
 public:
  explicit LoneClient(LoneService* service)
      : service_(*service),
        connection_(std::make_unique<RpcConnection>(service->limits_, &service->methods_,
                                                    &service->calls_)) {
    Send(Hello({{http2::Setting::kInitialWindowSize, 1 << 30}}) + WindowUpdate(0, 1 << 30));
  }

  // What was received goes afterwards, as the buffer of a loop does.
  void Send(const std::string& bytes) {
    auto buffer = std::make_unique<std::string>(bytes);
    EXPECT_TRUE(connection_->Receive(*buffer, std::chrono::steady_clock::now()));
    buffer.reset();
    TakeOutput();
  }
  void Send(uint32_t id, const std::string& method, std::string_view message,
            const Fields& more = {}) {
    Send(Call(id, method, Message(message), more));
  }
  static std::string Call(uint32_t id, const std::string& method, const std::string& body,
                          const Fields& more = {}) {
    Fields fields = larder::RequestFields("/larder.v1.Cache/" + method);
    fields.insert(fields.end(), more.begin(), more.end());
    std::string bytes = Headers(id, fields);
    for (size_t at = 0; at < body.size(); at += 16384) {
      bytes += Data(id, body.substr(at, 16384), at + 16384 >= body.size() ? http2::kEndStream : 0);
    }
    return bytes;
  }

  // One more turn.
  void Continue(LoopTime now = std::chrono::steady_clock::now()) {
    EXPECT_TRUE(connection_->Continue(now));
    TakeOutput();
  }
  // What has come from other threads.
  void TakeLetters() {
    auto letters = service_.calls_.mailbox()->Take();
    if (!letters.empty()) {
      connection_->Resume(std::move(letters), std::chrono::steady_clock::now());
    }
    TakeOutput();
  }
  // Returns in how many turns.
  size_t Finish() {
    size_t turns = 0;
    for (; connection_->has_more() && turns < 100'000; ++turns) Continue();
    TakeLetters();
    return turns;
  }
  bool IsAnswered(uint32_t id) { return answers_[id].is_complete; }
  std::string StatusOf(uint32_t id) { return answers_[id].fields["grpc-status"]; }
  std::string BodyOf(uint32_t id) { return answers_[id].body; }
  template <typename Response>
  Response ResponseOf(uint32_t id) {
    Response response;
    EXPECT_TRUE(response.ParseFromString(BodyOf(id).substr(kMessagePrefixBytes)));
    return response;
  }

  RpcConnection& connection() { return *connection_; }
  void Cut() { connection_.reset(); }

 private:
  void TakeOutput() {
    connection_->ReportBytes();
    while (!connection_->output().empty()) {
      const std::string sent(connection_->output().unsent());
      connection_->output().MarkSent(sent.size());
      answers_.Add(sent);
      connection_->OnOutputSent();
    }
  }

  LoneService& service_;
  Answers answers_;
  std::unique_ptr<RpcConnection> connection_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RPC_LONE_SERVICE_H_
