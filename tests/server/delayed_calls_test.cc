// Handlers that answer some time later on another thread, behind a whole front end: what a node
// that asks other nodes, its disk or an origin will do.

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/delayed_front_end.h"

namespace larder::server {
namespace {

using std::chrono::milliseconds;

TEST_F(FrontEndDelayedTest, EveryCacheMethodAnswersLater) {
  v1::SetRequest set;
  set.set_key("k");
  set.set_value("v");
  EXPECT_NE(Call(&v1::Cache::Stub::Set, set).stored().version(), 0u);
  set.set_return_previous(true);
  set.set_value("5");
  EXPECT_EQ(Call(&v1::Cache::Stub::Set, set).previous().value(), "v");
  EXPECT_EQ(Call(&v1::Cache::Stub::Get, GetOf("k")).value(), "5");
  EXPECT_FALSE(Call(&v1::Cache::Stub::Get, GetOf("absent")).found());
  v1::TouchRequest touch;
  touch.set_key("k");
  EXPECT_TRUE(Call(&v1::Cache::Stub::Touch, touch).found());
  v1::IncrementRequest increment;
  increment.set_key("k");
  increment.set_delta(2);
  EXPECT_EQ(Call(&v1::Cache::Stub::Increment, increment).value(), 7);
  v1::AppendRequest append;
  append.set_key("k");
  append.set_value("00");
  EXPECT_EQ(Call(&v1::Cache::Stub::Append, append).value_bytes(), 3u);
  v1::ScanRequest scan;
  scan.set_limit(10);
  std::set<std::string> keys;
  do {
    const v1::ScanResponse scanned = Call(&v1::Cache::Stub::Scan, scan);
    for (const v1::ScanEntry& entry : scanned.entries()) keys.insert(entry.value());
    scan.set_cursor(scanned.next_cursor());
  } while (!scan.cursor().empty());
  EXPECT_EQ(keys, std::set<std::string>{"700"});
  v1::DeleteRequest remove;
  remove.set_key("k");
  EXPECT_TRUE(Call(&v1::Cache::Stub::Delete, remove).deleted());
  v1::LeaseRequest lease;
  lease.set_key("k");
  set.set_lease_token(Call(&v1::Cache::Stub::Lease, lease).granted().token());
  EXPECT_TRUE(Call(&v1::Cache::Stub::Lease, lease).has_held());
  EXPECT_TRUE(Call(&v1::Cache::Stub::Set, set).has_stored());
  EXPECT_EQ(Call(&v1::Cache::Stub::Lease, lease).hit().value().value(), "5");

  PatientContext context;
  v1::GetResponse response;
  const grpc::Status status = stub_->Get(&context, GetOf(""), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ExpectAllEnded();
  EXPECT_EQ(Counted(Method::kLease), 3u);
}

TEST_F(FrontEndDelayedTest, EveryMaintenanceMethodAnswersLater) {
  Store("k", "v");
  const auto maintenance = v1::Maintenance::NewStub(channel_);
  const auto call = [&](auto method, const auto& request, auto* response) {
    PatientContext context;
    const grpc::Status status = (maintenance.get()->*method)(&context, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  };
  using Stub = v1::Maintenance::Stub;
  v1::StatsResponse stats;
  call(&Stub::Stats, v1::StatsRequest(), &stats);
  EXPECT_EQ(stats.version(), "of the test");
  v1::MemoryStatsResponse memory;
  call(&Stub::MemoryStats, v1::MemoryStatsRequest(), &memory);
  EXPECT_EQ(memory.limit_bytes(), uint64_t{64} << 20);
  v1::SlotStatsRequest slot_request;
  slot_request.set_first(0);
  slot_request.set_last(16383);
  v1::SlotStatsResponse slots;
  call(&Stub::SlotStats, slot_request, &slots);
  EXPECT_EQ(slots.slots_size(), 1);
  v1::SetConfigRequest set_config;
  v1::ConfigValue* const setting = set_config.add_values();
  setting->set_name("memory");
  setting->set_value("32MiB");
  v1::SetConfigResponse was_set;
  call(&Stub::SetConfig, set_config, &was_set);
  v1::GetConfigRequest get_config;
  get_config.set_name("memory");
  v1::GetConfigResponse config;
  call(&Stub::GetConfig, get_config, &config);
  ASSERT_EQ(config.values_size(), 1);
  EXPECT_EQ(config.values(0).value(), "32MiB");
  v1::FlushResponse flushed;
  call(&Stub::Flush, v1::FlushRequest(), &flushed);
  EXPECT_EQ(flushed.entries(), 1u);
  ExpectAllEnded();
}

TEST_F(FrontEndDelayedTest, MultiKeyAnswersAreInOrderWhateverShareIsOpen) {
  storage::Random random(3);
  for (const double share : {0.0, 0.01, 0.1, 0.5, 0.9, 1.0}) {
    SCOPED_TRACE(share);
    delays_.Set(share, milliseconds(5));
    v1::MultiSetRequest sets;
    v1::MultiGetRequest gets;
    v1::MultiDeleteRequest deletes;
    std::vector<std::string> values;
    for (int i = 0; i < 300; ++i) {
      const std::string key = "k" + std::to_string(i);
      values.emplace_back(random.Below(i % 50 == 0 ? 20000 : 60), static_cast<char>('a' + i % 26));
      v1::SetRequest* const set = sets.add_items();
      set->set_key(i == 7 ? "" : key);
      set->set_value(values.back());
      gets.add_items()->set_key(key);
      gets.add_items()->set_key("absent");
      deletes.add_items()->set_key(key);
    }
    const auto stored = Call(&v1::Cache::Stub::MultiSet, sets);
    ASSERT_EQ(stored.results_size(), 300);
    const auto got = Call(&v1::Cache::Stub::MultiGet, gets);
    ASSERT_EQ(got.results_size(), 600);
    const auto deleted = Call(&v1::Cache::Stub::MultiDelete, deletes);
    ASSERT_EQ(deleted.results_size(), 300);
    for (int i = 0; i < 300; ++i) {
      SCOPED_TRACE(i);
      EXPECT_EQ(stored.results(i).has_error(), i == 7);
      EXPECT_EQ(got.results(2 * i).response().found(), i != 7);
      if (i != 7) {
        ASSERT_EQ(got.results(2 * i).response().value(), values[static_cast<size_t>(i)]);
        EXPECT_EQ(got.results(2 * i).response().version(),
                  stored.results(i).response().stored().version());
      }
      EXPECT_TRUE(got.results(2 * i + 1).has_response());
      EXPECT_FALSE(got.results(2 * i + 1).response().found());
      EXPECT_EQ(deleted.results(i).response().deleted(), i != 7);
    }
  }
  ExpectAllEnded();
}

class FrontEndDelayedSmallTest : public FrontEndDelayedTest {
 protected:
  static Limits Small() {
    Limits limits;
    limits.max_value_bytes = 20000;
    limits.max_response_bytes = 60000;
    return limits;
  }
  FrontEndDelayedSmallTest() : FrontEndDelayedTest(Small()) {}
};

TEST_F(FrontEndDelayedSmallTest, AMultiGetStaysBelowItsLimitWhateverShareIsOpen) {
  v1::MultiGetRequest gets;
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i);
    Store(key, std::string(10000, 'v'));
    gets.add_items()->set_key(key);
  }
  for (const double share : {0.0, 0.5, 1.0}) {
    delays_.Set(share, milliseconds(5));
    const auto got = Call(&v1::Cache::Stub::MultiGet, gets);
    ASSERT_EQ(got.results_size(), 20);
    EXPECT_LE(got.ByteSizeLong(), 60000u);
    int found = 0;
    for (const auto& result : got.results()) {
      found += result.response().found() ? 1 : 0;
      if (!result.has_response()) {
        EXPECT_EQ(result.error().code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
      }
    }
    EXPECT_EQ(found, 5);
  }
}

TEST_F(FrontEndDelayedSmallTest, AMultiSetSaysWhatWasThereOrDoesNothing) {
  for (const double share : {0.0, 0.5, 1.0}) {
    SCOPED_TRACE(share);
    delays_.Set(share, milliseconds(5));
    v1::MultiSetRequest sets;
    for (int i = 0; i < 20; ++i) {
      v1::SetRequest* const set = sets.add_items();
      set->set_key("k" + std::to_string(i));
      set->set_value("new");
      set->set_return_previous(true);
      Store(set->key(), std::string(10000, 'v'));
    }
    int stored = 0;
    const auto answer = Call(&v1::Cache::Stub::MultiSet, sets);
    for (int i = 0; i < 20; ++i) {
      const auto& result = answer.results(i);
      EXPECT_EQ(result.has_error(), !result.response().has_previous());
      stored += result.has_error() ? 0 : 1;
      const auto entry = Stored("k" + std::to_string(i));
      EXPECT_EQ(entry, result.has_error() ? std::string(10000, 'v') : "new");
    }
    EXPECT_GT(stored, 0);
    ExpectAllEnded();
  }
}

TEST_F(FrontEndDelayedTest, APipelineAnswersEachOperationOnceAndEndsAfterTheLast) {
  constexpr uint64_t kOperations = 3000;
  for (const double share : {0.0, 0.3, 1.0}) {
    SCOPED_TRACE(share);
    delays_.Set(share, milliseconds(20));
    for (uint64_t i = 0; i < kOperations; ++i) Store("p" + std::to_string(i), std::to_string(i));
    PatientContext context;
    const auto stream = stub_->Pipeline(&context);
    PipelineReader reader(stream.get());
    for (uint64_t i = 0; i < kOperations; ++i) {
      v1::PipelineRequest request;
      request.set_id(i);
      const std::string key = "p" + std::to_string(i);
      switch (i % 6) {
        case 0:
          request.mutable_get()->set_key(key);
          break;
        case 1:
          request.mutable_set()->set_key(key);
          break;
        case 2:
          request.mutable_increment()->set_key(key);
          request.mutable_increment()->set_delta(1);
          break;
        case 3:
          request.mutable_delete_()->set_key(key);
          break;
        case 4:
          request.mutable_get()->set_key("");
          break;
        default:
          request.mutable_multi_get()->add_items()->set_key(key);
          request.mutable_multi_get()->add_items()->set_key("absent");
      }
      ASSERT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
    reader.Join();
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(reader.counts_.size(), kOperations);
    for (uint64_t i = 0; i < kOperations; ++i) {
      ASSERT_EQ(reader.counts_[i], 1) << i;
      const v1::PipelineResponse& response = reader.last_[i];
      const std::string value = std::to_string(i);
      switch (i % 6) {
        case 0:
          EXPECT_EQ(response.get().value(), value);
          break;
        case 1:
          EXPECT_TRUE(response.set().has_stored());
          break;
        case 2:
          EXPECT_EQ(response.increment().value(), static_cast<int64_t>(i) + 1);
          break;
        case 3:
          EXPECT_TRUE(response.delete_().deleted());
          break;
        case 4:
          EXPECT_EQ(response.error().code(), grpc::StatusCode::INVALID_ARGUMENT);
          break;
        default:
          EXPECT_EQ(response.multi_get().results(0).response().value(), value);
      }
    }
    ExpectAllEnded();
  }
  EXPECT_EQ(Counted(Method::kGet), 3 * 2 * kOperations / 6);
}

TEST_F(FrontEndDelayedTest, ADeadlineACancellationAndACutEndCallsThatAreOpen) {
  Store("k", "v");
  delays_.Set(1, milliseconds(400));
  {
    AsyncCalls late;
    for (int i = 0; i < 100; ++i) late.Get(*stub_, "k", milliseconds(20));
    late.AwaitAll();
    EXPECT_GT(late.Codes()[grpc::StatusCode::DEADLINE_EXCEEDED], 50);
  }
  {
    AsyncCalls cancelled;
    for (int i = 0; i < 100; ++i) cancelled.Get(*stub_, "k", milliseconds(60000));
    cancelled.CancelAll();
    cancelled.AwaitAll();
    EXPECT_GT(cancelled.Codes()[grpc::StatusCode::CANCELLED], 50);
  }
  {
    AsyncCalls cut;
    auto channel = NewChannel();
    auto stub = v1::Cache::NewStub(channel);
    PatientContext context;
    v1::GetResponse response;
    ASSERT_TRUE(stub->Get(&context, GetOf("k"), &response).ok());
    PatientContext stream_context;
    const auto stream = stub->Pipeline(&stream_context);
    for (uint64_t i = 0; i < 200; ++i) {
      v1::PipelineRequest request;
      request.set_id(i);
      request.mutable_get()->set_key("k");
      stream->Write(request);
    }
    for (int i = 0; i < 100; ++i) cut.Get(*stub, "k", milliseconds(60000));
    stream_context.TryCancel();
    cut.CancelAll();
    stub.reset();
    channel.reset();
    EXPECT_FALSE(stream->Finish().ok());
    cut.AwaitAll();
  }
  ExpectAllEnded();
  EXPECT_EQ(Call(&v1::Cache::Stub::Get, GetOf("k")).value(), "v");
}

TEST_F(FrontEndDelayedTest, OperationsOfCallsThatHaveEndedKeepTheirPlaces) {
  delays_.Set(1, milliseconds(600'000));
  inflight_.SetRequestsMax(20);
  for (int round = 0; round < 10; ++round) {
    AsyncCalls late;
    for (int i = 0; i < 10; ++i) late.Get(*stub_, "k", milliseconds(20));
    late.AwaitAll();
  }
  EXPECT_LE(delays_.waiting(), 20u);
  delays_.Hurry();
  ExpectAllEnded();
}

TEST_F(FrontEndDelayedTest, ADrainEndsAPipelineWhoseClientGoesOnSending) {
  Store("k", "v");
  delays_.Set(1, milliseconds(50));
  PatientContext context;
  const auto stream = stub_->Pipeline(&context);
  PipelineReader reader(stream.get());
  std::atomic<bool> is_over = false;
  std::thread writer([&] {
    v1::PipelineRequest request;
    request.mutable_get()->set_key("k");
    for (uint64_t i = 0; !is_over && i < 60'000; ++i) {
      request.set_id(i);
      if (!stream->Write(request)) return;
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  while (delays_.begun() < 5) std::this_thread::sleep_for(milliseconds(1));
  front_end_->Drain(absl::Seconds(60));
  is_over = true;
  writer.join();
  reader.Join();
  const grpc::Status end = stream->Finish();
  EXPECT_EQ(end.error_code(), grpc::UNAVAILABLE);
  // gRPC's server closes the connection with what it has not read, by which its last words get
  // lost.
  if (config_.transport != ServerConfig::Transport::kGrpcpp) {
    EXPECT_EQ(end.error_message(), kShuttingDown);
  }
  EXPECT_GE(reader.counts_.size(), 5u);
  ExpectAllEnded();
}

TEST_F(FrontEndDelayedTest, ADrainWaitsForWhatIsOpen) {
  Store("k", "v");
  delays_.Set(1, milliseconds(300));
  AsyncCalls calls;
  for (int i = 0; i < 50; ++i) calls.Get(*stub_, "k", milliseconds(60000));
  PatientContext context;
  const auto stream = stub_->Pipeline(&context);
  PipelineReader reader(stream.get());
  for (uint64_t i = 0; i < 50; ++i) {
    v1::PipelineRequest request;
    request.set_id(i);
    if (i % 2 == 0) {
      request.mutable_get()->set_key("k");
    } else {
      request.mutable_lease()->set_key("k");
    }
    ASSERT_TRUE(stream->Write(request));
  }
  while (delays_.begun() < 100) std::this_thread::sleep_for(milliseconds(1));
  front_end_->Drain(absl::Seconds(60));
  calls.AwaitAll();
  EXPECT_EQ(calls.Codes(), (std::map<grpc::StatusCode, int>{{grpc::StatusCode::OK, 50}}));
  reader.Join();
  EXPECT_EQ(reader.counts_.size(), 50u);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  ExpectAllEnded();
}

TEST_F(FrontEndDelayedTest, AnswersThatComeAfterThePortHasEndedAreDropped) {
  Store("k", "v");
  delays_.Set(1, milliseconds(500));
  AsyncCalls calls;
  for (int i = 0; i < 100; ++i) calls.Get(*stub_, "k", milliseconds(60000));
  v1::MultiGetRequest gets;
  for (int i = 0; i < 10; ++i) gets.add_items()->set_key("k");
  grpc::ClientContext context;
  std::atomic<bool> multi_ended = false;
  v1::MultiGetResponse response;
  stub_->async()->MultiGet(&context, &gets, &response,
                           [&](const grpc::Status&) { multi_ended = true; });
  while (delays_.begun() < 110) std::this_thread::sleep_for(milliseconds(1));
  front_end_->Drain(absl::ZeroDuration());
  if (config_.transport != ServerConfig::Transport::kGrpcpp) front_end_.reset();
  calls.AwaitAll();
  for (int i = 0; i < 6000 && !multi_ended; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(multi_ended);
  ExpectAllEnded();
}

TEST_F(FrontEndDelayedTest, AnyMixOfOpenCallsAnswersRightly) {
  delays_.Set(0.5, milliseconds(3));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      storage::Random random(static_cast<uint64_t>(t));
      const auto stub = v1::Cache::NewStub(t % 2 == 0 ? channel_ : NewChannel());
      std::map<std::string, std::string> mine;
      for (int i = 0; i < 300; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(random.Below(20));
        grpc::ClientContext context;
        const bool is_short = random.Below(10) == 0;
        context.set_deadline(std::chrono::system_clock::now() +
                             milliseconds(is_short ? random.Below(3) : 60000));
        grpc::Status status;
        if (random.Below(2) == 0) {
          v1::SetRequest set;
          set.set_key(key);
          set.set_value(std::string(random.Below(3000), static_cast<char>('a' + i % 26)));
          v1::SetResponse response;
          status = stub->Set(&context, set, &response);
          // One that ran out of time may happen at any time later.
          if (status.ok()) {
            if (mine[key] != "?") mine[key] = set.value();
          } else {
            mine[key] = "?";
          }
        } else {
          v1::GetResponse response;
          status = stub->Get(&context, GetOf(key), &response);
          if (status.ok() && mine[key] != "?") {
            ASSERT_EQ(response.value(), mine[key]) << key;
          }
        }
        ASSERT_TRUE(status.ok() ||
                    (is_short && status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED))
            << status.error_message();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ExpectAllEnded();
}

}  // namespace
}  // namespace larder::server
