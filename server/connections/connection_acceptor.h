#ifndef LARDER_SERVER_CONNECTIONS_CONNECTION_ACCEPTOR_H_
#define LARDER_SERVER_CONNECTIONS_CONNECTION_ACCEPTOR_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "client/channel/file_descriptor.h"
#include "server/connections/connection_table.h"
#include "server/connections/listening_socket.h"

namespace larder::server {

// Accepts connections on a thread of its own and hands them on, up to the limit of a
// ConnectionTable. One over the limit gets an HTTP/2 GOAWAY that names the limit, or, where clients
// speak TLS, an alert. When the process is out of file descriptors it pauses instead of spinning.
class ConnectionAcceptor {
 public:
  // Receives a non-blocking socket and owns it. Called on the acceptor's thread.
  using HandOver = std::function<void(int socket)>;

  // What clients speak, and so can be told.
  enum class Protocol : uint8_t { kHttp2, kTls };

  // `table` must outlive the acceptor.
  static absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> Start(ListeningSocket listening,
                                                                   ConnectionTable* table,
                                                                   HandOver hand_over,
                                                                   Protocol protocol);
  ~ConnectionAcceptor();
  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

  // Closes the listening socket; no connection is handed over after it returns.
  void Stop();

 private:
  using Clock = std::chrono::steady_clock;

  // A refused connection that may still be reading its GOAWAY.
  struct Refused {
    FileDescriptor socket;
    Clock::time_point close_at;
  };

  ConnectionAcceptor(ListeningSocket listening, FileDescriptor stop_event, ConnectionTable* table,
                     HandOver hand_over, Protocol protocol);

  void Run();
  // Accepts what is waiting; how long not to listen after that.
  Clock::duration AcceptAll();
  void Refuse(FileDescriptor socket);
  void CloseRefused(Clock::time_point now);

  FileDescriptor listening_;
  const Endpoint endpoint_;
  const FileDescriptor stop_event_;
  ConnectionTable* const table_;
  const HandOver hand_over_;
  const std::string refusal_;
  std::deque<Refused> refused_;  // of the thread
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_CONNECTIONS_CONNECTION_ACCEPTOR_H_
