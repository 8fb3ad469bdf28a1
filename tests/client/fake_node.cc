#include "tests/client/fake_node.h"

#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/proto_time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "larder/v1/admin.grpc.pb.h"
#include "larder/v1/cache.grpc.pb.h"
#include "tests/client/fake_cluster.h"

namespace larder::testing {
namespace {

using grpc::ServerContext;
using grpc::Status;

Status ToStatus(const FakeNode::Failure& failure) {
  const auto code = static_cast<grpc::StatusCode>(failure.code);
  if (!failure.from_server) return Status(code, "made up");
  v1::StatusDetails details;
  details.set_code(static_cast<int>(code));
  if (failure.retry_after) {
    v1::RetryInfo info;
    *info.mutable_retry_delay() = larder::ToProto(*failure.retry_after);
    google::protobuf::Any& any = *details.add_details();
    any.set_type_url("type.googleapis.com/google.rpc.RetryInfo");
    any.set_value(info.SerializeAsString());
  }
  return Status(code, "said by the node", details.SerializeAsString());
}

}  // namespace

class FakeNode::Node final : public v1::Cache::Service,
                             public v1::Maintenance::Service,
                             public grpc::health::v1::Health::Service {
 public:
  Node() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(static_cast<v1::Cache::Service*>(this));
    builder.RegisterService(static_cast<v1::Maintenance::Service*>(this));
    builder.RegisterService(&cluster);
    builder.RegisterService(static_cast<grpc::health::v1::Health::Service*>(this));
    server_ = builder.BuildAndStart();
    address = absl::StrCat("127.0.0.1:", port);
  }
  ~Node() override { server_->Shutdown(std::chrono::system_clock::now()); }

