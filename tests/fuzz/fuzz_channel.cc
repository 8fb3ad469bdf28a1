// Bytes of an HTTP/2 server, valid and not, through a connection of the gRPC client with some calls
// in flight, one of which is cancelled midway. Input: a byte that says how it is cut into pieces
// and whether SETTINGS are put before it, then what the server sends.
// What must hold: no memory is misused, each call ends once, and what is kept and what waits to be
// sent is bounded.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "client/channel/channel_connection.h"

namespace larder {
namespace {

constexpr size_t kCalls = 6;
constexpr size_t kAnswerBytesMax = 20000;

void Require(bool holds) {
  if (!holds) std::abort();
}

class Call final : public ChannelCall {
 public:
  explicit Call(size_t message_bytes) {
    path = "/package.Service/Method";
    std::memset(ResizeRequest(message_bytes), 'm', message_bytes);
  }
  void OnDone() override { std::abort(); }  // the loop's to say
};

ChannelConnectionLimits SmallLimits() {
  ChannelConnectionLimits limits;
  limits.session.streams_max = 4;
  limits.session.header_bytes_max = 2048;
  limits.session.stream_window_bytes = 20000;
  limits.session.connection_window_bytes = 70000;
  limits.session.output_bytes_max = 20000;
  limits.answer_bytes_max = kAnswerBytesMax;
  return limits;
}

class Run {
 public:
  explicit Run(uint8_t shape) : shape_(shape), connection_(SmallLimits(), {"localhost"}) {
    for (size_t i = 0; i < kCalls; ++i) calls_.push_back(std::make_unique<Call>(i * i * 1500));
  }

  void Feed(std::string_view bytes) {
    constexpr std::string_view kSettings("\0\0\0\4\0\0\0\0\0", 9);
    const size_t piece = size_t{1} << (shape_ >> 1 & 15);
    bool goes_on = (shape_ & 0x20) == 0 || Receive(kSettings);
    while (goes_on && !bytes.empty()) {
      goes_on = Receive(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
      if ((shape_ & 0x40) != 0 && bytes.size() < 8) CancelOne();
      if ((shape_ & 0x80) != 0) connection_.ReleaseMemory();
    }
    connection_.Close("the end");
    TakeEnded();
    Require(connection_.calls() == 0 && in_flight_.empty());
  }

 private:
  bool Receive(std::string_view bytes) {
    const bool goes_on = connection_.Receive(bytes);
    TakeEnded();
    if (!goes_on) return false;
    while (next_ < calls_.size() && connection_.CanStart()) {
      in_flight_.insert(calls_[next_].get());
      connection_.Start(*calls_[next_++], LoopTime());
    }
    OutputBuffer& output = connection_.output();
    Require(output.size() <= 1'000'000);
    if ((shape_ & 1) != 0) {
      output.MarkSent(output.size());
      connection_.OnOutputSent();
    }
    return true;
  }

  void TakeEnded() {
    for (ChannelCall* const call : connection_.TakeEnded()) {
      Require(in_flight_.erase(call) == 1);
      Require(call->response.size() <= kAnswerBytesMax);
      Require(call->status.code != 0 || call->status.message.empty());
      Require(call->status.code >= 0 && call->status.code <= 16);
    }
  }

  void CancelOne() {
    if (in_flight_.empty()) return;
    connection_.Cancel(**in_flight_.begin());
    in_flight_.erase(in_flight_.begin());
  }

  const uint8_t shape_;
  ChannelConnection connection_;
  std::vector<std::unique_ptr<Call>> calls_;
  size_t next_ = 0;
  std::set<ChannelCall*> in_flight_;
};

}  // namespace
}  // namespace larder

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  larder::Run(data[0]).Feed({reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
