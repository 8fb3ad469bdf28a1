#include "absl/strings/str_cat.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/pipeline_method.h"
#include "server/rpc/services/routed_method.h"
#include "server/rpc/services/rpc_services.h"
#include "server/rpc/services/wire_methods.h"

namespace larder::server {
namespace {

std::string PathOf(Method method) {
  return absl::StrCat("/larder.v1.Cache/", std::string(MethodName(method)));
}

template <typename Request>
std::unique_ptr<UnaryMethod> CreateMessageMethod(const ServiceParts& parts) {
  return std::make_unique<MessageMethod<Request>>(parts);
}

}  // namespace

void AddCacheMethods(const ServiceParts& parts, Forwarder* forwarder, RpcMethods& methods) {
  const auto add = [&](Method method, std::unique_ptr<UnaryMethod> (*create)(const ServiceParts&)) {
    methods.Add(PathOf(method), forwarder == nullptr ? create(parts)
                                                     : std::make_unique<RoutedMethod>(
                                                           parts, method, forwarder, create));
  };
  add(Method::kGet, &CreateGetMethod);
  add(Method::kSet, &CreateSetMethod);
  add(Method::kDelete, &CreateDeleteMethod);
  add(Method::kTouch, &CreateTouchMethod);
  add(Method::kMultiGet, &CreateMultiGetMethod);
  add(Method::kMultiSet, &CreateMultiSetMethod);
  add(Method::kMultiDelete, &CreateMultiDeleteMethod);
  add(Method::kLease, &CreateMessageMethod<v1::LeaseRequest>);
  add(Method::kIncrement, &CreateMessageMethod<v1::IncrementRequest>);
  add(Method::kAppend, &CreateMessageMethod<v1::AppendRequest>);
  add(Method::kScan, &CreateMessageMethod<v1::ScanRequest>);
  methods.Add(PathOf(Method::kPipeline), std::make_unique<PipelineMethod>(parts, forwarder));
  methods.Add(PathOf(Method::kWatch), std::make_unique<UnimplementedMethod>(parts, Method::kWatch));
}

}  // namespace larder::server
