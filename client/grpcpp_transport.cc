#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/channel.h"
#include "client/transport.h"

namespace larder {
namespace {

// What gRPC needs until an attempt has ended.
struct Attempt {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer answer;
};

grpc::ByteBuffer ToBuffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());  // a copy: gRPC may keep it for longer
  return grpc::ByteBuffer(&slice, 1);
}

void AppendTo(const grpc::ByteBuffer& buffer, std::string& bytes) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
}

// Bounded, so that a date comes out of it.
std::chrono::nanoseconds TimeLeft(const ChannelCall& call) {
  return std::min<std::chrono::nanoseconds>(call.deadline - std::chrono::steady_clock::now(),
                                            std::chrono::hours(24 * 365 * 100));
}

// Its channels die on the thread of the destructor: gRPC's Channel, when it is the last one with
// callbacks, joins the threads that run these, and a thread cannot join itself. So an attempt frees
// its ClientContext, which owns its channel, before it has ended.
class GrpcppTransport final : public Transport {
 public:
  GrpcppTransport(const ClientOptions& options, std::optional<TlsMaterial> tls) {
    const GrpcChannelOptions channel = {options.address, options.connect_timeout,
                                        options.max_receive_bytes, std::move(tls)};
    for (int i = 0; i < options.connections; ++i) stubs_.emplace_back(CreateChannel(channel));
  }

  void Start(ChannelCall& call) override {
    auto owned = std::make_unique<Attempt>();
    Attempt& attempt = *owned;
    attempt.context.set_deadline(std::chrono::system_clock::now() + TimeLeft(call));
    attempt.request = ToBuffer(call.request_message());
    call.response.clear();
    Stub& stub = stubs_[next_.fetch_add(1, std::memory_order_relaxed) % stubs_.size()];
    stub.UnaryCall(&attempt.context, std::string(call.path), grpc::StubOptions(), &attempt.request,
                   &attempt.answer, [&call, raw = owned.release()](grpc::Status status) {
                     std::unique_ptr<Attempt> ended(raw);
                     if (status.ok()) AppendTo(ended->answer, call.response);
                     call.status = {static_cast<int>(status.error_code()), status.error_message(),
                                    status.error_details()};
                     ended.reset();
                     call.OnDone();
                   });
  }

 private:
  using Stub = grpc::GenericStub;

  std::vector<Stub> stubs_;
  std::atomic<uint32_t> next_{0};
};

}  // namespace

std::unique_ptr<Transport> CreateGrpcppTransport(const ClientOptions& options,
                                                 std::optional<TlsMaterial> tls) {
  return std::make_unique<GrpcppTransport>(options, std::move(tls));
}

}  // namespace larder
