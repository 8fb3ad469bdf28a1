#include "client/channel/rpc_channel.h"

#include <algorithm>

#include "client/channel/channel_loop.h"

namespace larder {

absl::StatusOr<std::unique_ptr<RpcChannel>> RpcChannel::Create(const ChannelOptions& options) {
  const auto connections = static_cast<uint32_t>(std::max(options.connections, 1));
  const int io_threads = options.event_loop == nullptr ? std::max(options.io_threads, 1) : 1;
  const auto threads = std::min(static_cast<uint32_t>(io_threads), connections);
  std::unique_ptr<RpcChannel> channel(new RpcChannel(connections));
  for (uint32_t i = 0; i < threads; ++i) {
    const uint32_t places = connections / threads + (i < connections % threads ? 1 : 0);
    auto loop = ChannelLoop::Create(options, places);
    if (!loop.ok()) return loop.status();
    channel->loops_.push_back(*std::move(loop));
  }
  return channel;
}

RpcChannel::RpcChannel(uint32_t connections) : connections_(connections) {}

RpcChannel::~RpcChannel() {
  is_closed_.store(true);
  // All, before one is destroyed: a call that ends on one loop may begin another on any.
  for (const auto& loop : loops_) loop->Close();
}

void RpcChannel::Start(ChannelCall& call) {
  if (is_closed_.load(std::memory_order_relaxed)) return ChannelLoop::RefuseClosed(call);
  const uint32_t turn =
      connections_ == 1 ? 0 : next_.fetch_add(1, std::memory_order_relaxed) % connections_;
  const auto threads = static_cast<uint32_t>(loops_.size());
  loops_[turn % threads]->Start(call, turn / threads);
}

void RpcChannel::Cancel(ChannelCall& call) { loops_.front()->Cancel(call); }

}  // namespace larder
