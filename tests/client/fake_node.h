#ifndef LARDER_TESTS_CLIENT_FAKE_NODE_H_
#define LARDER_TESTS_CLIENT_FAKE_NODE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace larder::testing {

// A node in this process, on a free port, with a plain map behind it, that fails as it is told to.
// Knows no expiry. Thread-safe.
class FakeNode {
 public:
  struct Failure {
    absl::StatusCode code = absl::StatusCode::kUnavailable;
    // Whether it has status details, as a node sends them, or none, as the gRPC library makes it
    // up.
    bool from_server = false;
    std::optional<absl::Duration> retry_after = {};
    // The call is carried out first: only its answer is lost.
    bool applied = false;
  };

  FakeNode();
  ~FakeNode();

  const std::string& address() const;

  // The next calls of a method ("Get") end with these, one each.
  void FailNext(const std::string& method, const std::vector<Failure>& failures);

  // How often the method was called; "Pipeline" counts operations.
  int calls(const std::string& method) const;

  // Calls of Get wait until ReleaseGets.
  void HoldGets();
  void ReleaseGets();

  void Put(const std::string& key, const std::string& value);
  std::optional<std::string> Find(const std::string& key) const;
  size_t size() const;

  // What a MultiGet answers at most; the rest is RESOURCE_EXHAUSTED.
  void LimitMultiGet(int items);

  // Single Gets and Sets, also of Pipelines, in the order in which they came.
  std::vector<std::string> RequestLog() const;  // "Get key", "Set key"

  void SetServing(bool serving);

  // What Replication answers, as text of a larder.v1.ReplicationResponse.
  void SetReplication(const std::string& text);
  // How long the digests are that it makes up; 16 is right.
  void SetDigestBytes(size_t bytes);
  // Endpoints that ReplicaOf was asked for.
  std::vector<std::string> ReplicaOfLog() const;

 private:
  class Node;
  std::unique_ptr<Node> node_;
};

}  // namespace larder::testing

#endif  // LARDER_TESTS_CLIENT_FAKE_NODE_H_
