#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_LINK_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_LINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "client/channel/channel_connection.h"
#include "client/channel/channel_tls_session.h"
#include "client/channel/file_descriptor.h"
#include "client/channel/loop_time.h"
#include "client/channel/machine_socket.h"
#include "client/channel/socket_watcher.h"

namespace larder {

class ChannelLoop;
class ChannelPlace;

// One connection of a channel, since its socket began to be connected: what is said on it, and
// whether the server still answers. Belongs to a ChannelLoop, and to its thread.
class ChannelLink final : public SocketWatcher {
 public:
  // Both outlive the link; `tls` is nullptr for plaintext.
  ChannelLink(ChannelLoop* loop, ChannelPlace* place, FileDescriptor socket,
              std::unique_ptr<ChannelTlsSession> tls);
  ChannelLink(const ChannelLink&) = delete;
  ChannelLink& operator=(const ChannelLink&) = delete;

  // Waits for the connection. False: errno says why that cannot be.
  bool Watch();
  void OnReady(uint32_t events) override;

  // Sends the call with this turn. REQUIRES: rpc().CanStart().
  void Start(ChannelCall& call);
  // Ends a call that has not ended; the server is told.
  void Cancel(ChannelCall& call);
  // Notes that it is to be settled; false: it is so already.
  bool MarkChanged();
  // Sends what waits, and draws the consequences of what has happened.
  void Settle();
  // Returns whether anything was done with it lately.
  bool OnSecond(uint32_t seconds);
  // Closes it, with the calls that it has.
  void Lose(const std::string& why);

  bool is_connecting() const { return is_connecting_; }  // the socket
  bool is_in_handshake() const {
    const ChannelTlsSession* const tls = socket_.tls();
    return tls != nullptr && tls->state() == ChannelTlsSession::State::kHandshake;
  }
  const ChannelConnection& rpc() const { return rpc_; }

 private:
  void OnConnected();
  void Read();
  // Takes what one recv gave. False: nothing more is to be read now.
  bool Take(std::string_view bytes);
  // Decrypts and takes bytes. False: they were no good.
  bool Receive(std::string_view bytes);
  void Write();
  void FinishEnded();
  void CheckKeepalive();
  // Says why it is no more, by what the socket said, or by what the server said before.
  std::string WhyBroken(std::string_view what) const;
  // Says what was wrong. REQUIRES: what came was no good.
  std::string WhyFailed() const;

  ChannelLoop* const loop_;
  ChannelPlace* const place_;
  ChannelConnection rpc_;
  MachineSocket<ChannelConnection, ChannelTlsSession> socket_;
  bool is_connecting_ = true;
  bool is_failed_ = false;   // to be closed when the output is sent
  bool is_changed_ = false;  // to be settled
  bool was_used_ = true;     // since the last second
  uint32_t events_ = 0;      // that are watched
  LoopTime received_at_;     // anything, or the first call of many began
  LoopTime pinged_at_ = kNoTime;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_LINK_H_
