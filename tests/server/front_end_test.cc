#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/server/node_fixture.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

class FrontEndTest : public testing::Test {
 protected:
  // Calls a method of the Cache stub.
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::Cache::Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Response*),
                    const Request& request, Response* response) {
    PatientContext context;
    return (running_.cache().*method)(&context, request, response);
  }

  RunningNode running_;
};

TEST_F(FrontEndTest, SetAndGetCarryEveryField) {
  v1::SetRequest set;
  set.set_key("k");
  set.set_value(std::string("v\0v", 3));
  set.set_flags(9);
  set.mutable_ttl()->set_seconds(100);
  set.set_return_previous(true);
  v1::SetResponse stored;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Set, set, &stored).ok());
  EXPECT_NE(stored.stored().version(), 0u);
  EXPECT_FALSE(stored.has_previous());
  v1::GetResponse got;
  ASSERT_TRUE(running_.Get("k", &got).ok());
  EXPECT_TRUE(got.found());
  EXPECT_EQ(got.value(), std::string("v\0v", 3));
  EXPECT_EQ(got.version(), stored.stored().version());
  EXPECT_EQ(got.flags(), 9u);
  EXPECT_GT(got.expires_at().seconds(), 1600000000);
  set.clear_ttl();
  set.set_if_absent(true);
  v1::SetResponse refused;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Set, set, &refused).ok());
  EXPECT_EQ(refused.not_stored().reason(), v1::NOT_STORED_REASON_EXISTS);
  EXPECT_EQ(refused.previous().value(), std::string("v\0v", 3));
  v1::GetResponse missed;
  ASSERT_TRUE(running_.Get("other", &missed).ok());
  EXPECT_EQ(missed.ByteSizeLong(), 0u);
}

TEST_F(FrontEndTest, DeleteTouchIncrementAndAppendAnswer) {
  running_.Set("k", "v");
  v1::TouchRequest touch;
  touch.set_key("k");
  touch.mutable_ttl()->set_seconds(50);
  v1::TouchResponse touched;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Touch, touch, &touched).ok());
  EXPECT_TRUE(touched.found());
  EXPECT_TRUE(touched.has_expires_at());
  v1::AppendRequest append;
  append.set_key("k");
  append.set_value("w");
  v1::AppendResponse appended;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Append, append, &appended).ok());
  EXPECT_EQ(appended.value_bytes(), 2u);
  v1::IncrementRequest increment;
  increment.set_key("n");
  increment.set_delta(-3);
  increment.set_initial(-5);
  v1::IncrementResponse counted;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Increment, increment, &counted).ok());
  EXPECT_TRUE(counted.created());
  EXPECT_EQ(counted.value(), -5);
  v1::DeleteRequest remove;
  remove.set_key("k");
  remove.mutable_serve_stale_for()->set_seconds(30);
  v1::DeleteResponse removed;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Delete, remove, &removed).ok());
  EXPECT_TRUE(removed.deleted());
  v1::GetResponse stale;
  ASSERT_TRUE(running_.Get("k", &stale).ok());
  EXPECT_TRUE(stale.stale());
  EXPECT_EQ(stale.value(), "vw");
}

TEST_F(FrontEndTest, LeaseGoesFromGrantedOverHeldToHit) {
  v1::LeaseRequest lease;
  lease.set_key("k");
  v1::LeaseResponse granted;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Lease, lease, &granted).ok());
  ASSERT_TRUE(granted.has_granted());
  EXPECT_EQ(granted.granted().token().size(), 16u);
  EXPECT_FALSE(granted.granted().has_stale());
  v1::LeaseResponse held;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Lease, lease, &held).ok());
  EXPECT_EQ(held.held().retry_after().nanos(), 25000000);
  v1::SetRequest set;
  set.set_key("k");
  set.set_value("recomputed");
  set.set_lease_token(granted.granted().token());
  v1::SetResponse stored;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Set, set, &stored).ok());
  EXPECT_TRUE(stored.has_stored());
  v1::LeaseResponse hit;
  ASSERT_TRUE(Call(&v1::Cache::Stub::Lease, lease, &hit).ok());
  EXPECT_EQ(hit.hit().value().value(), "recomputed");
}

