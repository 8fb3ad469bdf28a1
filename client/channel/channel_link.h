#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_LINK_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_LINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/channel/channel_loop.h"
#include "client/channel/channel_tls_session.h"

namespace larder {

// A socket, and what is said on it.
struct ChannelLoop::Link {
  Link(FileDescriptor from, Place* of, const ChannelConnectionLimits& limits,
       const RequestOrigin& origin, LoopTime now)
      : socket(std::move(from)), place(of), rpc(limits, origin), received_at(now) {}

  bool is_in_handshake() const {
    return tls != nullptr && tls->state() == ChannelTlsSession::State::kHandshake;
  }
  // Something waits for the socket; what cannot be encrypted does not.
  bool has_output() const;
  void DropOutput();
  // Why it is no more, by what the socket said, or by what the server said before.
  std::string WhyBroken(std::string_view what) const;
  // REQUIRES: what came was no good.
  std::string WhyFailed() const;

  FileDescriptor socket;
  Place* const place;
  ChannelConnection rpc;
  std::unique_ptr<ChannelTlsSession> tls;  // nullptr: plaintext
  bool is_connecting = true;               // the socket
  bool is_failed = false;                  // to be closed when the output is sent
  bool is_changed = false;                 // in changed_
  bool was_used = true;                    // since the last second
  uint32_t events = 0;                     // that epoll is asked for
  LoopTime received_at;                    // anything, or the first call of many began
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

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_LINK_H_
