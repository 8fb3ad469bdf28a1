#ifndef LARDER_TESTS_SERVER_DELAYED_FRONT_END_H_
#define LARDER_TESTS_SERVER_DELAYED_FRONT_END_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "cluster/hash_slot.h"
#include "server/grpcpp/grpc_front_end.h"
#include "server/rpc/services/rpc_front_end.h"
#include "server/upkeep/runtime_config.h"
#include "server/upkeep/shard_clock.h"
#include "tests/server/delayed_handlers.h"
#include "tests/server/fake_replication.h"
#include "tests/server/immediate_background.h"
#include "tests/server/node_fixture.h"

namespace larder::server {

class NoFigures final : public NodeFigureSource {
 public:
  NodeFigures Read() const override { return {.version = "of the test"}; }
};

// A client port with delayed handlers.
class FrontEndDelayedTest : public testing::Test {
 protected:
  FrontEndDelayedTest() : FrontEndDelayedTest(Limits()) {}
  explicit FrontEndDelayedTest(const Limits& limits) : inflight_(100000, absl::ZeroDuration()) {
    static const int grpc_stays_initialised = (grpc_init(), 1);
    (void)grpc_stays_initialised;
    config_.transport = TransportUnderTest();
    config_.listen = {"127.0.0.1", 0};
    config_.io_threads = 2;
    config_.limits = limits;
    cache_ = std::make_unique<DelayedCacheHandler>(&delays_, &keyspace_, &clock_, limits,
                                                   LeaseTokenCodec(1, 2));
    multi_key_ = std::make_unique<MultiKeyHandler>(cache_.get());
    runtime_config_ =
        std::make_unique<RuntimeConfig>(config_, &keyspace_, &inflight_, [](const auto&...) {});
    maintenance_ = std::make_unique<DelayedMaintenanceHandler>(
        &delays_, MaintenanceParts{.keyspace = &keyspace_,
                                   .time = &clock_,
                                   .figures = &figures_,
                                   .eviction = storage::EvictionKind::kLru,
                                   .config = runtime_config_.get(),
                                   .background = &background_});
    readiness_.Set(true);
    const ServiceParts parts{.cache = cache_.get(),
                             .multi_key = multi_key_.get(),
                             .maintenance = maintenance_.get(),
                             .replication = &replication_,
                             .metrics = &requests_,
                             .inflight = &inflight_,
                             .transport = &transport_,
                             .readiness = &readiness_};
    const bool uses_grpcpp = config_.transport == ServerConfig::Transport::kGrpcpp;
    front_end_ = (uses_grpcpp ? StartGrpcFrontEnd(config_, parts, &connections_)
                              : StartRpcFrontEnd(config_, parts, &connections_, nullptr))
                     .value();
    channel_ = NewChannel();
    stub_ = v1::Cache::NewStub(channel_);
  }

  std::shared_ptr<grpc::Channel> NewChannel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(front_end_->endpoint().ToString(),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  // Runs without delay.
  void Store(const std::string& key, const std::string& value) {
    ASSERT_TRUE(keyspace_.get()
                    ->Set({cluster::HashSlot(key), key}, value, storage::SetOptions(), clock_.Now())
                    .ok());
  }

  std::string Stored(const std::string& key) {
    class Sink final : public storage::ValueSink {
     public:
      char* Reserve(const storage::EntryInfo&, size_t value_bytes) override {
        value.resize(value_bytes);
        return value.data();
      }
      std::string value;
    } sink;
    keyspace_.get()->Get({cluster::HashSlot(key), key}, clock_.Now(), sink);
    return sink.value;
  }

  template <typename Request, typename Response>
  Response Call(grpc::Status (v1::Cache::Stub::*method)(grpc::ClientContext*, const Request&,
                                                        Response*),
                const Request& request) {
    PatientContext context;
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // Nothing is in flight any more, and nothing waits. Bounded, since nothing else tells.
  void ExpectAllEnded() {
    for (int i = 0; i < 6000 && (inflight_.current() > 0 || delays_.waiting() > 0); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(inflight_.current(), 0u);
    EXPECT_EQ(delays_.waiting(), 0u);
  }

  uint64_t Counted(Method method) { return requests_.Read()[static_cast<size_t>(method)].count(); }

  // Last to first: the threads that answer go before what they answer with, the port before both.
  NoFigures figures_;
  ServerConfig config_;
  ShardClock clock_;
  storage::HybridClock versions_{1};
  Readiness readiness_;
  RequestMetrics requests_;
  ConnectionTable connections_{1000};
  InflightLimit inflight_;
  TransportState transport_{TransportState::kIncompleteBytesMax, TransportState::kUnreadBytesMax};
  ServedKeyspace keyspace_{
      storage::Keyspace::Create({.memory_bytes = 64 << 20}, &versions_).value()};
  std::unique_ptr<DelayedCacheHandler> cache_;
  std::unique_ptr<MultiKeyHandler> multi_key_;
  std::unique_ptr<RuntimeConfig> runtime_config_;
  ImmediateBackground background_;
  std::unique_ptr<DelayedMaintenanceHandler> maintenance_;
  FakeReplication control_;
  ReplicationHandler replication_{
      {.control = &control_,
       .bus_of = &FakeReplication::BusOf,
       .on_intervention = [this](const std::string& line) { control_.told = line; }}};
  DelayThread delays_;
  std::unique_ptr<FrontEnd> front_end_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Cache::Stub> stub_;
};

inline v1::GetRequest GetOf(const std::string& key) {
  v1::GetRequest request;
  request.set_key(key);
  return request;
}

// Counts what comes back on a Pipeline, by id.
class PipelineReader {
 public:
  using Stream = grpc::ClientReaderWriter<v1::PipelineRequest, v1::PipelineResponse>;
  explicit PipelineReader(Stream* stream) {
    thread_ = std::thread([this, stream] {
      v1::PipelineResponse response;
      while (stream->Read(&response)) {
        ++counts_[response.id()];
        last_[response.id()] = response;
      }
    });
  }
  void Join() { thread_.join(); }

  std::map<uint64_t, int> counts_;
  std::map<uint64_t, v1::PipelineResponse> last_;

 private:
  std::thread thread_;
};

// Calls that do not wait for their answers.
class AsyncCalls {
 public:
  void Get(v1::Cache::Stub& stub, const std::string& key, std::chrono::milliseconds deadline) {
    Call& call = calls_.emplace_back();
    call.request = GetOf(key);
    call.context.set_deadline(std::chrono::system_clock::now() + deadline);
    stub.async()->Get(&call.context, &call.request, &call.response,
                      [this, &call](const grpc::Status& status) {
                        call.status = status;
                        ++ended_;
                      });
  }
  void CancelAll() {
    for (Call& call : calls_) call.context.TryCancel();
  }
  void AwaitAll() {
    for (int i = 0; i < 6000 && ended_ < calls_.size(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ASSERT_EQ(ended_, calls_.size());
  }
  std::map<grpc::StatusCode, int> Codes() const {
    std::map<grpc::StatusCode, int> codes;
    for (const Call& call : calls_) ++codes[call.status.error_code()];
    return codes;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::GetRequest request;
    v1::GetResponse response;
    grpc::Status status;
  };
  std::deque<Call> calls_;
  std::atomic<size_t> ended_{0};
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_DELAYED_FRONT_END_H_
