#include "absl/strings/str_cat.h"
#include "server/rpc/services/message_method.h"
#include "server/rpc/services/pipeline_method.h"
#include "server/rpc/services/rpc_services.h"
#include "server/rpc/services/wire_methods.h"

namespace larder::server {
namespace {

std::string PathOf(Method method) {
  return absl::StrCat("/larder.v1.Cache/", std::string(MethodName(method)));
}

template <typename... Requests>
void Add(const ServiceParts& parts, RpcMethods& methods) {
  (methods.Add(PathOf(Operation<Requests>::kMethod),
               std::make_unique<MessageMethod<Requests>>(parts)),
   ...);
}

}  // namespace

void AddCacheMethods(const ServiceParts& parts, RpcMethods& methods) {
  methods.Add(PathOf(Method::kGet), CreateGetMethod(parts));
  methods.Add(PathOf(Method::kSet), CreateSetMethod(parts));
  methods.Add(PathOf(Method::kDelete), CreateDeleteMethod(parts));
  methods.Add(PathOf(Method::kTouch), CreateTouchMethod(parts));
  methods.Add(PathOf(Method::kMultiGet), CreateMultiGetMethod(parts));
  methods.Add(PathOf(Method::kMultiSet), CreateMultiSetMethod(parts));
  methods.Add(PathOf(Method::kMultiDelete), CreateMultiDeleteMethod(parts));
  Add<v1::LeaseRequest, v1::IncrementRequest, v1::AppendRequest, v1::ScanRequest>(parts, methods);
  methods.Add(PathOf(Method::kPipeline), std::make_unique<PipelineMethod>(parts));
  methods.Add(PathOf(Method::kWatch), std::make_unique<UnimplementedMethod>(parts, Method::kWatch));
}

}  // namespace larder::server
