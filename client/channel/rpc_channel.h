#ifndef LARDER_CLIENT_CHANNEL_RPC_CHANNEL_H_
#define LARDER_CLIENT_CHANNEL_RPC_CHANNEL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "client/channel/channel_call.h"
#include "client/channel/channel_options.h"

namespace larder {

class ChannelLoop;

// A gRPC client for unary calls to one server, over TCP or a unix socket, with TLS
// or without. Thread-safe.
//
//   class Answer : public ChannelCall { void OnDone() override { ... status, response ... } };
//   call.path = "/package.Service/Method";
//   std::memcpy(call.ResizeRequest(bytes.size()), bytes.data(), bytes.size());
//   call.deadline = now + std::chrono::seconds(1);
//   channel->Start(call);
//
// Connects with the first call, which waits for that. While a server cannot be reached calls end
// with UNAVAILABLE at once, but for one that tries again after each backoff. A call that the server
// has refused unseen is tried once more by itself, for instance on a new connection after GOAWAY.
class RpcChannel {
 public:
  // No I/O yet. RESOURCE_EXHAUSTED, INTERNAL: the process has too many files open, or threads.
  static absl::StatusOr<std::unique_ptr<RpcChannel>> Create(const ChannelOptions& options);

  // Calls that are open end with UNAVAILABLE, and so do those that their OnDone starts. REQUIRES:
  // no other thread starts one; not on a thread of the channel, but for a task of the EventLoop
  // that the channel was given.
  ~RpcChannel();
  RpcChannel(const RpcChannel&) = delete;
  RpcChannel& operator=(const RpcChannel&) = delete;

  // Begins an attempt, without blocking. Its deadline is what ends it at the latest.
  void Start(ChannelCall& call);

  // Ends a call that was started and has not ended: with CANCELLED, OnDone being called before this
  // returns, and the server is told if it may have heard of it. REQUIRES: the channel was given an
  // EventLoop, on whose thread this runs, but in no OnDone.
  void Cancel(ChannelCall& call);

 private:
  explicit RpcChannel(uint32_t connections);

  const uint32_t connections_;
  std::vector<std::unique_ptr<ChannelLoop>> loops_;
  std::atomic<uint32_t> next_{0};
  std::atomic<bool> is_closed_{false};  // what is begun from now on ends at once
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_RPC_CHANNEL_H_