  Status Get(ServerContext*, const v1::GetRequest* request, v1::GetResponse* response) override {
    {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [this] { return !gets_held; });
    }
    return Serve("Get", [&] { DoGet(*request, *response); });
  }

  Status Set(ServerContext*, const v1::SetRequest* request, v1::SetResponse* response) override {
    return Serve("Set", [&] { DoSet(*request, *response); });
  }

  Status Delete(ServerContext*, const v1::DeleteRequest* request,
                v1::DeleteResponse* response) override {
    return Serve("Delete", [&] { DoDelete(*request, *response); });
  }

  Status Lease(ServerContext*, const v1::LeaseRequest* request,
               v1::LeaseResponse* response) override {
    return Serve("Lease", [&] {
      const auto entry = entries.find(request->key());
      if (entry != entries.end()) {
        response->mutable_hit()->mutable_value()->set_value(entry->second.value);
      } else if (leases[request->key()]++ == 0) {
        response->mutable_granted()->set_token("\x01\xfftoken");
        response->mutable_granted()->mutable_deadline()->set_seconds(100);
      } else {
        response->mutable_held()->mutable_retry_after()->set_nanos(50000000);
      }
    });
  }

  Status MultiGet(ServerContext*, const v1::MultiGetRequest* request,
                  v1::MultiGetResponse* response) override {
    return Serve("MultiGet", [&] {
      for (int i = 0; i < request->items_size(); ++i) {
        v1::MultiGetResult& result = *response->add_results();
        if (i < multi_get_limit) {
          DoGet(request->items(i), *result.mutable_response());
        } else {
          result.mutable_error()->set_code(grpc::RESOURCE_EXHAUSTED);
          result.mutable_error()->set_message("the answer is full");
        }
      }
    });
  }

  Status MultiSet(ServerContext*, const v1::MultiSetRequest* request,
                  v1::MultiSetResponse* response) override {
    return Serve("MultiSet", [&] {
      for (const auto& item : request->items()) {
        v1::MultiSetResult& result = *response->add_results();
        if (item.key().empty()) {
          result.mutable_error()->set_code(grpc::INVALID_ARGUMENT);
          result.mutable_error()->set_message("empty key");
        } else {
          DoSet(item, *result.mutable_response());
        }
      }
    });
  }

  Status MultiDelete(ServerContext*, const v1::MultiDeleteRequest* request,
                     v1::MultiDeleteResponse* response) override {
    return Serve("MultiDelete", [&] {
      for (const auto& item : request->items()) {
        DoDelete(item, *response->add_results()->mutable_response());
      }
    });
  }

  Status Touch(ServerContext*, const v1::TouchRequest* request,
               v1::TouchResponse* response) override {
    return Serve("Touch", [&] {
      const auto entry = entries.find(request->key());
      response->set_found(entry != entries.end());
      if (!response->found()) return;
      response->set_version(entry->second.version);
      if (request->has_ttl()) {
        response->mutable_expires_at()->set_seconds(request->ttl().seconds());
      }
    });
  }

  Status Increment(ServerContext*, const v1::IncrementRequest* request,
                   v1::IncrementResponse* response) override {
    return Serve("Increment", [&] {
      const auto entry = entries.find(request->key());
      int64_t number = request->initial();
      if (entry == entries.end()) {
        if (!request->has_initial()) return;
        response->set_created(true);
      } else {
        (void)absl::SimpleAtoi(entry->second.value, &number);
        number += request->delta();
      }
      response->set_found(true);
      response->set_value(number);
      response->set_version(Store(request->key(), absl::StrCat(number), 0));
    });
  }

  Status Append(ServerContext*, const v1::AppendRequest* request,
                v1::AppendResponse* response) override {
    return Serve("Append", [&] {
      const auto entry = entries.find(request->key());
      if (entry == entries.end() && request->if_present()) return;
      std::string value = entry == entries.end() ? "" : entry->second.value;
      value += request->value();
      response->set_stored(true);
      response->set_value_bytes(value.size());
      response->set_version(Store(request->key(), value, 0));
    });
  }

  Status Scan(ServerContext*, const v1::ScanRequest* request, v1::ScanResponse* response) override {
    // Refuses as a node with --max_scan_limit=100 does.
    if (request->limit() > 100) return Status(grpc::INVALID_ARGUMENT, "limit must be 1..100");
    return Serve("Scan", [&] {
      auto entry =
          request->cursor().empty() ? entries.begin() : entries.upper_bound(request->cursor());
      // Two entries are looked at, so that clients must ask for more, also after an empty page.
      for (int visits = 0; entry != entries.end() && visits < 2; ++entry, ++visits) {
        response->set_next_cursor(entry->first);
        if (entry->first.rfind(request->prefix(), 0) != 0) continue;
        v1::ScanEntry& found = *response->add_entries();
        found.set_key(entry->first);
        found.set_version(entry->second.version);
        if (!request->keys_only()) found.set_value(entry->second.value);
      }
      if (entry == entries.end()) response->clear_next_cursor();
    });
  }

  Status Pipeline(
      ServerContext*,
      grpc::ServerReaderWriter<v1::PipelineResponse, v1::PipelineRequest>* stream) override {
    v1::PipelineRequest request;
    while (stream->Read(&request)) {
      v1::PipelineResponse response;
      response.set_id(request.id());
      const Status status = Serve("Pipeline", [&] {
        if (request.has_get()) DoGet(request.get(), *response.mutable_get());
        if (request.has_set()) DoSet(request.set(), *response.mutable_set());
      });
      if (status.error_code() == grpc::UNAVAILABLE) return status;
      if (!status.ok()) {
        response.mutable_error()->set_code(status.error_code());
        response.mutable_error()->set_message(status.error_message());
      }
      stream->Write(response);
    }
    return Status::OK;
  }

  Status Stats(ServerContext*, const v1::StatsRequest*, v1::StatsResponse* response) override {
    return Serve("Stats", [&] {
      response->set_version("1.2.3");
      response->mutable_uptime()->set_seconds(61);
      response->set_entries(entries.size());
      response->set_hits(3);
      response->set_misses(1);
      (*response->mutable_requests())["Get/OK"] = 4;
    });
  }

  Status Flush(ServerContext*, const v1::FlushRequest*, v1::FlushResponse* response) override {
    return Serve("Flush", [&] {
      response->set_entries(entries.size());
      entries.clear();
    });
  }

  Status Digest(ServerContext*, const v1::DigestRequest* request,
                v1::DigestResponse* response) override {
    return Serve("Digest", [&] {
      const char byte = request->has_slot() ? static_cast<char>(request->slot()) : '\xff';
      response->set_digest(std::string(digest_bytes, byte));
      response->set_entries(entries.size());
    });
  }

  Status GetConfig(ServerContext*, const v1::GetConfigRequest* request,
                   v1::GetConfigResponse* response) override {
    if (!request->name().empty() && config.count(request->name()) == 0) {
      return Status(grpc::INVALID_ARGUMENT, "GetConfig: name is no flag of this node");
    }
    return Serve("GetConfig", [&] {
      for (const auto& [name, value] : config) {
        if (!request->name().empty() && name != request->name()) continue;
        v1::ConfigValue& answer = *response->add_values();
        answer.set_name(name);
        answer.set_value(value);
        answer.set_changeable(name == "memory");
      }
    });
  }

  Status SetConfig(ServerContext*, const v1::SetConfigRequest* request,
                   v1::SetConfigResponse*) override {
    for (const v1::ConfigValue& value : request->values()) {
      if (value.name() != "memory") {
        return Status(grpc::INVALID_ARGUMENT, "SetConfig: only memory can change");
      }
    }
    return Serve("SetConfig", [&] {
      for (const v1::ConfigValue& value : request->values()) config[value.name()] = value.value();
    });
  }

  Status Check(ServerContext*, const grpc::health::v1::HealthCheckRequest*,
               grpc::health::v1::HealthCheckResponse* response) override {
    return Serve("Check", [&] {
      response->set_status(serving ? grpc::health::v1::HealthCheckResponse::SERVING
                                   : grpc::health::v1::HealthCheckResponse::NOT_SERVING);
    });
  }

  struct Stored {
    std::string value;
    uint64_t version = 0;
    uint32_t flags = 0;
  };

  std::string address;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Stored> entries;
  std::map<std::string, std::string> config = {
      {"eviction", "lru"}, {"memory", "1GiB"}, {"metrics_listen", ""}};
  std::map<std::string, int> leases;
  std::map<std::string, int> calls;
  std::map<std::string, std::deque<Failure>> failures;
  std::vector<std::string> log;
  size_t digest_bytes = 16;
  uint64_t version = 100;
  int multi_get_limit = 1000;
  bool gets_held = false;
  bool serving = true;

  FakeCluster cluster{
      [this](const char* method, const auto& apply) { return Serve(method, apply); }};

  uint64_t Store(const std::string& key, const std::string& value, uint32_t flags) {
    entries[key] = {value, ++version, flags};
    return version;
  }

 private:
  template <typename Apply>
  Status Serve(const char* method, Apply&& apply) {
    std::lock_guard<std::mutex> lock(mutex);
    ++calls[method];
    std::deque<Failure>& waiting = failures[method];
    if (waiting.empty()) {
      apply();
      return Status::OK;
    }
    const Failure failure = waiting.front();
    waiting.pop_front();
    if (failure.applied) apply();
    return ToStatus(failure);
  }

  void DoGet(const v1::GetRequest& request, v1::GetResponse& response) {
    log.push_back(absl::StrCat("Get ", request.key()));
    const auto entry = entries.find(request.key());
    response.set_found(entry != entries.end());
    if (!response.found()) return;
    response.set_value(entry->second.value);
    response.set_version(entry->second.version);
    response.set_flags(entry->second.flags);
  }

  void DoSet(const v1::SetRequest& request, v1::SetResponse& response) {
    log.push_back(absl::StrCat("Set ", request.key()));
    const auto entry = entries.find(request.key());
    const bool exists = entry != entries.end();
    if (request.return_previous() && exists) {
      response.mutable_previous()->set_value(entry->second.value);
      response.mutable_previous()->set_version(entry->second.version);
    }
    v1::NotStoredReason reason = v1::NOT_STORED_REASON_UNSPECIFIED;
    if (request.if_absent() && exists) reason = v1::NOT_STORED_REASON_EXISTS;
    if ((request.if_present() || request.if_version() != 0) && !exists) {
      reason = v1::NOT_STORED_REASON_NOT_FOUND;
    } else if (request.if_version() != 0 && entry->second.version != request.if_version()) {
      reason = v1::NOT_STORED_REASON_VERSION_MISMATCH;
    }
    if (request.has_lease_token() && request.lease_token() != "\x01\xfftoken") {
      reason = v1::NOT_STORED_REASON_LEASE_LOST;
    }
    if (reason == v1::NOT_STORED_REASON_UNSPECIFIED) {
      response.mutable_stored()->set_version(
          Store(request.key(), request.value(), request.flags()));
    } else {
      response.mutable_not_stored()->set_reason(reason);
      response.mutable_not_stored()->set_current_version(exists ? entry->second.version : 0);
    }
  }

  void DoDelete(const v1::DeleteRequest& request, v1::DeleteResponse& response) {
    const auto entry = entries.find(request.key());
    if (entry == entries.end()) return;
    if (request.has_if_version() && entry->second.version != request.if_version()) {
      response.set_current_version(entry->second.version);
      return;
    }
    entries.erase(entry);
    response.set_deleted(true);
  }

  std::unique_ptr<grpc::Server> server_;
};

