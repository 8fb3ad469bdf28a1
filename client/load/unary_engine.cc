#include <grpcpp/grpcpp.h>

#include <vector>

#include "client/channel.h"
#include "client/load/engine.h"
#include "client/proto_time.h"
#include "client/status.h"
#include "larder/v1/cache.grpc.pb.h"

namespace larder::load {
namespace {

template <typename Response>
using Reader = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>>;

// An operation with what gRPC needs until it has ended. Messages are kept: their strings keep their
// room.
struct Slot final : Operation {
  v1::Cache::Stub* stub = nullptr;
  bool running = false;
  std::unique_ptr<grpc::ClientContext> context;
  grpc::Status rpc_status;
  v1::GetRequest get_request;
  v1::GetResponse get_response;
  Reader<v1::GetResponse> get_reader;
  v1::SetRequest set_request;
  v1::SetResponse set_response;
  Reader<v1::SetResponse> set_reader;
};

// One RPC an operation.
class UnaryEngine final : public Engine {
 public:
  explicit UnaryEngine(const EngineOptions& options)
      : timeout_(absl::ToChronoNanoseconds(options.timeout)),
        slots_(static_cast<size_t>(options.connections) * options.inflight) {
    for (int i = 0; i < options.connections; ++i) {
      stubs_.push_back(v1::Cache::NewStub(CreateChannel(
          {options.address, absl::Seconds(1), options.max_receive_bytes, options.tls})));
    }
    for (size_t i = slots_.size(); i-- > 0;) {
      slots_[i].stub = stubs_[i % stubs_.size()].get();
      if (options.ttl) *slots_[i].set_request.mutable_ttl() = ToProto(*options.ttl);
      AddFree(slots_[i]);
    }
  }

  ~UnaryEngine() override {
    for (Slot& slot : slots_) {
      if (slot.running) slot.context->TryCancel();
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  void Start(Operation& operation) override {
    Slot& slot = static_cast<Slot&>(operation);
    slot.running = true;
    slot.context = std::make_unique<grpc::ClientContext>();
    slot.context->set_deadline(std::chrono::system_clock::now() + timeout_);
    if (slot.kind == Operation::Kind::kGet) {
      slot.get_request.set_key(slot.key);
      slot.get_response.Clear();
      slot.get_reader = slot.stub->AsyncGet(slot.context.get(), slot.get_request, &queue_);
      slot.get_reader->Finish(&slot.get_response, &slot.rpc_status, &slot);
    } else {
      slot.set_request.set_key(slot.key);
      slot.set_request.mutable_value()->swap(slot.value);
      slot.set_response.Clear();
      slot.set_reader = slot.stub->AsyncSet(slot.context.get(), slot.set_request, &queue_);
      // gRPC has its own bytes by now.
      slot.set_request.mutable_value()->swap(slot.value);
      slot.set_reader->Finish(&slot.set_response, &slot.rpc_status, &slot);
    }
  }

  Operation* Next(absl::Duration wait) override {
    void* tag = nullptr;
    bool ok = false;
    const auto deadline = std::chrono::system_clock::now() + absl::ToChronoNanoseconds(wait);
    if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return nullptr;
    Slot& slot = *static_cast<Slot*>(tag);
    slot.running = false;
    slot.found = false;
    if (slot.rpc_status.ok()) {
      slot.status = absl::OkStatus();
      if (slot.kind == Operation::Kind::kGet) {
        slot.found = slot.get_response.found();
        slot.value.swap(*slot.get_response.mutable_value());
      }
    } else {
      slot.status =
          InterpretRpcStatus({static_cast<int>(slot.rpc_status.error_code()),
                              slot.rpc_status.error_message(), slot.rpc_status.error_details()})
              .status;
    }
    return &slot;
  }

 private:
  const std::chrono::nanoseconds timeout_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<v1::Cache::Stub>> stubs_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Engine> CreateUnaryEngine(const EngineOptions& options) {
  return std::make_unique<UnaryEngine>(options);
}

}  // namespace larder::load
