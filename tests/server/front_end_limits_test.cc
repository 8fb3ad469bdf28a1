#include <gmock/gmock.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "larder/v1/error.pb.h"
#include "server/messages/pipeline_operation.h"
#include "tests/server/client_socket.h"
#include "tests/server/node_fixture.h"

namespace larder::server {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::HasSubstr;

// Fills the window of a stream whose client does not read.
constexpr size_t kLargeValueBytes = 3 << 20;

// A Pipeline whose operations stay in flight: their answers are large and are not read.
class UnreadPipeline {
 public:
  explicit UnreadPipeline(RunningNode& running) : stream_(running.cache().Pipeline(&context_)) {}

  void Get(const std::string& key) {
    v1::PipelineRequest request;
    request.set_id(++sent_);
    request.mutable_get()->set_key(key);
    ASSERT_TRUE(stream_->Write(request));
  }

  // Reads all answers; returns how many are errors with this code.
  int ReadAll(grpc::StatusCode code) {
    stream_->WritesDone();
    int errors = 0;
    for (v1::PipelineResponse response; stream_->Read(&response); ++answered_) {
      if (response.error().code() == code) ++errors;
    }
    end_ = stream_->Finish();
    return errors;
  }

  uint64_t sent() const { return sent_; }
  uint64_t answered() const { return answered_; }
  const grpc::Status& end() const { return end_; }

 private:
  PatientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::PipelineRequest, v1::PipelineResponse>> stream_;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  grpc::Status end_;
};

TEST(FrontEndLimitsTest, RequestsOverMaxInflightAreToldToTryLater) {
  ServerConfig config;
  const bool is_grpcpp = TransportUnderTest() == ServerConfig::Transport::kGrpcpp;
  config.max_inflight = is_grpcpp ? 4 : 1;
  RunningNode running(config);
  ASSERT_TRUE(running.Set("large", std::string(kLargeValueBytes, 'v')).ok());
  ASSERT_TRUE(running.Set("small", "v").ok());
  UnreadPipeline pipeline(running);
  for (int i = 0; i < 10; ++i) pipeline.Get("large");
  // Until they have arrived, a call is served; the test's own time limit ends this.
  grpc::Status status;
  v1::GetResponse response;
  do {
    status = running.Get("small", &response);
  } while (status.ok());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("--max_inflight"));
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.RetryInfo");
  // grpc++ reads on and refuses; our own front end does not begin operations that it cannot send.
  const int refused = pipeline.ReadAll(grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused > 0, is_grpcpp);
  EXPECT_EQ(pipeline.answered(), 10u);
  EXPECT_TRUE(pipeline.end().ok());
  // A place is given back after its answer has left; the test's own time limit ends this, too.
  while (!running.Get("large", &response).ok()) std::this_thread::yield();
}

TEST(FrontEndLimitsTest, HeadersOverTheLimitAreRefused) {
  if (TransportUnderTest() == ServerConfig::Transport::kGrpcpp) return;  // it has its own limit
  ServerConfig config;
  config.max_header_bytes = 1024;
  RunningNode running(config);
  PatientContext context;
  context.AddMetadata("large", std::string(2000, 'x'));
  v1::GetRequest request;
  request.set_key("k");
  v1::GetResponse response;
  const grpc::Status status = running.cache().Get(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("--max_header_bytes"));
  EXPECT_TRUE(running.Get("k", &response).ok());
}

TEST(FrontEndLimitsTest, PipelineGoesOnAfterMoreAnswersThanAreKept) {
  RunningNode running;
  ASSERT_TRUE(running.Set("k", std::string(4096, 'v')).ok());
  UnreadPipeline pipeline(running);
  std::thread writer([&] {
    for (size_t i = 0; i < 20 * kPipelineOperationsMax; ++i) pipeline.Get("k");
  });
  writer.join();
  EXPECT_EQ(pipeline.ReadAll(grpc::StatusCode::RESOURCE_EXHAUSTED), 0);
  EXPECT_EQ(pipeline.answered(), pipeline.sent());
  EXPECT_TRUE(pipeline.end().ok());
}

