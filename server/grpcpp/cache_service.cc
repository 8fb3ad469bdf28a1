#include "larder/v1/cache.grpc.pb.h"
#include "server/grpcpp/pipeline_stream.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/unary_call.h"

namespace larder::server {
namespace {

using Context = grpc::CallbackServerContext;
using Unary = grpc::ServerUnaryReactor;

class CacheService final : public v1::Cache::CallbackService {
 public:
  CacheService(const ServiceParts& parts, StreamRegistry* streams)
      : parts_(parts), streams_(streams) {}

  Unary* Get(Context*, const v1::GetRequest* request, v1::GetResponse* response) override {
    return UnaryCall<v1::GetRequest>::Start(parts_, request, response);
  }
  Unary* Set(Context*, const v1::SetRequest* request, v1::SetResponse* response) override {
    return UnaryCall<v1::SetRequest>::Start(parts_, request, response);
  }
  Unary* Delete(Context*, const v1::DeleteRequest* request, v1::DeleteResponse* response) override {
    return UnaryCall<v1::DeleteRequest>::Start(parts_, request, response);
  }
  Unary* Lease(Context*, const v1::LeaseRequest* request, v1::LeaseResponse* response) override {
    return UnaryCall<v1::LeaseRequest>::Start(parts_, request, response);
  }
  Unary* MultiGet(Context*, const v1::MultiGetRequest* request,
                  v1::MultiGetResponse* response) override {
    return UnaryCall<v1::MultiGetRequest>::Start(parts_, request, response);
  }
  Unary* MultiSet(Context*, const v1::MultiSetRequest* request,
                  v1::MultiSetResponse* response) override {
    return UnaryCall<v1::MultiSetRequest>::Start(parts_, request, response);
  }
  Unary* MultiDelete(Context*, const v1::MultiDeleteRequest* request,
                     v1::MultiDeleteResponse* response) override {
    return UnaryCall<v1::MultiDeleteRequest>::Start(parts_, request, response);
  }
  Unary* Touch(Context*, const v1::TouchRequest* request, v1::TouchResponse* response) override {
    return UnaryCall<v1::TouchRequest>::Start(parts_, request, response);
  }
  Unary* Increment(Context*, const v1::IncrementRequest* request,
                   v1::IncrementResponse* response) override {
    return UnaryCall<v1::IncrementRequest>::Start(parts_, request, response);
  }
  Unary* Append(Context*, const v1::AppendRequest* request, v1::AppendResponse* response) override {
    return UnaryCall<v1::AppendRequest>::Start(parts_, request, response);
  }
  Unary* Scan(Context*, const v1::ScanRequest* request, v1::ScanResponse* response) override {
    return UnaryCall<v1::ScanRequest>::Start(parts_, request, response);
  }

  grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>* Pipeline(Context*) override {
    return StartPipelineStream(parts_, streams_);
  }

  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(Context*, const v1::WatchRequest*) override {
    return new UnimplementedStream<v1::WatchResponse>(parts_, Method::kWatch);
  }

 private:
  const ServiceParts parts_;
  StreamRegistry* const streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> CreateCacheService(const ServiceParts& parts,
                                                  StreamRegistry* streams) {
  return std::make_unique<CacheService>(parts, streams);
}

}  // namespace larder::server