TEST_F(FrontEndTest, MultiKeyCallsAnswerPerItem) {
  v1::MultiSetRequest sets;
  sets.add_items()->set_key("a");
  sets.mutable_items(0)->set_value("1");
  sets.add_items();
  v1::MultiSetResponse stored;
  ASSERT_TRUE(Call(&v1::Cache::Stub::MultiSet, sets, &stored).ok());
  ASSERT_EQ(stored.results_size(), 2);
  EXPECT_TRUE(stored.results(0).response().has_stored());
  EXPECT_EQ(stored.results(1).error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::MultiGetRequest gets;
  for (const char* key : {"a", "none", "a"}) gets.add_items()->set_key(key);
  v1::MultiGetResponse got;
  ASSERT_TRUE(Call(&v1::Cache::Stub::MultiGet, gets, &got).ok());
  ASSERT_EQ(got.results_size(), 3);
  EXPECT_EQ(got.results(0).response().value(), "1");
  EXPECT_TRUE(got.results(1).has_response());
  EXPECT_FALSE(got.results(1).response().found());
  EXPECT_EQ(got.results(2).response().value(), "1");
  v1::MultiDeleteRequest deletes;
  deletes.add_items()->set_key("a");
  v1::MultiDeleteResponse removed;
  ASSERT_TRUE(Call(&v1::Cache::Stub::MultiDelete, deletes, &removed).ok());
  EXPECT_TRUE(removed.results(0).response().deleted());
  v1::MultiGetResponse refused;
  EXPECT_EQ(Call(&v1::Cache::Stub::MultiGet, v1::MultiGetRequest(), &refused).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(FrontEndTest, ScanGoesOnWithItsCursor) {
  for (int i = 0; i < 30; ++i) running_.Set("key" + std::to_string(i), "v");
  v1::ScanRequest scan;
  scan.set_limit(4);
  scan.set_keys_only(true);
  std::multiset<std::string> seen;
  do {
    v1::ScanResponse response;
    ASSERT_TRUE(Call(&v1::Cache::Stub::Scan, scan, &response).ok());
    for (const auto& entry : response.entries()) {
      seen.insert(entry.key());
      EXPECT_TRUE(entry.value().empty());
    }
    scan.set_cursor(response.next_cursor());
  } while (!scan.cursor().empty());
  EXPECT_EQ(seen.size(), 30u);
}

TEST_F(FrontEndTest, PipelineAnswersEveryOperationById) {
  PatientContext context;
  const auto stream = running_.cache().Pipeline(&context);
  std::map<uint64_t, v1::PipelineRequest> requests;
  requests[1].mutable_set()->set_key("k");
  requests[1].mutable_set()->set_value("v");
  requests[2].mutable_get()->set_key("k");
  requests[3].mutable_get();
  requests[4].mutable_touch()->set_key("k");
  requests[5].mutable_increment()->set_key("n");
  requests[5].mutable_increment()->set_initial(1);
  requests[6].mutable_append()->set_key("k");
  requests[7].mutable_lease()->set_key("new");
  requests[8].mutable_multi_get()->add_items()->set_key("k");
  requests[9].mutable_multi_set()->add_items()->set_key("m");
  requests[10].mutable_multi_delete()->add_items()->set_key("m");
  requests[11].mutable_delete_()->set_key("k");
  requests[12].set_id(12);
  for (auto& [id, request] : requests) {
    request.set_id(id);
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  std::map<uint64_t, v1::PipelineResponse> responses;
  for (v1::PipelineResponse response; stream->Read(&response);) responses[response.id()] = response;
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(responses.size(), requests.size());
  EXPECT_TRUE(responses[1].set().has_stored());
  EXPECT_EQ(responses[2].get().value(), "v");
  EXPECT_EQ(responses[3].error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(responses[4].touch().found());
  EXPECT_TRUE(responses[5].increment().created());
  EXPECT_TRUE(responses[6].append().stored());
  EXPECT_TRUE(responses[7].lease().has_granted());
  EXPECT_EQ(responses[8].multi_get().results(0).response().value(), "v");
  EXPECT_TRUE(responses[9].multi_set().results(0).response().has_stored());
  EXPECT_TRUE(responses[10].multi_delete().results(0).response().deleted());
  EXPECT_TRUE(responses[11].delete_().deleted());
  EXPECT_THAT(responses[12].error().message(), HasSubstr("operation"));
}

TEST_F(FrontEndTest, MethodsToComeSayWhatTheyNeed) {
  const auto cluster = v1::Cluster::NewStub(running_.channel());
  PatientContext status_context;
  v1::StatusResponse status_response;
  const grpc::Status status =
      cluster->Status(&status_context, v1::StatusRequest(), &status_response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("cluster bus"));
  const auto maintenance = v1::Maintenance::NewStub(running_.channel());
  PatientContext snapshot_context;
  v1::SnapshotResponse snapshot;
  EXPECT_THAT(
      maintenance->Snapshot(&snapshot_context, v1::SnapshotRequest(), &snapshot).error_message(),
      HasSubstr("durable storage"));
  PatientContext watch_context;
  const auto watch = running_.cache().Watch(&watch_context, v1::WatchRequest());
  v1::WatchResponse event;
  EXPECT_FALSE(watch->Read(&event));
  const grpc::Status watched = watch->Finish();
  EXPECT_EQ(watched.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(watched.error_message(), HasSubstr("mutation log"));
}

TEST_F(FrontEndTest, MaintenanceAnswers) {
  running_.Set("k", "v");
  const auto maintenance = v1::Maintenance::NewStub(running_.channel());
  PatientContext stats_context;
  v1::StatsResponse stats;
  ASSERT_TRUE(maintenance->Stats(&stats_context, v1::StatsRequest(), &stats).ok());
  EXPECT_EQ(stats.entries(), 1u);
  EXPECT_EQ(stats.eviction(), "s3fifo");
  EXPECT_EQ(stats.connections(), 1u);
  EXPECT_EQ(stats.requests().at("Set/OK"), 1u);
  EXPECT_GT(stats.resident_bytes(), 0u);
  PatientContext memory_context;
  v1::MemoryStatsResponse memory;
  ASSERT_TRUE(maintenance->MemoryStats(&memory_context, v1::MemoryStatsRequest(), &memory).ok());
  uint64_t sum = 0;
  for (const auto& [kind, bytes] : memory.kinds()) sum += bytes;
  EXPECT_EQ(sum, memory.used_bytes());
  EXPECT_EQ(memory.kinds_size(), 6);
  PatientContext slots_context;
  v1::SlotStatsRequest slots_request;
  slots_request.set_last(16383);
  v1::SlotStatsResponse slots;
  ASSERT_TRUE(maintenance->SlotStats(&slots_context, slots_request, &slots).ok());
  EXPECT_EQ(slots.slots_size(), 1);
  PatientContext config_context;
  v1::GetConfigResponse config;
  ASSERT_TRUE(maintenance->GetConfig(&config_context, v1::GetConfigRequest(), &config).ok());
  EXPECT_GT(config.values_size(), 25);
  PatientContext flush_context;
  v1::FlushResponse flushed;
  ASSERT_TRUE(maintenance->Flush(&flush_context, v1::FlushRequest(), &flushed).ok());
  EXPECT_EQ(flushed.entries(), 1u);
}

TEST_F(FrontEndTest, SetConfigChangesTheRunningNode) {
  const auto maintenance = v1::Maintenance::NewStub(running_.channel());
  const auto set = [&](const std::vector<std::pair<std::string, std::string>>& settings) {
    v1::SetConfigRequest request;
    for (const auto& [name, value] : settings) {
      v1::ConfigValue* const setting = request.add_values();
      setting->set_name(name);
      setting->set_value(value);
    }
    PatientContext context;
    v1::SetConfigResponse response;
    return maintenance->SetConfig(&context, request, &response);
  };
  const auto memory = [&] {
    PatientContext config_context;
    v1::GetConfigRequest request;
    request.set_name("memory");
    v1::GetConfigResponse config;
    EXPECT_TRUE(maintenance->GetConfig(&config_context, request, &config).ok());
    EXPECT_TRUE(config.values(0).changeable());
    PatientContext stats_context;
    v1::StatsResponse stats;
    EXPECT_TRUE(maintenance->Stats(&stats_context, v1::StatsRequest(), &stats).ok());
    return std::make_pair(config.values(0).value(), stats.memory_limit_bytes() >> 20);
  };
  EXPECT_TRUE(set({{"memory", "64MiB"}, {"max_inflight", "100"}}).ok());
  EXPECT_EQ(memory(), std::make_pair(std::string("64MiB"), uint64_t{64}));
  const grpc::Status refused = set({{"memory", "128MiB"}, {"stripes", "8"}});
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("--stripes can not change"));
  EXPECT_THAT(set({}).error_message(), HasSubstr("SetConfig: values"));
  EXPECT_THAT(set({{"memory", std::string(1 << 20, 'x')}}).error_message(),
              HasSubstr("1048576 bytes"));
  EXPECT_THAT(set(std::vector<std::pair<std::string, std::string>>(100000)).error_message(),
              HasSubstr("SetConfig: values has more items than the limit 100"));
  EXPECT_EQ(memory(), std::make_pair(std::string("64MiB"), uint64_t{64}));
}

TEST_F(FrontEndTest, HealthKnowsEveryService) {
  const auto health = grpc::health::v1::Health::NewStub(running_.channel());
  for (const char* service : {"", "larder.v1.Cache", "larder.v1.Maintenance", "larder.v1.Cluster",
                              "grpc.health.v1.Health"}) {
    PatientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(health->Check(&context, request, &response).ok()) << service;
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
  }
  grpc::health::v1::HealthCheckRequest unknown;
  unknown.set_service("no.such.Service");
  PatientContext context;
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_EQ(health->Check(&context, unknown, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext watch_context;
  const auto watch = health->Watch(&watch_context, unknown);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVICE_UNKNOWN);
  watch_context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// Asks either version of reflection for the services, and for the file of each.
template <typename Service, typename Request, typename Response>
void ExpectServicesAreDescribed(const std::shared_ptr<grpc::Channel>& channel) {
  PatientContext context;
  const auto stub = Service::NewStub(channel);
  const auto stream = stub->ServerReflectionInfo(&context);
  Request request;
  request.set_host("host");
  request.set_list_services("*");
  ASSERT_TRUE(stream->Write(request));
  Response services;
  ASSERT_TRUE(stream->Read(&services));
  EXPECT_EQ(services.valid_host(), "host");
  EXPECT_EQ(services.list_services_response().service_size(), 6);
  for (const auto& service : services.list_services_response().service()) {
    request.set_file_containing_symbol(service.name());
    ASSERT_TRUE(stream->Write(request));
    Response files;
    ASSERT_TRUE(stream->Read(&files));
    EXPECT_GT(files.file_descriptor_response().file_descriptor_proto_size(), 0) << service.name();
    EXPECT_EQ(files.original_request().file_containing_symbol(), service.name());
  }
  request.set_file_containing_symbol("no.such.Symbol");
  ASSERT_TRUE(stream->Write(request));
  Response error;
  ASSERT_TRUE(stream->Read(&error));
  EXPECT_EQ(error.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&error));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(FrontEndTest, ReflectionDescribesEveryServiceInBothVersions) {
  ExpectServicesAreDescribed<grpc::reflection::v1::ServerReflection,
                             grpc::reflection::v1::ServerReflectionRequest,
                             grpc::reflection::v1::ServerReflectionResponse>(running_.channel());
  ExpectServicesAreDescribed<grpc::reflection::v1alpha::ServerReflection,
                             grpc::reflection::v1alpha::ServerReflectionRequest,
                             grpc::reflection::v1alpha::ServerReflectionResponse>(
      running_.channel());
}

}  // namespace
}  // namespace larder::server
