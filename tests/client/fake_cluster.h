#ifndef LARDER_TESTS_CLIENT_FAKE_CLUSTER_H_
#define LARDER_TESTS_CLIENT_FAKE_CLUSTER_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "larder/v1/admin.grpc.pb.h"

namespace larder::testing {

// The Cluster service of a FakeNode. A class of its own, since a method of it is called Status.
class FakeCluster final : public v1::Cluster::Service {
 public:
  // Calls what it is given under the node's lock, or fails as the node is told to.
  using Serve = std::function<grpc::Status(const char* method, const std::function<void()>& apply)>;
  explicit FakeCluster(Serve serve) : serve_(std::move(serve)) {}

  grpc::Status ReplicaOf(grpc::ServerContext*, const v1::ReplicaOfRequest* request,
                         v1::ReplicaOfResponse*) override {
    return serve_("ReplicaOf", [&] { replica_of.push_back(request->endpoint()); });
  }

  grpc::Status Replication(grpc::ServerContext*, const v1::ReplicationRequest*,
                           v1::ReplicationResponse* response) override {
    return serve_("Replication", [&] { *response = replication; });
  }

  // Under the node's lock.
  std::vector<std::string> replica_of;
  v1::ReplicationResponse replication;

 private:
  const Serve serve_;
};

}  // namespace larder::testing

#endif  // LARDER_TESTS_CLIENT_FAKE_CLUSTER_H_