TEST(FrontEndLimitsTest, ConnectionsOverTheLimitAreRefusedUntilOneCloses) {
  ServerConfig config;
  config.max_connections = 2;
  RunningNode running(config);
  v1::GetRequest request;
  request.set_key("k");
  v1::GetResponse response;
  ASSERT_TRUE(running.Get("k", &response).ok());
  const auto third = running.NewChannel();
  const auto third_stub = v1::Cache::NewStub(third);
  {
    const auto second = running.NewChannel();
    PatientContext second_context;
    ASSERT_TRUE(v1::Cache::NewStub(second)->Get(&second_context, request, &response).ok());
    PatientContext third_context;
    const grpc::Status refused = third_stub->Get(&third_context, request, &response);
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE) << refused.error_message();
    EXPECT_TRUE(running.Get("k", &response).ok());
  }
  PatientContext patient_context;
  patient_context.set_wait_for_ready(true);
  EXPECT_TRUE(third_stub->Get(&patient_context, request, &response).ok());
}

TEST(FrontEndLimitsTest, RequestsOverMaxRequestBytesAreRefusedByItself) {
  RunningNode running;
  const grpc::Status status = running.Set("k", std::string(17 << 20, 'v'));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::GetResponse response;
  EXPECT_TRUE(running.Get("k", &response).ok());
  EXPECT_FALSE(response.found());
}

TEST(FrontEndLimitsTest, LargestEntryFitsWhatAClientReceivesByDefault) {
  RunningNode running;
  const std::string key(16 << 10, 'k');
  const std::string value((4 << 20) - (64 << 10), 'v');
  ASSERT_TRUE(running.Set(key, value).ok());
  v1::GetResponse response;
  ASSERT_TRUE(running.Get(key, &response).ok());
  EXPECT_EQ(response.value(), value);
  v1::MultiGetRequest many;
  for (int i = 0; i < 10000; ++i) many.add_items()->set_key(key.substr(0, 1 + i % 5));
  many.mutable_items(0)->set_key(key);
  for (int i = 1; i < 100; ++i) many.mutable_items(i)->set_key(key);
  PatientContext context;
  v1::MultiGetResponse answer;
  const grpc::Status status = running.cache().MultiGet(&context, many, &answer);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answer.results(0).response().value(), value);
  EXPECT_EQ(answer.results(1).error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  PatientContext scan_context;
  v1::ScanResponse scanned;
  ASSERT_TRUE(running.cache().Scan(&scan_context, v1::ScanRequest(), &scanned).ok());
}

TEST(FrontEndLimitsTest, ClientsThatVanishLeaveNothingInFlight) {
  RunningNode running;
  ASSERT_TRUE(running.Set("large", std::string(kLargeValueBytes, 'v')).ok());
  for (int i = 0; i < 5; ++i) {
    grpc::ClientContext context;
    const auto stream = running.cache().Pipeline(&context);
    v1::PipelineRequest request;
    request.mutable_get()->set_key("large");
    for (int j = 0; j < 20; ++j) stream->Write(request);
    context.TryCancel();
    v1::PipelineResponse response;
    while (stream->Read(&response)) {
    }
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ClientSocket garbage(running.node().client_endpoint());
  garbage.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  garbage.ReadAll();
  v1::GetResponse response;
  EXPECT_TRUE(running.Get("large", &response).ok());
}

TEST(FrontEndDrainTest, EndsStreamsAndTellsHealth) {
  RunningNode running;
  PatientContext watch_context;
  const auto health = Health::NewStub(running.channel());
  const auto watch = health->Watch(&watch_context, HealthCheckRequest());
  HealthCheckResponse state;
  ASSERT_TRUE(watch->Read(&state));
  EXPECT_EQ(state.status(), HealthCheckResponse::SERVING);
  PatientContext pipeline_context;
  const auto pipeline = running.cache().Pipeline(&pipeline_context);
  v1::PipelineRequest request;
  request.set_id(5);
  request.mutable_get()->set_key("k");
  ASSERT_TRUE(pipeline->Write(request));
  v1::PipelineResponse response;
  ASSERT_TRUE(pipeline->Read(&response));
  const Endpoint endpoint = running.node().client_endpoint();

  std::thread drain([&] { running.node().Drain(); });
  ASSERT_TRUE(watch->Read(&state));
  EXPECT_EQ(state.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&state));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(pipeline->Read(&response));
  const grpc::Status end = pipeline->Finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(end.error_message(), HasSubstr("shutting down"));
  drain.join();
  EXPECT_FALSE(ClientSocket(endpoint).is_connected());
}

