#ifndef LARDER_SERVER_RPC_IO_LOOP_H_
#define LARDER_SERVER_RPC_IO_LOOP_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/channel/file_descriptor.h"
#include "server/rpc/rpc_connection.h"
#include "storage/mutex.h"

namespace larder::server {

class TlsRotation;

// How long a connection may do nothing of some kind.
struct IoTimeouts {
  absl::Duration handshake_within = absl::Seconds(10);  // TLS, preface and SETTINGS
  absl::Duration ping_after = absl::Seconds(60);        // nothing was received
  absl::Duration pong_within = absl::Seconds(20);       // or the connection is closed
  absl::Duration unread_for = absl::Seconds(30);  // the client takes none of what waits for it
  absl::Duration linger = absl::Seconds(2);       // until the client has closed, too
  // A connection of that age, give or take a tenth, gets no new calls; it ends with its last call,
  // or after the grace.
  absl::Duration age_max = absl::InfiniteDuration();
  absl::Duration age_grace = absl::InfiniteDuration();
};

// One thread that serves connections, by epoll. Reads what has come for all of them, runs the
// methods, writes the answers: one recv and one send for each connection that has something.
class IoLoop {
 public:
  // All outlive the loop. `tls`: nullptr for plaintext. RESOURCE_EXHAUSTED: the process has too
  // many files open.
  static absl::StatusOr<std::unique_ptr<IoLoop>> Start(const RpcLimits* limits,
                                                       const RpcMethods* methods,
                                                       const IoTimeouts& timeouts,
                                                       TransportState* state,
                                                       const TlsRotation* tls = nullptr);
  // Closes all connections.
  ~IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // Takes a connection over; from any thread, as all that follows.
  void Add(FileDescriptor socket);
  // Ends each connection when its calls are finished.
  void Drain();
  // With those that are on their way to the loop.
  uint64_t connections() const { return connections_count_.load(std::memory_order_relaxed); }

 private:
  struct Connection;

  IoLoop(FileDescriptor epoll, FileDescriptor wake, FileDescriptor seconds, const RpcLimits* limits,
         const RpcMethods* methods, const IoTimeouts& timeouts, TransportState* state,
         const TlsRotation* tls);
  void Run();
  void Post(std::function<void()> task);
  // From any thread.
  void Wake();
  void RunTasks();
  // Goes on with calls that were deferred.
  void ResumeCalls();
  int TimeoutMs() const;
  void Open(FileDescriptor socket);
  void OnReady(Connection& connection, uint32_t events);
  void Read(Connection& connection);
  // Takes what the socket gave. False: close the connection when its output is sent.
  bool Receive(Connection& connection, std::string_view bytes);
  bool ReceiveTls(Connection& connection, std::string_view ciphertext);
  void Write(Connection& connection);
  // Sends the output and what may be lent with it, in one call; returns as send.
  ssize_t SendLent(Connection& connection);
  void Encrypt(Connection& connection);
  // After something has happened to it.
  void Settle(Connection& connection);
  // Gives those their turn that had more than fits into one.
  void ContinueTurns();
  void SetDeadline(Connection& connection, LoopTime deadline);
  void ExpireDeadlines();
  // Reads the timer, and does what is to be done each second.
  void OnSecond();
  void CheckTimeouts(Connection& connection, uint32_t seconds);
  // No more is sent; what comes is thrown away until the client has closed.
  void BeginClose(Connection& connection, ConnectionEnd reason);
  void Close(Connection& connection, ConnectionEnd reason);
  // What has lasted too long for the connection to go on.
  std::optional<ConnectionEnd> OverdueOf(const Connection& connection) const;

  const FileDescriptor epoll_;
  const FileDescriptor wake_;
  const FileDescriptor seconds_;  // a timer
  const RpcLimits* const limits_;
  const RpcMethods* const methods_;
  const IoTimeouts timeouts_;
  const TlsRotation* const tls_;
  std::atomic<uint64_t> connections_count_{0};
  std::atomic<bool> is_stopping_{false};
  storage::Mutex mutex_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);

  // Of the thread.
  LoopTime now_;
  std::minstd_rand random_;
  bool is_draining_ = false;
  std::unique_ptr<char[]> buffer_;     // what was received last
  std::unique_ptr<char[]> decrypted_;  // and what was in it; only with TLS
  RpcCallPool calls_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Connection>> connections_;  // by rpc.number()
  std::deque<Connection*> turns_;         // that have more to run, in the order of their turns
  std::vector<std::string_view> pieces_;  // of what is sent last
  std::vector<iovec> vectors_;            // the same for the system
  std::vector<std::unique_ptr<Connection>> closed_;  // of which there may still be events
  absl::btree_set<std::pair<LoopTime, Connection*>> deadlines_;
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_IO_LOOP_H_
