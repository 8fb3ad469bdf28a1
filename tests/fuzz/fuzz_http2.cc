// Bytes of an HTTP/2 client, valid and not, through a connection of the gRPC server with a unary
// and a streaming method. Input: a byte that says how it is cut into pieces and whether the preface
// and SETTINGS are put before it, then what the client sends.
// What must hold: no memory is misused, what is kept and what waits to be sent is bounded.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/rpc/answer_writer.h"
#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/echo_method.h"

namespace larder::server {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// Answers with the request and its metadata, or with an error for one that begins with "e".
class EchoOrError final : public UnaryMethod {
 public:
  bool reads_metadata() const override { return true; }
  void Run(std::string_view request, RpcCall& call) override {
    for (const auto& [name, value] : call.metadata().entries()) {
      Require(call.AddInitialMetadata(name, value).code() != absl::StatusCode::kFailedPrecondition);
      if (!call.AddTrailingMetadata(name, value).ok()) break;
    }
    AnswerWriter answer(&call);
    answer.Open(request.size()).Append(request);
    if (request.starts_with('e')) return call.Finish(absl::AbortedError("as asked"));
    answer.Close();
    call.Finish(absl::OkStatus());
  }
};

// One that begins with "f" finishes.
class FinishingCall final : public EchoCall {
 public:
  using EchoCall::EchoCall;
  void OnMessage(std::string_view message) override {
    if (message.starts_with('f')) return call()->Finish(absl::OkStatus());
    AnswerWriter answer(call());
    answer.Open(0).Append(message);  // it becomes longer than it was to be
    answer.Close();
  }
};

RpcLimits SmallLimits() {
  RpcLimits limits;
  limits.session.streams_max = 8;
  limits.session.header_bytes_max = 2048;
  limits.session.stream_window_bytes = 20000;
  limits.session.output_bytes_max = 20000;
  limits.session.lent_bytes_min = 200;
  limits.request_bytes_max = 10000;
  limits.buffered_bytes_max = 30000;
  limits.unread_bytes_max = 30000;
  return limits;
}

void Run(uint8_t shape, std::string_view bytes) {
  constexpr std::string_view kHello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  const RpcLimits limits = SmallLimits();
  RpcMethods methods;
  methods.Add("/u", std::make_unique<EchoOrError>());
  methods.Add("/s", std::make_unique<EchoStream<FinishingCall>>());
  RpcCallPool calls;
  RpcConnection connection(limits, &methods, &calls);
  const bool reads_answers = (shape & 1) != 0;
  if ((shape & 0x80) == 0) connection.EnableLending();
  const size_t piece = size_t{1} << (shape >> 1 & 15);
  LoopTime now{};
  const auto feed = [&](std::string_view input) {
    now += std::chrono::milliseconds(1);
    if (!connection.Receive(input, now)) return false;
    connection.ExpireCalls(now);
    if (input.size() % 5 == 0) connection.OnSecondsPassed(1, absl::Seconds(2));
    OutputBuffer& output = connection.output();
    Require(output.size() <= 2'000'000);
    if (reads_answers) {
      std::vector<std::string_view> pieces;
      connection.Lend(pieces);
      size_t bytes = 0;
      for (const std::string_view each : pieces) bytes += each.size();
      // Sometimes the socket does not take all.
      connection.TakeBack(pieces, input.size() % 3 == 0 ? bytes : bytes / (input.size() % 3));
      connection.OnOutputSent();
    }
    return true;
  };
  if ((shape & 0x20) != 0 && !feed(kHello)) return;
  const size_t bytes_left_for_drain = bytes.size() / 2;
  bool drains = false;
  while (!bytes.empty()) {
    if (!feed(bytes.substr(0, piece))) return;
    bytes.remove_prefix(std::min(piece, bytes.size()));
    if ((shape & 0x40) != 0 && !drains && bytes.size() < bytes_left_for_drain) {
      drains = true;
      connection.Drain();
    }
    if ((shape & 0x80) != 0) connection.ReleaseMemory();
  }
}

}  // namespace
}  // namespace larder::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  larder::server::Run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
