#include "absl/strings/str_cat.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/rpc_services.h"

namespace larder::server {
namespace {

template <typename Request>
void AddMaintenance(const ServiceParts& parts, RpcMethods& methods) {
  methods.Add(
      absl::StrCat("/larder.v1.Maintenance/", std::string(MethodName(Operation<Request>::kMethod))),
      std::make_unique<MessageMethod<Request>>(parts));
}

}  // namespace

void AddAdminMethods(const ServiceParts& parts, RpcMethods& methods) {
  AddMaintenance<v1::StatsRequest>(parts, methods);
  AddMaintenance<v1::MemoryStatsRequest>(parts, methods);
  AddMaintenance<v1::SlotStatsRequest>(parts, methods);
  AddMaintenance<v1::FlushRequest>(parts, methods);
  AddMaintenance<v1::GetConfigRequest>(parts, methods);
  AddMaintenance<v1::SetConfigRequest>(parts, methods);
  const auto add_unimplemented = [&](const char* service, Method method) {
    methods.Add(absl::StrCat(service, std::string(MethodName(method))),
                std::make_unique<UnimplementedMethod>(parts, method));
  };
  for (const Method method :
       {Method::kSnapshot, Method::kLastSnapshot, Method::kHotKeys, Method::kSlowLog}) {
    add_unimplemented("/larder.v1.Maintenance/", method);
  }
  for (const Method method : {Method::kStatus, Method::kNodes, Method::kSlots, Method::kShards,
                              Method::kMeet, Method::kForget, Method::kReplicate, Method::kFailover,
                              Method::kMigrateSlots, Method::kRebalance, Method::kEvents}) {
    add_unimplemented("/larder.v1.Cluster/", method);
  }
}

}  // namespace larder::server
