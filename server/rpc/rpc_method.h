#ifndef LARDER_SERVER_RPC_RPC_METHOD_H_
#define LARDER_SERVER_RPC_RPC_METHOD_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace larder::server {

class RpcCall;

// A method with one request and one answer. Run on the threads of the I/O loops, by several at the
// same time.
class UnaryMethod {
 public:
  virtual ~UnaryMethod() = default;
  // Whether RpcCall::metadata() is to have what came; a constant.
  virtual bool reads_metadata() const { return false; }
  // Answers with at most one message and finishes the call, or defers it, before it returns. The
  // request's bytes are borrowed until then.
  virtual void Run(std::string_view request, RpcCall& call) = 0;
};

// What a streaming method does with one call. All on the thread of the call's loop. While the
// client does not read what it is sent, it gets no message. Destroyed when the call is finished or
// cancelled; may finish it from within any of these.
class StreamingCall {
 public:
  virtual ~StreamingCall() = default;
  // These come next, one after the other; if the client stops reading in between, the others are
  // announced again later.
  virtual void OnComing(absl::Span<const std::string_view> /*messages*/) {}
  virtual void OnMessage(std::string_view message) = 0;
  // Those that were announced have come.
  virtual void OnPause() {}
  // The client has sent its last message.
  virtual void OnEnd() = 0;
  // The node shuts down: finish. Messages that wait since the client does not read are not given.
  virtual void OnDrain() = 0;
  // The call is ended for it with this error: its deadline has passed, or what came cannot be read.
  virtual void OnFailed(absl::StatusCode /*code*/) {}
};

// A method that streams requests, answers or both.
class StreamingMethod {
 public:
  virtual ~StreamingMethod() = default;
  // Whether RpcCall::metadata() is to have what came; a constant.
  virtual bool reads_metadata() const { return false; }
  // `call` outlives what is returned, but for one that it has finished.
  virtual std::unique_ptr<StreamingCall> Open(RpcCall& call) = 0;
};

// One of the two.
struct RpcMethod {
  std::unique_ptr<UnaryMethod> unary;
  std::unique_ptr<StreamingMethod> streaming;

  bool reads_metadata() const {
    return unary != nullptr ? unary->reads_metadata() : streaming->reads_metadata();
  }
};

// The methods of a port by path: "/package.Service/Method". Filled before it is used.
class RpcMethods {
 public:
  // The bytes of grpc-status-details-bin for an error; none if they are empty.
  using DescribeError = std::string (*)(const absl::Status&);

  explicit RpcMethods(DescribeError describe_error = nullptr) : describe_error_(describe_error) {}

  std::string ErrorDetails(const absl::Status& error) const {
    return describe_error_ == nullptr ? std::string() : describe_error_(error);
  }
  void Add(std::string path, std::unique_ptr<UnaryMethod> method) {
    methods_[std::move(path)].unary = std::move(method);
  }
  void Add(std::string path, std::unique_ptr<StreamingMethod> method) {
    methods_[std::move(path)].streaming = std::move(method);
  }
  const RpcMethod* Find(std::string_view path) const {
    const auto found = methods_.find(absl::string_view(path.data(), path.size()));
    return found == methods_.end() ? nullptr : &found->second;
  }

 private:
  const DescribeError describe_error_;
  absl::flat_hash_map<std::string, RpcMethod> methods_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_RPC_METHOD_H_
