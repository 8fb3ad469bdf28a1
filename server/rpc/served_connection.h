#ifndef LARDER_SERVER_RPC_SERVED_CONNECTION_H_
#define LARDER_SERVER_RPC_SERVED_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/channel/file_descriptor.h"
#include "client/channel/loop_time.h"
#include "client/channel/machine_socket.h"
#include "client/channel/socket_watcher.h"
#include "server/rpc/call_mailbox.h"
#include "server/rpc/rpc_connection.h"
#include "server/rpc/tls_session.h"

namespace larder::server {

class ServerLoop;

// One client's connection: an RpcConnection on its socket, and since when it has done nothing of
// some kind. Belongs to a ServerLoop, and to its thread.
class ServedConnection final : public SocketWatcher {
 public:
  // `tls`: nullptr for plaintext. `retire_at`: when it is to get no new calls.
  ServedConnection(ServerLoop* loop, FileDescriptor socket, std::unique_ptr<TlsSession> tls,
                   LoopTime retire_at);
  ServedConnection(const ServedConnection&) = delete;
  ServedConnection& operator=(const ServedConnection&) = delete;

  // Begins. False: errno says why that cannot be.
  bool Watch();
  void OnReady(uint32_t events) override;
  // Goes on with calls that were deferred.
  void Resume(std::vector<CallLetter> letters);
  // Has the turn that it has waited for.
  void Continue();
  // Ends calls whose deadline has come. REQUIRES: there is one.
  void ExpireCalls();
  void Drain();
  void OnSecond(uint32_t seconds);
  void Close(ConnectionEnd reason);

  // What it holds of the node's budgets.
  ByteShare& incomplete_share() { return rpc_.incomplete_share(); }
  ByteShare& unread_share() { return rpc_.unread_share(); }

  uint64_t number() const { return rpc_.number(); }
  bool is_closing() const { return closing_at_ != kNoTime; }
  ConnectionEnd end() const { return end_; }

 private:
  // Says whether what comes is looked at.
  bool IsListening() const { return !is_failed_ && !is_closing(); }
  void Read();
  // Takes what the socket gave. False: close the connection when its output is sent.
  bool Receive(std::string_view bytes);
  void Write();
  // Draws the consequences of what has happened: sends, ends, or waits for what is to come.
  void Settle();
  void SetDeadline(LoopTime deadline);
  std::string DescribePeer();
  // Returns what has lasted too long for the connection to go on.
  std::optional<ConnectionEnd> Overdue() const;
  // Sends no more; throws away what comes until the client has closed.
  void BeginClose(ConnectionEnd reason);

  ServerLoop* const loop_;
  RpcConnection rpc_;
  MachineSocket<RpcConnection, TlsSession> socket_;
  const LoopTime opened_at_;
  const LoopTime retire_at_;
  LoopTime retired_at_ = kNoTime;
  LoopTime received_at_;  // anything
  LoopTime sent_at_;      // anything, or there was nothing to send
  LoopTime pinged_at_ = kNoTime;
  LoopTime closing_at_ = kNoTime;               // BeginClose
  LoopTime deadline_ = kNoTime;                 // of a call, as the loop knows it
  uint32_t events_;                             // that are watched
  bool is_failed_ = false;                      // to be closed when the output is sent
  ConnectionEnd end_ = ConnectionEnd::kClient;  // why, with BeginClose
  bool was_used_ = true;                        // since the last second
  bool waits_for_turn_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVED_CONNECTION_H_
