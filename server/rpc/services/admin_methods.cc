#include "absl/strings/str_cat.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/rpc_services.h"

namespace larder::server {
namespace {

constexpr char kMaintenance[] = "/larder.v1.Maintenance/";
constexpr char kCluster[] = "/larder.v1.Cluster/";

template <typename Request>
void Add(const char* service, const ServiceParts& parts, RpcMethods& methods) {
  methods.Add(absl::StrCat(service, std::string(MethodName(Operation<Request>::kMethod))),
              std::make_unique<MessageMethod<Request>>(parts));
}

}  // namespace

void AddAdminMethods(const ServiceParts& parts, RpcMethods& methods) {
  Add<v1::StatsRequest>(kMaintenance, parts, methods);
  Add<v1::MemoryStatsRequest>(kMaintenance, parts, methods);
  Add<v1::SlotStatsRequest>(kMaintenance, parts, methods);
  Add<v1::FlushRequest>(kMaintenance, parts, methods);
  Add<v1::DigestRequest>(kMaintenance, parts, methods);
  Add<v1::GetConfigRequest>(kMaintenance, parts, methods);
  Add<v1::SetConfigRequest>(kMaintenance, parts, methods);
  Add<v1::ReplicaOfRequest>(kCluster, parts, methods);
  Add<v1::ReplicationRequest>(kCluster, parts, methods);
  const auto add_unimplemented = [&](const char* service, Method method) {
    methods.Add(absl::StrCat(service, std::string(MethodName(method))),
                std::make_unique<UnimplementedMethod>(parts, method));
  };
  for (const Method method :
       {Method::kSnapshot, Method::kLastSnapshot, Method::kHotKeys, Method::kSlowLog}) {
    add_unimplemented(kMaintenance, method);
  }
  for (const Method method : {Method::kStatus, Method::kNodes, Method::kSlots, Method::kShards,
                              Method::kMeet, Method::kForget, Method::kReplicate, Method::kFailover,
                              Method::kMigrateSlots, Method::kRebalance, Method::kEvents}) {
    add_unimplemented(kCluster, method);
  }
}

}  // namespace larder::server
