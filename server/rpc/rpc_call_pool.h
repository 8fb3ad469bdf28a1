#ifndef LARDER_SERVER_RPC_RPC_CALL_POOL_H_
#define LARDER_SERVER_RPC_RPC_CALL_POOL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "client/channel/loop_time.h"
#include "server/rpc/call_mailbox.h"
#include "server/rpc/rpc_call.h"
#include "server/transport/transport_state.h"

namespace larder::server {

// Calls to be used again, and what is shared by the connections of a loop.
class RpcCallPool {
 public:
  // `state` outlives the pool. Nullptr: one of its own.
  explicit RpcCallPool(TransportState* state = nullptr, std::function<void()> wake = [] {});
  ~RpcCallPool() { mailbox_->Close(); }

  // Where completions of deferred calls come in.
  const std::shared_ptr<CallMailbox>& mailbox() const { return mailbox_; }
  uint64_t NextConnectionNumber() { return ++connections_; }
  TransportState& state() const { return *state_; }
  // The latest time that anybody has read while the loop works, so that nobody need read it again.
  LoopTime clock() const { return clock_; }
  void AdvanceClock(LoopTime now) { clock_ = std::max(clock_, now); }
  RpcCall* Take();
  void Give(RpcCall* call);

 private:
  static constexpr size_t kKeptMax = 4096;
  const std::unique_ptr<TransportState> own_state_;
  TransportState* const state_;
  const std::shared_ptr<CallMailbox> mailbox_;
  uint64_t connections_ = 0;  // ever
  LoopTime clock_{};
  std::vector<std::unique_ptr<RpcCall>> calls_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_RPC_CALL_POOL_H_
