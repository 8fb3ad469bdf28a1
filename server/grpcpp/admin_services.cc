#include "larder/v1/admin.grpc.pb.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/unary_call.h"

namespace larder::server {
namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

class MaintenanceService final : public v1::Maintenance::CallbackService {
 public:
  explicit MaintenanceService(const ServiceParts& parts) : parts_(parts) {}

  Unary* Stats(Context*, const v1::StatsRequest* request, v1::StatsResponse* response) override {
    return UnaryCall<v1::StatsRequest>::Start(parts_, request, response);
  }
  Unary* MemoryStats(Context*, const v1::MemoryStatsRequest* request,
                     v1::MemoryStatsResponse* response) override {
    return UnaryCall<v1::MemoryStatsRequest>::Start(parts_, request, response);
  }
  Unary* SlotStats(Context*, const v1::SlotStatsRequest* request,
                   v1::SlotStatsResponse* response) override {
    return UnaryCall<v1::SlotStatsRequest>::Start(parts_, request, response);
  }
  Unary* Flush(Context* context, const v1::FlushRequest* request,
               v1::FlushResponse* response) override {
    return UnaryCall<v1::FlushRequest>::Start(parts_, request, response, context);
  }
  Unary* Digest(Context*, const v1::DigestRequest* request, v1::DigestResponse* response) override {
    return UnaryCall<v1::DigestRequest>::Start(parts_, request, response);
  }
  Unary* GetConfig(Context*, const v1::GetConfigRequest* request,
                   v1::GetConfigResponse* response) override {
    return UnaryCall<v1::GetConfigRequest>::Start(parts_, request, response);
  }
  Unary* SetConfig(Context* context, const v1::SetConfigRequest* request,
                   v1::SetConfigResponse* response) override {
    return UnaryCall<v1::SetConfigRequest>::Start(parts_, request, response, context);
  }
  Unary* Snapshot(Context* context, const v1::SnapshotRequest*, v1::SnapshotResponse*) override {
    return Unimplemented(parts_, context, Method::kSnapshot);
  }
  Unary* LastSnapshot(Context* context, const v1::LastSnapshotRequest*,
                      v1::LastSnapshotResponse*) override {
    return Unimplemented(parts_, context, Method::kLastSnapshot);
  }
  Unary* HotKeys(Context* context, const v1::HotKeysRequest*, v1::HotKeysResponse*) override {
    return Unimplemented(parts_, context, Method::kHotKeys);
  }
  Unary* SlowLog(Context* context, const v1::SlowLogRequest*, v1::SlowLogResponse*) override {
    return Unimplemented(parts_, context, Method::kSlowLog);
  }

 private:
  const ServiceParts parts_;
};

class ClusterService final : public v1::Cluster::CallbackService {
 public:
  explicit ClusterService(const ServiceParts& parts) : parts_(parts) {}

  Unary* Status(Context* context, const v1::StatusRequest*, v1::StatusResponse*) override {
    return Unimplemented(parts_, context, Method::kStatus);
  }
  Unary* Nodes(Context* context, const v1::NodesRequest*, v1::NodesResponse*) override {
    return Unimplemented(parts_, context, Method::kNodes);
  }
  Unary* Slots(Context* context, const v1::SlotsRequest*, v1::SlotsResponse*) override {
    return Unimplemented(parts_, context, Method::kSlots);
  }
  Unary* Shards(Context* context, const v1::ShardsRequest*, v1::ShardsResponse*) override {
    return Unimplemented(parts_, context, Method::kShards);
  }
  Unary* Meet(Context* context, const v1::MeetRequest*, v1::MeetResponse*) override {
    return Unimplemented(parts_, context, Method::kMeet);
  }
  Unary* Forget(Context* context, const v1::ForgetRequest*, v1::ForgetResponse*) override {
    return Unimplemented(parts_, context, Method::kForget);
  }
  Unary* Replicate(Context* context, const v1::ReplicateRequest*, v1::ReplicateResponse*) override {
    return Unimplemented(parts_, context, Method::kReplicate);
  }
  Unary* Failover(Context* context, const v1::FailoverRequest*, v1::FailoverResponse*) override {
    return Unimplemented(parts_, context, Method::kFailover);
  }
  Unary* ReplicaOf(Context* context, const v1::ReplicaOfRequest* request,
                   v1::ReplicaOfResponse* response) override {
    return UnaryCall<v1::ReplicaOfRequest>::Start(parts_, request, response, context);
  }
  Unary* Replication(Context*, const v1::ReplicationRequest* request,
                     v1::ReplicationResponse* response) override {
    return UnaryCall<v1::ReplicationRequest>::Start(parts_, request, response);
  }
  Unary* MigrateSlots(Context* context, const v1::MigrateSlotsRequest*,
                      v1::MigrateSlotsResponse*) override {
    return Unimplemented(parts_, context, Method::kMigrateSlots);
  }
  Unary* Rebalance(Context* context, const v1::RebalanceRequest*, v1::RebalanceResponse*) override {
    return Unimplemented(parts_, context, Method::kRebalance);
  }
  grpc::ServerWriteReactor<v1::EventsResponse>* Events(Context*,
                                                       const v1::EventsRequest*) override {
    return new UnimplementedStream<v1::EventsResponse>(parts_, Method::kEvents);
  }

 private:
  const ServiceParts parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> CreateMaintenanceService(const ServiceParts& parts) {
  return std::make_unique<MaintenanceService>(parts);
}

std::unique_ptr<grpc::Service> CreateClusterService(const ServiceParts& parts) {
  return std::make_unique<ClusterService>(parts);
}

}  // namespace larder::server
