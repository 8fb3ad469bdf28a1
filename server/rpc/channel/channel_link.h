#ifndef LARDER_SERVER_RPC_CHANNEL_CHANNEL_LINK_H_
#define LARDER_SERVER_RPC_CHANNEL_CHANNEL_LINK_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/rpc/channel/channel_loop.h"

namespace larder::server {

// A socket, and what is said on it.
struct ChannelLoop::Link {
  Link(FileDescriptor from, Place* of, const ChannelConnectionLimits& limits,
       const std::string& authority, LoopTime now)
      : socket(std::move(from)), place(of), rpc(limits, authority), received_at(now) {}

  FileDescriptor socket;
  Place* const place;
  ChannelConnection rpc;
  bool is_connecting = true;  // the socket
  bool is_failed = false;     // to be closed when the output is sent
  bool is_changed = false;    // in changed_
  bool was_used = true;       // since the last second
  uint32_t events = 0;        // that epoll is asked for
  LoopTime received_at;       // anything, or the first call of many began
  LoopTime pinged_at = kNoTime;
};

// Where a connection is kept: at most one takes new calls.
struct ChannelLoop::Place {
  enum class State : uint8_t { kIdle, kConnecting, kReady, kBackoff };

  explicit Place(const ChannelOptions& options)
      : backoff(options.backoff_initial, options.backoff_max) {}

  State state = State::kIdle;
  Link* link = nullptr;  // kReady; kConnecting, if the address is known
  CallQueue waiting;
  ConnectBackoff backoff;
  LoopTime retry_at = kNoTime;          // kBackoff
  LoopTime connect_deadline = kNoTime;  // kConnecting
  uint64_t attempts = 0;                // to connect
  std::string failure;                  // of the last attempt
  Addresses addresses;                  // of this attempt
  size_t next_address = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_CHANNEL_CHANNEL_LINK_H_