FakeNode::FakeNode() : node_(std::make_unique<Node>()) {}

FakeNode::~FakeNode() { ReleaseGets(); }

const std::string& FakeNode::address() const { return node_->address; }

void FakeNode::FailNext(const std::string& method, const std::vector<Failure>& failures) {
  std::lock_guard<std::mutex> lock(node_->mutex);
  for (const Failure& failure : failures) node_->failures[method].push_back(failure);
}

int FakeNode::calls(const std::string& method) const {
  std::lock_guard<std::mutex> lock(node_->mutex);
  const auto count = node_->calls.find(method);
  return count == node_->calls.end() ? 0 : count->second;
}

void FakeNode::HoldGets() {
  std::lock_guard<std::mutex> lock(node_->mutex);
  node_->gets_held = true;
}

void FakeNode::ReleaseGets() {
  std::lock_guard<std::mutex> lock(node_->mutex);
  node_->gets_held = false;
  node_->changed.notify_all();
}

void FakeNode::Put(const std::string& key, const std::string& value) {
  std::lock_guard<std::mutex> lock(node_->mutex);
  node_->Store(key, value, 0);
}

std::optional<std::string> FakeNode::Find(const std::string& key) const {
  std::lock_guard<std::mutex> lock(node_->mutex);
  const auto entry = node_->entries.find(key);
  if (entry == node_->entries.end()) return std::nullopt;
  return entry->second.value;
}

size_t FakeNode::size() const {
  std::lock_guard<std::mutex> lock(node_->mutex);
  return node_->entries.size();
}

void FakeNode::LimitMultiGet(int items) {
  std::lock_guard<std::mutex> lock(node_->mutex);
  node_->multi_get_limit = items;
}

std::vector<std::string> FakeNode::RequestLog() const {
  std::lock_guard<std::mutex> lock(node_->mutex);
  return node_->log;
}

void FakeNode::SetServing(bool serving) {
  std::lock_guard<std::mutex> lock(node_->mutex);
  node_->serving = serving;
}

void FakeNode::SetReplication(const std::string& text) {
  std::lock_guard<std::mutex> lock(node_->mutex);
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &node_->cluster.replication));
}

std::vector<std::string> FakeNode::ReplicaOfLog() const {
  std::lock_guard<std::mutex> lock(node_->mutex);
  return node_->cluster.replica_of;
}

void FakeNode::SetDigestBytes(size_t bytes) {
  std::lock_guard<std::mutex> lock(node_->mutex);
  node_->digest_bytes = bytes;
}

}  // namespace larder::testing