TEST(FrontEndDrainTest, AnswersWhatIsInFlight) {
  ServerConfig config;
  config.drain_timeout = absl::Minutes(1);
  RunningNode running(config);
  ASSERT_TRUE(running.Set("large", std::string(kLargeValueBytes, 'v')).ok());
  PatientContext context;
  const auto pipeline = running.cache().Pipeline(&context);
  v1::PipelineRequest request;
  request.mutable_get()->set_key("large");
  constexpr int kOperations = 20;
  for (int i = 0; i < kOperations; ++i) ASSERT_TRUE(pipeline->Write(request));
  v1::PipelineResponse response;
  ASSERT_TRUE(pipeline->Read(&response));
  std::thread drain([&] { running.node().Drain(); });
  int answered = 1;
  for (; pipeline->Read(&response); ++answered) {
    EXPECT_EQ(response.get().value().size(), kLargeValueBytes);
  }
  EXPECT_EQ(pipeline->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_LE(answered, kOperations);
  drain.join();
}

TEST(FrontEndDrainTest, IsBoundedWhenAClientDoesNotRead) {
  ServerConfig config;
  config.drain_timeout = absl::Milliseconds(50);
  RunningNode running(config);
  ASSERT_TRUE(running.Set("large", std::string(kLargeValueBytes, 'v')).ok());
  UnreadPipeline pipeline(running);
  for (int i = 0; i < 10; ++i) pipeline.Get("large");
  v1::GetResponse response;
  ASSERT_TRUE(running.Get("large", &response).ok());
  running.node().Drain();
  pipeline.ReadAll(grpc::StatusCode::OK);
  EXPECT_FALSE(pipeline.end().ok());
}

// Flushes that do not wait for their answers.
class AsyncFlushes {
 public:
  AsyncFlushes(v1::Maintenance::Stub* stub, size_t number) : calls_(number) {
    for (Call& call : calls_) {
      stub->async()->Flush(&call.context, &call.request, &call.response,
                           [this, &call](const grpc::Status& status) {
                             call.status = status;
                             ended_.DecrementCount();
                           });
    }
  }
  // Returns the statuses, in order.
  std::vector<grpc::Status> AwaitAll() {
    ended_.Wait();
    std::vector<grpc::Status> statuses;
    for (const Call& call : calls_) statuses.push_back(call.status);
    return statuses;
  }

 private:
  struct Call {
    PatientContext context;
    v1::FlushRequest request;
    v1::FlushResponse response;
    grpc::Status status;
  };
  std::deque<Call> calls_;
  absl::BlockingCounter ended_{static_cast<int>(calls_.size())};
};

TEST(FrontEndFlushTest, AsManyFlushesAsMayAreDoneAndTheOthersRefused) {
  RunningNode running;
  ASSERT_TRUE(running.Set("k", "v").ok());
  const auto stub = v1::Maintenance::NewStub(running.channel());
  size_t done = 0;
  for (const grpc::Status& status : AsyncFlushes(stub.get(), 1000).AwaitAll()) {
    if (status.ok()) {
      ++done;
      continue;
    }
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("as may: 128"));
  }
  EXPECT_GE(done, 1u);
  v1::GetResponse response;
  ASSERT_TRUE(running.Get("k", &response).ok());
  EXPECT_FALSE(response.found());
}

TEST(FrontEndFlushTest, ANodeEndsWhileFlushesWait) {
  auto running = std::make_unique<RunningNode>();
  const auto stub = v1::Maintenance::NewStub(running->channel());
  AsyncFlushes flushes(stub.get(), 1000);
  running.reset();
  for (const grpc::Status& status : flushes.AwaitAll()) {
    EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                status.error_code() == grpc::StatusCode::CANCELLED ||
                status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED)
        << status.error_message();
  }
}

}  // namespace
}  // namespace larder::server
