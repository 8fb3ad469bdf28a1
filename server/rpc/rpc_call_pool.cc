#include "server/rpc/rpc_call_pool.h"

#include <utility>

namespace larder::server {

RpcCallPool::RpcCallPool(TransportState* state, std::function<void()> wake)
    : own_state_(state == nullptr ? std::make_unique<TransportState>() : nullptr),
      state_(state == nullptr ? own_state_.get() : state),
      mailbox_(std::make_shared<CallMailbox>(std::move(wake))) {}

RpcCall* RpcCallPool::Take() {
  if (calls_.empty()) return new RpcCall;
  RpcCall* const call = calls_.back().release();
  calls_.pop_back();
  return call;
}

void RpcCallPool::Give(RpcCall* call) {
  std::unique_ptr<RpcCall> owned(call);
  if (calls_.size() < kKeptMax) calls_.push_back(std::move(owned));
}

}  // namespace larder::server
