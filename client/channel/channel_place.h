#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_PLACE_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_PLACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/channel/channel_call.h"
#include "client/channel/connect_backoff.h"
#include "client/channel/loop_time.h"
#include "client/channel/socket_address.h"

namespace larder {

class ChannelLink;
class ChannelLoop;

// Keeps one connection of a channel: makes it when a call needs it, tries one address after the
// other, and waits for a while after all have failed. Calls wait here for it. At most one link
// takes new calls. Belongs to a ChannelLoop, and to its thread.
class ChannelPlace {
 public:
  // `loop` outlives the place.
  explicit ChannelPlace(ChannelLoop* loop);
  ChannelPlace(const ChannelPlace&) = delete;
  ChannelPlace& operator=(const ChannelPlace&) = delete;

  // Starts the call on the link, lets it wait, or refuses it.
  void Begin(ChannelCall& call);
  // Starts those that wait, as far as the link takes them.
  void StartWaiting();
  // Forgets a call. REQUIRES: it waits here.
  void RemoveWaiting(ChannelCall& call) { waiting_.Remove(call); }

  bool Has(const ChannelLink& link) const { return link_ == &link; }
  // Notes that something came on a link.
  void OnReceived(const ChannelLink& link);
  // Goes on when a link, which may not be that of the place any more, has sent what it could.
  void OnSettled(ChannelLink& link);
  // Gives a link up, which may go on with the calls that it has.
  void Detach(ChannelLink& link, const std::string& why);

  // The time at which an attempt to connect is over; kNoTime: there is none.
  LoopTime connect_deadline() const {
    return state_ == State::kConnecting ? connect_deadline_ : kNoTime;
  }
  // Ends the attempt if its time is over.
  void ExpireConnect();
  // Refuses calls from now on.
  void Close(const std::string& why);

 private:
  enum class State : uint8_t { kIdle, kConnecting, kReady, kBackoff };
  using Addresses = std::vector<SocketAddress>;

  void BeginConnect();
  void OnResolved(absl::StatusOr<Addresses> addresses);
  void ConnectNext();
  // Begins with a link to this address. False: failure_ says why not.
  bool Connect(const SocketAddress& address);
  void FailConnect(std::string why, LoopTime retry_at);
  LoopTime NextRetry();

  ChannelLoop* const loop_;
  State state_ = State::kIdle;
  ChannelLink* link_ = nullptr;  // kReady; kConnecting, if the address is known
  CallQueue waiting_;
  ConnectBackoff backoff_;
  LoopTime retry_at_ = kNoTime;          // kBackoff
  LoopTime connect_deadline_ = kNoTime;  // kConnecting
  uint64_t attempts_ = 0;                // to connect
  std::string failure_;                  // of the last attempt
  Addresses addresses_;                  // of this attempt
  size_t next_address_ = 0;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_PLACE_H_
